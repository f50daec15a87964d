// contiguous: elements in row-major order.

import ndarray from 'ndarray';
import ops from 'ndarray-ops';
import { requireTensor } from './checks.ts';
import { operation } from './operation.ts';
import { isContiguous, zeros } from './tensor.ts';
import type { FloatArray, Tensor } from './tensor.ts';

/**
 * The same elements in row-major order: x itself if they are stored so already, else a copy.
 * @param x any shape, any strides (transposed, sliced, stepped, reversed)
 */
export function contiguous(x: Tensor): Tensor {
  requireTensor('contiguous', 'x', x);
  return isContiguous(x) ? x : copy(x);
}

/**
 * The elements of a checked tensor as one flat array in row-major order: a window on its data where they are
 * stored so already, else a copy.
 */
export function flat(x: Tensor): FloatArray {
  if (!isContiguous(x)) return copy(x).data;
  return x.offset === 0 && x.data.length === x.size ? x.data : x.data.subarray(x.offset, x.offset + x.size);
}

/** A copy with float64 elements, exact. */
export function toFloat64(x: Tensor): Tensor<Float64Array> {
  return ndarray(Float64Array.from(flat(contiguous(x))), [...x.shape]);
}

function copy(x: Tensor): Tensor {
  const y = zeros(x.shape, x.data);
  // ndarray-ops picks the order of its loops by the strides. Axes of extent 1 or 0 need no care, an empty tensor no
  // call.
  if (y.size > 0) ops.assign(y as ndarray.NdArray, x as ndarray.NdArray);
  return y;
}

export const contiguousOperation = operation({
  plain: contiguous,
  record: (x) => ({ inputs: [x], attributes: {} }),
  call: (f, [x]) => f(x),
  shapes: ([x]) => [x.shape],
  unchanged: ([x]) => isContiguous(x),
  layout: 'dense',
  rounding: 'moves',
});
