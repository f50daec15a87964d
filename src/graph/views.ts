// Questions about how a recorded view lies in its storage. Strides in elements.

import type { Tensor } from '../ops/tensor.ts';

/** Leading axes as one: how many vectors the first axes count and how far apart they lie; null if not evenly. */
export function collapse(
  shape: readonly number[],
  stride: readonly number[],
): { count: number; stride: number } | null {
  let count = 1;
  let step = 0;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 1) continue;
    if (count === 1) step = stride[axis];
    else if (stride[axis] !== step * count) return null;
    count *= shape[axis];
  }
  return { count, stride: step };
}

/** A tensor (…,D) as evenly spaced rows whose elements lie one after the other; null if it is not so. */
export function rowsOf(x: Tensor): { count: number; stride: number } | null {
  const last = x.shape.length - 1;
  if (x.shape[last] > 1 && x.stride[last] !== 1) return null;
  return collapse(x.shape.slice(0, last), x.stride.slice(0, last));
}

/** A tensor (N,C,H,W) as evenly spaced planes, row-major in themselves; null if it is not so. */
export function planesOf(x: Tensor): { count: number; stride: number } | null {
  const inner = collapse(x.shape.slice(2), x.stride.slice(2));
  if (inner === null || (inner.count > 1 && inner.stride !== 1)) return null;
  return collapse(x.shape.slice(0, 2), x.stride.slice(0, 2));
}
