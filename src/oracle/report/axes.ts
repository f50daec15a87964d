// Which axis of a module's output is which, so that errors can be drawn: channels against positions in a ResNet, tokens
// against width in a transformer.
// N batch, C channels, H W height and width, T tokens, D width, E embedding.

export interface Axes {
  /** The tensor as (outer, rows, inner, columns) in row-major order; outer and inner (the images) are merged. */
  readonly outer: number;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly rowKind: 'channel' | 'token' | 'image' | 'row';
  readonly columnKind: 'position' | 'dimension';
  /**
   * Which axes the picture's plane is: in the columns of (N,C,H,W), in the rows after the class token of a transformer.
   */
  readonly plane: {
    readonly along: 'rows' | 'columns';
    readonly first: number;
    readonly height: number;
    readonly width: number;
  } | null;
  /** What the indices of an element are called, one name per axis of the shape. */
  readonly indices: readonly string[];
}

/**
 * @param name the module's path: inside a transformer PyTorch's order is (T,N,D), outside of it (N,T,D)
 * @param shape its output's shape
 */
export function axesOf(name: string, shape: readonly number[]): Axes {
  if (shape.length === 4) {
    const [N, C, H, W] = shape;
    return {
      outer: N,
      rows: C,
      inner: 1,
      columns: H * W,
      rowKind: 'channel',
      columnKind: 'position',
      plane: H > 1 && W > 1 ? { along: 'columns', first: 0, height: H, width: W } : null,
      indices: ['image', 'channel', 'y', 'x'],
    };
  }
  if (shape.length === 3) {
    const inside = /(^|\.)transformer(\.|$)/.test(name);
    const [T, N, D] = inside ? shape : [shape[1], shape[0], shape[2]];
    const side = Math.floor(Math.sqrt(T - 1));
    return {
      outer: inside ? 1 : N,
      rows: T,
      inner: inside ? N : 1,
      columns: D,
      rowKind: 'token',
      columnKind: 'dimension',
      plane: side > 1 && side * side === T - 1 ? { along: 'rows', first: 1, height: side, width: side } : null,
      indices: inside ? ['token', 'image', 'dimension'] : ['image', 'token', 'dimension'],
    };
  }
  const rows = shape.length > 1 ? shape[0] : 1;
  const columns = shape.slice(shape.length > 1 ? 1 : 0).reduce((product, extent) => product * extent, 1);
  const indices = shape.map((_, axis) =>
    shape.length === 2 && axis === 0 ? 'image' : shape.length <= 2 ? 'dimension' : `axis ${axis}`,
  );
  return {
    outer: 1,
    rows,
    inner: 1,
    columns,
    rowKind: shape.length > 2 ? 'row' : 'image',
    columnKind: 'dimension',
    plane: null,
    indices,
  };
}

/** The indices along each axis of the element at a place in row-major order. */
export function unravel(place: number, shape: readonly number[]): number[] {
  const index = new Array<number>(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = place % shape[axis];
    place = Math.floor(place / shape[axis]);
  }
  return index;
}
