// Tensors as plain rows of numbers, as dumps hold them, and back.

import ndarray from 'ndarray';
import { contiguous } from '../ops/contiguous.ts';
import { isContiguous, type Tensor } from '../ops/tensor.ts';

/** A tensor's numbers in row-major order, in PyTorch's layout of that module. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

/** A tensor's numbers in row-major order; a view where they are stored so already. */
export function valuesOf(x: Tensor): Values {
  const dense = isContiguous(x) ? x : contiguous(x);
  return { shape: [...dense.shape], data: dense.data.subarray(dense.offset, dense.offset + dense.size) };
}

/** The same numbers as a tensor. */
export function tensorOf({ shape, data }: Values): Tensor {
  return ndarray(data, [...shape]) as Tensor;
}
