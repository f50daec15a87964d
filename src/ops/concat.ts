// concat: tensors joined along an axis, https://pytorch.org/docs/stable/generated/torch.cat.html

import type ndarray from 'ndarray';
import ops from 'ndarray-ops';
import { describe, requireNoWider, requireTensor, shapeText } from './checks.ts';
import { toFloat64 } from './contiguous.ts';
import { operation } from './operation.ts';
import { zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

/**
 * Tensors joined along an axis, all other extents equal -> their elements one after the other along that axis, in the
 * element type of the first.
 * @param axis 0 … rank - 1
 * @throws TypeError, RangeError where there is no tensor, a shape or the axis does not fit, or a tensor is wider than
 *   the first
 */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  if (!Array.isArray(tensors))
    throw new TypeError(`concat: "tensors" expected an Array of ndarrays, got ${describe(tensors)}`);
  if (tensors.length === 0) throw new RangeError('concat: "tensors" expected at least one tensor, got none');
  const parts = tensors as readonly Tensor[];
  parts.forEach((part, i) => {
    requireTensor('concat', `tensors[${i}]`, part);
  });
  const first = parts[0];
  const rank = first.shape.length;
  if (typeof axis !== 'number') throw new TypeError(`concat: "axis" expected a number, got ${describe(axis)}`);
  if (!Number.isInteger(axis) || axis < 0 || axis >= rank)
    throw new RangeError(`concat: "axis" expected a whole number from 0 to ${rank - 1}, got ${axis}`);
  const letters = shapeText(first.shape.map((extent, i) => (i === axis ? '…' : extent)));
  parts.forEach((part, i) => {
    requireNoWider('concat', `tensors[${i}]`, part, first);
    if (part.shape.length !== rank || part.shape.some((extent, d) => d !== axis && extent !== first.shape[d])) {
      throw new RangeError(`concat: "tensors[${i}]" expected shape ${letters}, got ${shapeText(part.shape)}`);
    }
  });

  const extent = parts.reduce((sum, part) => sum + part.shape[axis], 0);
  const y = zeros(
    first.shape.map((e, i) => (i === axis ? extent : e)),
    first.data,
  );
  let start = 0;
  for (const part of parts) {
    const low = new Array<number>(rank).fill(0);
    low[axis] = start;
    if (part.size > 0) ops.assign((y as ndarray.NdArray).lo(...low).hi(...part.shape), part as ndarray.NdArray);
    start += part.shape[axis];
  }
  return y;
}

export const concatOperation = operation({
  plain: concat,
  // The result has the element type of the first tensor, which may be a parameter.
  plain64: (tensors, axis) =>
    concat(
      tensors.map((x) => (x.data instanceof Float64Array ? x : toFloat64(x))),
      axis,
    ),
  record: (tensors, axis) => ({ inputs: tensors, attributes: { axis } }),
  call: (f, tensors, { axis }) => f(tensors, axis),
  shapes: (tensors, { axis }) => [
    tensors[0].shape.map((extent, i) => (i === axis ? tensors.reduce((sum, x) => sum + x.shape[axis], 0) : extent)),
  ],
  layout: 'dense',
  rounding: 'moves',
});
