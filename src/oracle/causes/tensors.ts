// Small things that faults do to tensors.

import ndarray from 'ndarray';
import { reference } from '../../ops/reference.ts';
import { indexAt } from '../../graph/node.ts';
import { zeros, type Tensor } from '../../ops/tensor.ts';

/** A new tensor of the same shape, element by element; `i` counts in row-major order. */
export function mapped(x: Tensor, f: (value: number, i: number) => number): Tensor {
  const y = zeros(x.shape, x.data);
  for (let i = 0; i < y.size; i++) y.data[i] = f(x.data[indexAt(x, i)], i);
  return y;
}

/** The same for an image (N,3,H,W); `c` is the channel. */
export function mappedByChannel(image: Tensor, f: (value: number, c: number) => number): Tensor {
  const plane = image.shape[2] * image.shape[3];
  return mapped(image, (value, i) => f(value, Math.floor(i / plane) % 3));
}

/**
 * A new tensor whose slices along `axis` are those of `x` in the given order; a slice that is null is NaN: not known
 * it.
 */
export function picked(x: Tensor, axis: number, slices: readonly (number | null)[]): Tensor {
  const y = zeros(
    x.shape.map((extent, i) => (i === axis ? slices.length : extent)),
    x.data,
  );
  const inner = y.stride[axis];
  for (let i = 0; i < y.size; i++) {
    const at = Math.floor(i / inner) % slices.length;
    const from = slices[at];
    if (from === null) {
      y.data[i] = NaN;
      continue;
    }
    const outer = Math.floor(i / (inner * slices.length));
    y.data[i] = x.data[indexAt(x, (outer * x.shape[axis] + from) * inner + (i % inner))];
  }
  return y;
}

/** 0 … n-1 */
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** The same memory read with other extents: what comes out where a buffer's axes are taken in a wrong order. Copies. */
export function reread(x: Tensor, shape: readonly number[]): Tensor {
  const dense = reference.contiguous(x);
  return ndarray(dense.data.slice(dense.offset, dense.offset + dense.size), [...shape]) as Tensor;
}

/** A copy in row-major order. */
export function dense(x: Tensor): Tensor {
  return mapped(x, (value) => value);
}

/** Rows from `begin` to `end` of the first axis, as a view. */
export function rowsOf(x: Tensor, begin: number, end: number): Tensor {
  return ndarray(x.data, [end - begin, ...x.shape.slice(1)], x.stride, x.offset + begin * x.stride[0]) as Tensor;
}
