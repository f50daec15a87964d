// attention: scaled dot-product attention with heads, "Attention Is All You Need" (Vaswani et al. 2017, section 3.2),
// without the projections.

import { describe, requireNoWider, requireOptions, requireParameter, requireTensor, shapeText } from './checks.ts';
import { flat } from './contiguous.ts';
import { rowProducts } from './dot-products.ts';
import { softmaxRows } from './softmax.ts';
import { operation } from './operation.ts';
import { sizeOf, zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

export interface AttentionOptions {
  /** Number of heads that the width is divided into. Default 1. */
  heads?: number;
  /** (T,S), added to the scores before the softmax. */
  mask?: Tensor | null;
}

/**
 * q (…,T,D), k and v (…,S,D) -> (…,T,D). Numerics contract, item 7, for each head of d = D/heads columns:
 *
 *     q' = RN32(q · RN32(1 / sqrt(d)));   scores = q'·kᵀ (+ mask, with its own rounding)
 *     p = softmax(scores);   y = p·v;   heads side by side
 *
 * @param options.heads how many heads the width is divided into, default 1
 * @param options.mask (T,S), added to the scores of every head; -Infinity hides a token, a row that hides all gives NaN
 * @throws TypeError, RangeError where a shape does not fit, heads does not divide D, or k, v or the mask is wider than
 *   q
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  requireTensor('attention', 'q', q, 2, '(…, T, D)', true);
  requireTensor('attention', 'k', k, 2, '(…, S, D)', true);
  requireOptions('attention', options, ['heads', 'mask']);
  const leading = q.shape.slice(0, -2);
  const [T, D] = q.shape.slice(-2);
  const S = k.shape[k.shape.length - 2];
  const letters = shapeText([...leading, 'S', `D=${D}`]);
  requireParameter('attention', 'k', k, [...leading, S, D], letters, q);
  requireParameter('attention', 'v', v, k.shape, `${shapeText(k.shape)} like k`, q);
  requireNoWider('attention', 'v', v, q);
  const { heads = 1, mask = null } = options;
  if (typeof heads !== 'number') throw new TypeError(`attention: "heads" expected a number, got ${describe(heads)}`);
  if (!Number.isSafeInteger(heads) || heads < 1 || D % heads !== 0)
    throw new RangeError(`attention: "heads" expected a divisor of D=${D}, got ${heads}`);
  if (mask !== null) requireParameter('attention', 'mask', mask, [T, S], `(T=${T}, S=${S})`, q);

  const d = D / heads;
  const y = zeros(q.shape, q.data);
  const queries = flat(q);
  const keys = flat(k);
  const values = flat(v);
  const shift = mask === null ? null : flat(mask);
  const scaled = zeros([T, d], q.data).data;
  const p = zeros([T, S], q.data).data;
  // The factor is rounded here, because it is never stored in a tensor. The product is rounded by the store.
  const factor = q.data instanceof Float32Array ? Math.fround(1 / Math.sqrt(d)) : 1 / Math.sqrt(d);
  const batches = sizeOf(leading);
  for (let n = 0; n < batches; n++) {
    for (let head = 0; head < heads; head++) {
      const column = head * d;
      // [1] q' (T,d)
      for (let t = 0; t < T; t++) {
        for (let i = 0; i < d; i++) scaled[t * d + i] = queries[(n * T + t) * D + column + i] * factor;
      }
      // [2] scores (T,S)
      rowProducts(scaled, 0, T, d, { data: keys, offset: n * S * D + column, strideO: D, strideK: 1 }, S, null, {
        data: p,
        offset: 0,
        strideM: S,
        strideO: 1,
      });
      // [3] mask
      if (shift !== null) for (let i = 0; i < T * S; i++) p[i] += shift[i];
      // [4] p (T,S)
      softmaxRows(p, T, S);
      // [5] y (T,d), k running over the S tokens
      rowProducts(p, 0, T, S, { data: values, offset: n * S * D + column, strideO: 1, strideK: D }, d, null, {
        data: y.data,
        offset: n * T * D + column,
        strideM: D,
        strideO: 1,
      });
    }
  }
  return y;
}

type AttentionInputs = readonly [q: Tensor, k: Tensor, v: Tensor, mask?: Tensor];

const attentionInputs = (q: Tensor, k: Tensor, v: Tensor, mask: Tensor | null): AttentionInputs =>
  mask === null ? [q, k, v] : [q, k, v, mask];

export const attentionOperation = operation({
  plain: attention,
  record: (q, k, v, { heads = 1, mask = null } = {}) => ({
    inputs: attentionInputs(q, k, v, mask),
    attributes: { heads },
  }),
  call: (f, [q, k, v, mask = null], { heads }) => f(q, k, v, { heads, mask }),
  shapes: ([q]) => [q.shape],
  layout: 'tokens',
  rounding: 'attention',
});
