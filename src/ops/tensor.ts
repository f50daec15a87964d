// The tensor that every operation takes and gives: an ndarray over float32 (the contract) or float64 (the truth).
//
// Letters used in shapes throughout the project: N batch, C channels, H W height and width, T tokens, D width of a
// token, A heads, O outputs, KH KW kernel, P patch, E embedding. A matrix product is (M,K) x (K,O), so that N always
// means batch.

import ndarray from 'ndarray';

export type FloatArray = Float32Array | Float64Array;
export type Tensor<D extends FloatArray = FloatArray> = ndarray.NdArray<D>;
/** Numbers of rows, of tokens for example. */
export type Ids = ndarray.NdArray<Int32Array>;

/** A new tensor of zeros with the given shape, in row-major order, with the element type of `like`. */
export function zeros(shape: readonly number[], like: FloatArray): Tensor {
  const size = sizeOf(shape);
  const data = like instanceof Float32Array ? new Float32Array(size) : new Float64Array(size);
  return ndarray(data as FloatArray, [...shape]);
}

/** The number of elements of a shape: the product of its extents, 1 for a scalar's (). */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Whether the elements lie one after the other in row-major order. Axes of extent 1 may have any stride. */
export function isContiguous(x: { shape: number[]; stride: number[] }): boolean {
  let expected = 1;
  for (let axis = x.shape.length - 1; axis >= 0; axis--) {
    if (x.shape[axis] !== 1 && x.stride[axis] !== expected) return false;
    expected *= x.shape[axis];
  }
  return true;
}

/**
 * The same elements under another shape, as a view: no element moves.
 * @param x a tensor in row-major order
 * @throws RangeError if the elements are not in row-major order (copy with `contiguous` first) or the sizes differ
 */
export function reshape<X extends Tensor>(x: X, shape: readonly number[]): X {
  if (!isContiguous(x)) {
    throw new RangeError(
      `reshape: "x" expected row-major order, got strides (${x.stride.join(', ')}) for shape ` +
        `(${x.shape.join(', ')}); copy it with contiguous(x) first`,
    );
  }
  if (sizeOf(shape) !== x.size) {
    throw new RangeError(
      `reshape: "shape" expected ${x.size} elements like (${x.shape.join(', ')}), got (${shape.join(', ')})`,
    );
  }
  return ndarray(x.data, [...shape], undefined, x.offset) as X;
}
