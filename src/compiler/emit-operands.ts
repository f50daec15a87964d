// Operands of the steps of both modes: a view's address and strides, after a copy if its layout is not what the kernel
// takes.

import { isContiguous, type Tensor } from '../ops/tensor.ts';
import { isWhole, paddedStrides, storageOf, view, type Node, type RecordedNode } from '../graph/node.ts';
import type { Operand } from '../ops/operation.ts';
import type { Context } from './context.ts';
import type { View64 } from './plain64.ts';
import { collapse, planesOf, rowsOf } from '../graph/views.ts';
import type { PlacedWeight } from './weights.ts';

/** Vectors `stride` elements apart from the address on. */
export interface Vectors {
  address: number;
  count: number;
  stride: number;
}

/** A tensor's address, shape and strides. */
export function lying(x: Operand, context: Context): View64 {
  return { address: context.address(x), shape: [...x.shape], stride: [...x.stride], kind: context.kind(storageOf(x)) };
}

/** Copies a view to an address, under given strides (in elements), as numbers of the mode. */
export function copy(x: Tensor, address: number, stride: readonly number[], context: Context): void {
  if (context.bytes === 8) {
    context.steps.push({
      kind: 'copy64',
      x: lying(x, context),
      y: { address, shape: [...x.shape], stride: [...stride], kind: 'f64' },
    });
    return;
  }
  const bytes = (strides: readonly number[]): number[] => strides.map((s) => 4 * s);
  context.steps.push({
    kind: 'copy',
    x: context.address(x),
    y: address,
    shape: [...x.shape],
    xStride: bytes(x.stride),
    yStride: bytes(stride),
  });
}

/** Copies the operands of a concat next to each other. */
export function concatenate(
  { inputs, attributes: { axis }, output, storage }: RecordedNode<'concat'>,
  context: Context,
) {
  const y = context.place(storage);
  let before = 0;
  for (const x of inputs) {
    copy(x, y + context.bytes * before * output.stride[axis], output.stride, context);
    before += x.shape[axis];
  }
}

/** Whether a view's elements are as wide as the mode: in float64 mode parameters are not. */
const isWide = (x: Tensor, context: Context): boolean => context.bytes === 4 || context.kind(storageOf(x)) === 'f64';

/**
 * The view itself if `good` and of the mode's width, else its address after a copy into row-major order, with the
 * strides that it then has.
 */
export function asDense(x: Tensor, good: boolean, context: Context): { address: number; stride: readonly number[] } {
  if (good && isWide(x, context)) return { address: context.address(x), stride: x.stride };
  const { stride } = paddedStrides(x.shape, 0);
  const address = context.temporary(context.bytes * x.size + 64);
  copy(x, address, stride, context);
  return { address, stride };
}

export const dense = (x: Tensor, context: Context): number => asDense(x, isContiguous(x), context).address;

/** Evenly spaced vectors, if `of` finds them in the view, or else in a copy of it. */
function evenly(x: Tensor, of: (x: Tensor) => { count: number; stride: number } | null, context: Context): Vectors {
  const { address, stride } = asDense(x, of(x) !== null, context);
  return { address, ...of(view(storageOf(x), x.shape, stride))! };
}

/** Evenly spaced rows with elements side by side: (…,D). */
export const rows = (x: Tensor, context: Context): Vectors => evenly(x, rowsOf, context);

/** Evenly spaced planes, row-major in themselves: (N,C,H,W). */
export const planes = (x: Tensor, context: Context): Vectors => evenly(x, planesOf, context);

/** Evenly spaced rows whose elements may be kStride apart. */
export function spacedRows(x: Tensor, context: Context): Vectors & { kStride: number } {
  const last = x.shape.length - 1;
  const leading = (stride: readonly number[]) => collapse(x.shape.slice(0, last), stride.slice(0, last));
  const { address, stride } = asDense(x, leading(x.stride) !== null, context);
  return { address, ...leading(stride)!, kStride: stride[last] };
}

/**
 * The output's memory with x's elements in it, or x itself where it has the output's layout: for operations on all
 * elements alike, padding included.
 */
export function inPlace(node: Node, context: Context): { x: number; y: number; count: number } {
  const x = node.inputs[0] as Tensor;
  const y = context.place(node.storage);
  const count = node.storage.length;
  if (isWhole(x) && x.stride.join() === node.output.stride.join() && isWide(x, context))
    return { x: context.address(x), y, count };
  copy(x, y, node.output.stride, context);
  return { x: y, y, count };
}

/** A view's address if it has the layout of the node's output and the mode's width, else after a copy that does. */
export function like(x: Tensor, last: Node, context: Context): number {
  if (x.stride.join() === last.output.stride.join() && isWide(x, context)) return context.address(x);
  const address = context.temporary(context.bytes * last.storage.length + 64);
  copy(x, address, last.output.stride, context);
  return address;
}

/** The address of a weight that was packed for products when it was loaded; null if it was not. */
export function packedWeight(x: Tensor, layout: 'rows' | 'columns', context: Context): PlacedWeight | null {
  const { origin } = storageOf(x);
  if (origin.kind === 'node' && (origin.node.op === 'round' || origin.node.op === 'quantize')) {
    const stored = packedWeight(origin.node.inputs[0], layout, context);
    return stored === null
      ? null
      : { ...stored, form: 'f32', address: context.address(origin.node.output), also: undefined };
  }
  const placed = origin.kind === 'weight' ? context.around.weights.get(origin.name) : undefined;
  return placed?.layout === layout ? placed : null;
}
