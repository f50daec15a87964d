// Between the tensors of the network and the plain rows of numbers that the oracle compares.

import ndarray from 'ndarray';
import { contiguous } from '../ops/contiguous.ts';
import { isContiguous, type Tensor } from '../ops/tensor.ts';
import type { Values } from '../oracle/types.ts';

/** A tensor's numbers in row-major order; a view where they lie so already. */
export function valuesOf(x: Tensor): Values {
  const dense = isContiguous(x) ? x : contiguous(x);
  return { shape: [...dense.shape], data: dense.data.subarray(dense.offset, dense.offset + dense.size) };
}

/** The same numbers as a tensor. */
export function tensorOf({ shape, data }: Values): Tensor {
  return ndarray(data, [...shape]) as Tensor;
}
