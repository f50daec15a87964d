// Attention in its parts, each result a tensor of its own: for the emulation of backends that store them, and for
// attention maps.

import ndarray from 'ndarray';
import type { AttentionOptions } from '../ops/attention.ts';
import type { Operations } from '../ops/operations.ts';
import { sizeOf, type Tensor } from '../ops/tensor.ts';

export type PartOperations = Pick<Operations, 'scale' | 'matmul' | 'add' | 'softmax' | 'contiguous'>;

/**
 * softmax(q·kᵀ / sqrt(d)), before the values are mixed.
 * @param q (N,T,D), heads side by side
 * @param k (N,S,D)
 * @param precision of `ops`: in float32 the factor is rounded as every number is
 * @returns p (N,A,T,S)
 * @throws RangeError for more than three axes
 */
export function attentionProbabilities(
  ops: PartOperations,
  q: Tensor,
  k: Tensor,
  { heads = 1, mask = null }: AttentionOptions,
  precision: 'float32' | 'float64',
): Tensor {
  const factor = 1 / Math.sqrt(q.shape[q.shape.length - 1] / heads);
  // [1] q' (N,A,T,d)
  const scaled = ops.scale(byHead(q, heads), precision === 'float32' ? Math.fround(factor) : factor);
  // [2] scores (N,A,T,S)
  const scores = ops.matmul(scaled, byHead(k, heads).transpose(0, 1, 3, 2));
  // [3] mask
  const masked = mask === null ? scores : ops.add(ops.contiguous(scores), mask);
  // [4] p
  return ops.softmax(masked);
}

/** p (N,A,T,S) and v (N,S,D) -> (N,T,D), heads side by side, as a view (N,T,A,d). */
export function mixedValues(ops: PartOperations, p: Tensor, v: Tensor): Tensor {
  // [5] y
  return ops.matmul(p, byHead(v, p.shape[1])).transpose(0, 2, 1, 3);
}

/** (N,T,D) or (T,D) seen as (N,A,T,d): heads of d columns. */
function byHead(x: Tensor, heads: number): Tensor {
  const rank = x.shape.length;
  const [T, D] = x.shape.slice(-2);
  const N = sizeOf(x.shape.slice(0, -2));
  if (rank > 3)
    throw new RangeError(`attention in parts: expected q, k and v of shape (N, T, D), got (${x.shape.join(', ')})`);
  const [strideT, strideD] = x.stride.slice(-2);
  const d = D / heads;
  return ndarray(
    x.data,
    [N, heads, T, d],
    [rank === 3 ? x.stride[0] : 0, d * strideD, strideT, strideD],
    x.offset,
  ) as Tensor;
}
