// l2Normalize: vectors to unit length, x / x.norm(dim=-1, keepdim=True) in OpenAI's CLIP (model.py, forward).

import { requireTensor } from './checks.ts';
import { flat } from './contiguous.ts';
import { totalOfSquares } from './stripes.ts';
import { rowwise } from './operation.ts';
import { zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

/**
 * x (…,D) -> the shape of x, over the last axis. Numerics contract, item 10: x / sqrt(sum of squares), float64 inside,
 * one rounding. A zero vector gives NaN.
 */
export function l2Normalize(x: Tensor): Tensor {
  requireTensor('l2Normalize', 'x', x, 1, '(…, D)', true);
  const D = x.shape[x.shape.length - 1];
  const y = zeros(x.shape, x.data);
  const from = flat(x);
  const to = y.data;
  for (let row = 0; row < to.length; row += D) {
    // [1] norm
    const norm = Math.sqrt(totalOfSquares(from, row, D, 0));
    // [2] y = x / norm
    for (let i = row; i < row + D; i++) to[i] = from[i] / norm;
  }
  return y;
}

export const l2NormalizeOperation = rowwise(l2Normalize);
