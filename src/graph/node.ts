// A recorded network: nodes, and the memory that their tensors will have. Tensors are ndarrays over a Storage, a piece
// of memory that has no address yet, so that views (transpose, hi, lo, pick) work as on any ndarray.

import ndarray from 'ndarray';
import { NR } from '../ops/dot-products.simd.ts';
import type { Operand, Shape } from '../ops/operation.ts';
import type { AttributesOf, InputsOf, OperationName, ShapesOf } from '../ops/operations.ts';
import { isContiguous, sizeOf, type Ids, type Tensor } from '../ops/tensor.ts';

/** Data that is known when it is recorded. */
export type Constant = Float32Array | Float64Array | Int32Array;

/** Where a storage's contents come from. */
export type Origin =
  | { readonly kind: 'node'; readonly node: Node }
  /** Given to the run: slot i of its inputs. */
  | { readonly kind: 'input'; readonly slot: number }
  /** Known when it was recorded. */
  | { readonly kind: 'constant'; readonly data: Constant; readonly index: number }
  /** A parameter, in memory since it was read. */
  | { readonly kind: 'weight'; readonly name: string; readonly shape?: Shape };

/**
 * A piece of memory of `length` elements, whose width depends on the mode and on the origin. Its elements cannot be
 * read: they are not computed yet.
 */
export class Storage {
  readonly length: number;
  readonly origin: Origin;

  constructor(length: number, origin: Origin) {
    this.length = length;
    this.origin = origin;
  }

  get(): number {
    throw new Error('a recorded tensor has no elements yet; layers may look at shapes only');
  }

  set(): void {
    throw new Error('a recorded tensor cannot be written');
  }
}

/** How an output is laid out: strides, and the elements of its storage, padding included. */
export interface MemoryLayout {
  readonly stride: readonly number[];
  readonly size: number;
}

type TensorPer<Shapes extends readonly Shape[]> = { readonly [I in keyof Shapes]: Tensor };

/** One operation, recorded. Every output has a storage of its own. */
export class RecordedNode<Name extends OperationName> {
  readonly op: Name;
  /** In the order of the operation's arguments. */
  readonly inputs: InputsOf[Name];
  readonly attributes: AttributesOf[Name];
  readonly outputs: TensorPer<ShapesOf[Name]>;

  /** @param layouts a layout per output */
  constructor(
    op: Name,
    inputs: InputsOf[Name],
    attributes: AttributesOf[Name],
    shapes: ShapesOf[Name],
    layouts: readonly MemoryLayout[],
  ) {
    this.op = op;
    this.inputs = inputs;
    this.attributes = attributes;
    const node = this as unknown as Node;
    this.outputs = shapes.map((shape, i) =>
      view(new Storage(layouts[i].size, { kind: 'node', node }), shape, layouts[i].stride),
    ) as unknown as TensorPer<ShapesOf[Name]>;
  }

  /** The inputs that are there: optional ones may be missing. */
  get operands(): readonly Operand[] {
    const inputs: readonly (Operand | undefined)[] = this.inputs;
    return inputs.filter((x) => x !== undefined);
  }

  /** The first output. */
  get output(): Tensor {
    return this.outputs[0];
  }

  /** The first output's storage. */
  get storage(): Storage {
    return storageOf(this.output);
  }
}

/** Any recorded operation: a union over `op`, which says what its inputs and attributes are. */
export type Node = { [Name in OperationName]: RecordedNode<Name> }[OperationName];

export const storageOf = (x: { readonly data: unknown }): Storage => {
  if (x.data instanceof Storage) return x.data;
  throw new TypeError('expected a recorded tensor');
};

/** An ndarray over a storage. */
export function view(storage: Storage, shape: Shape, stride: readonly number[], offset = 0): Tensor {
  return ndarray(storage as never, [...shape], [...stride], offset) as unknown as Tensor;
}

/** A tensor of parameters, or one that is given at run time. */
export function source(origin: Origin, shape: Shape): Tensor {
  return view(new Storage(sizeOf(shape), origin), shape, paddedStrides(shape, 0).stride);
}

/** Row-major strides where the innermost `inner` axes together are padded to whole panels of 8. */
export function paddedStrides(shape: Shape, inner: number): MemoryLayout {
  const stride = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (inner > 0 && axis === shape.length - 1 - inner) step = Math.ceil(step / NR) * NR;
    stride[axis] = step;
    step *= shape[axis];
  }
  return { stride, size: inner > 0 && inner === shape.length ? Math.ceil(step / NR) * NR : step };
}

/** Element i in row-major order. */
export const elementAt = (x: Tensor | Ids, i: number): number => x.data[indexAt(x, i)];

/** The index in the view's data of element i in row-major order. */
export function indexAt(x: Pick<Tensor, 'shape' | 'stride' | 'offset'>, i: number): number {
  let rest = i;
  let at = x.offset;
  for (let axis = x.shape.length - 1; axis >= 0; axis--) {
    at += (rest % x.shape[axis]) * x.stride[axis];
    rest = Math.floor(rest / x.shape[axis]);
  }
  return at;
}

/** The node's output that a storage holds. */
export function outputIn(storage: Storage, node: Node): Tensor {
  const outputs: readonly Tensor[] = node.outputs;
  return outputs.find((y) => storageOf(y) === storage)!;
}

/** Whether a view shows all of its storage, in order, padding apart. */
export function isWhole(x: Tensor): boolean {
  const storage = storageOf(x);
  const { origin } = storage;
  if (origin.kind !== 'node') return x.offset === 0 && x.size === storage.length && isContiguous(x);
  const output = outputIn(storage, origin.node);
  return x.offset === 0 && x.shape.join() === output.shape.join() && x.stride.join() === output.stride.join();
}
