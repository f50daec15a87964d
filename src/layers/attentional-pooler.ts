// AttentionalPooler, with which CoCa's image tower ends (open_clip, transformer.py): learned queries attend to all
// tokens. The feature is that of the first query; the others are for CoCa's captions.

import ndarray from 'ndarray';
import { reshape, type Tensor } from '../ops/tensor.ts';
import { LayerNorm } from './basic.ts';
import { Module, type LayerOptions, type Weights } from './module.ts';
import { rows } from './multihead-attention.ts';

export class AttentionalPooler extends Module {
  readonly ln_q: LayerNorm;
  readonly ln_k: LayerNorm;
  readonly attn: CrossAttention;

  /** @param options `heads`: their number. Default: 8, as in both of CoCa's published sizes. */
  constructor(weights: Weights, prefix: string, options: LayerOptions & { heads?: number } = {}) {
    super(weights, prefix, options);
    this.ln_q = new LayerNorm(weights, this.path('ln_q'), options);
    this.ln_k = new LayerNorm(weights, this.path('ln_k'), options);
    this.attn = new CrossAttention(weights, this.path('attn'), options);
  }

  /** x (T,N,D) -> (N,Q,E). Without a tap only the first query is computed, Q is 1. */
  forward(x: Tensor): Tensor {
    const query = this.parameter('query');
    const Q = this.tap === null ? 1 : query.shape[0];
    // looked up as an embedding is, which gives it the precision of the pass
    const all = this.ops.embedding(repeatedIds(1, Q), query); // 1 Q E
    const tokens = this.ln_k.forward(x.transpose(1, 0, 2)); // T N D -> N T D
    const queries = this.ln_q.forward(reshape(all, [Q, query.shape[1]]));
    return this.traced(this.attn.forward(queries, tokens));
  }
}

/** nn.MultiheadAttention with keys and values of another width than the queries. */
class CrossAttention extends Module {
  readonly #heads: number;

  constructor(weights: Weights, name: string, options: LayerOptions & { heads?: number }) {
    super(weights, name, options);
    this.#heads = options.heads ?? 8;
  }

  /** queries (Q,E), the same for every image; tokens (N,T,D) -> (N,Q,E) */
  forward(queries: Tensor, tokens: Tensor): Tensor {
    const { ops } = this;
    const [Q, E] = queries.shape;
    const N = tokens.shape[0];
    const bias = this.parameter('in_proj_bias');
    const project = (letter: string, part: number, x: Tensor): Tensor =>
      ops.linear(x, this.parameter(`${letter}_proj_weight`), rows(bias, part * E, (part + 1) * E));
    const q = ops.embedding(repeatedIds(N, Q), project('q', 0, queries)); // Q E -> N Q E
    const mixed = ops.attention(q, project('k', 1, tokens), project('v', 2, tokens), { heads: this.#heads });
    return this.traced(ops.linear(mixed, this.parameter('out_proj.weight'), this.parameter('out_proj.bias')));
  }
}

/** (N,Q): 0…Q-1 in every row. */
const repeatedIds = (N: number, Q: number): ndarray.NdArray<Int32Array> =>
  ndarray(
    Int32Array.from({ length: N * Q }, (_, i) => i % Q),
    [N, Q],
  );
