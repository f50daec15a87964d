// nn.MultiheadAttention as CLIP's transformers use it: self-attention, one matrix for the three projections (rows q,
// then k, then v).

import ndarray from 'ndarray';
import type { Tensor } from '../ops/tensor.ts';
import { Module, type LayerOptions, type Weights } from './module.ts';

/** Columns of a head in OpenAI's models; ViT-H, ViT-g and ViT-bigG of open_clip have wider ones. */
export const HEAD_WIDTH = 64;

/** Chooses tokens: (T,N,D) -> (any,N,D). */
export type Pick = (x: Tensor) => Tensor;

export class MultiheadAttention extends Module {
  readonly #heads: number | undefined;

  /** @param options `heads`: their number. Default: heads of 64 columns. */
  constructor(weights: Weights, prefix: string, options: LayerOptions & { heads?: number } = {}) {
    super(weights, prefix, options);
    this.#heads = options.heads;
  }

  /**
   * @param x (T,N,D), PyTorch's order
   * @param queries only the first `queries` tokens form queries; all tokens form keys and values
   * @param mask (queries,T), added to the scores
   * @param pick chooses tokens of the result, (queries,N,D) -> (any,N,D), before they are projected
   * @returns (queries,N,D), or the picked tokens
   */
  forward(x: Tensor, queries: number, mask: Tensor | null, pick: Pick | null = null): Tensor {
    const { ops } = this;
    const [, N, D] = x.shape;
    const weight = this.parameter('in_proj_weight');
    const bias = this.parameter('in_proj_bias');
    const q = ops.linear(x.hi(queries, N, D), rows(weight, 0, D), rows(bias, 0, D));
    const kv = ops.linear(x, rows(weight, D, 3 * D), rows(bias, D, 3 * D));
    const k = kv.hi(x.shape[0], N, D);
    const v = kv.lo(0, 0, D);
    // T N D -> N T D, and back
    const mixed = ops.attention(q.transpose(1, 0, 2), k.transpose(1, 0, 2), v.transpose(1, 0, 2), {
      heads: this.#heads ?? D / HEAD_WIDTH,
      mask,
    });
    const attended = mixed.transpose(1, 0, 2);
    const out = ops.linear(
      pick === null ? attended : pick(attended),
      this.parameter('out_proj.weight'),
      this.parameter('out_proj.bias'),
    );
    return this.traced(out);
  }
}

/** Rows from begin to end (exclusive) of a matrix or vector, as a view. */
export function rows(x: Tensor, begin: number, end: number): Tensor {
  return ndarray(x.data, [end - begin, ...x.shape.slice(1)], x.stride, x.offset + begin * x.stride[0]) as Tensor;
}
