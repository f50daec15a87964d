// The truth: the same definitions on float64 storage. Operations give their result in the element type of their first
// input, so only those whose first input may be a parameter, which stays float32, need a word of their own.

import ndarray from 'ndarray';
import type { Operations } from './operations.ts';
import { reference } from './reference.ts';
import type { Tensor } from './tensor.ts';

/** A copy with float64 elements, exact. */
export function toFloat64(x: Tensor): Tensor<Float64Array> {
  const dense = reference.contiguous(x);
  return ndarray(Float64Array.from(dense.data.subarray(dense.offset, dense.offset + dense.size)), [...x.shape]);
}

export const reference64: Operations = {
  ...reference,
  concat: (tensors, axis) =>
    reference.concat(
      tensors.map((x) => (x.data instanceof Float64Array ? x : toFloat64(x))),
      axis,
    ),
  embedding: (ids, table) => toFloat64(reference.embedding(ids, table)),
};
