// Transformer and its ResidualAttentionBlock (openai/CLIP, clip/model.py). Everything in here is in PyTorch's order,
// (T,N,D).

import type { Tensor } from '../ops/tensor.ts';
import { GELU, LayerNorm, Linear, QuickGELU } from './basic.ts';
import { MultiheadAttention, type Pick } from './multihead-attention.ts';
import { Module, type LayerOptions, type Weights } from './module.ts';

/** The activation of the MLPs. */
export type Activation = 'quick_gelu' | 'gelu';

export interface TransformerOptions extends LayerOptions {
  /** (T,T), added to the attention scores; the text tower's is causal. */
  mask?: Tensor | null;
  /** OpenAI's models have QuickGELU, most of LAION's the exact GELU. Default 'quick_gelu'. */
  activation?: Activation;
  /** Number of attention heads. Default: heads of 64 columns, as in all of OpenAI's models. */
  heads?: number;
}

/** x + attn(ln_1(x)), then + mlp(ln_2(x)). */
export class ResidualAttentionBlock extends Module {
  readonly ln_1: LayerNorm;
  readonly attn: MultiheadAttention;
  readonly ln_2: LayerNorm;
  readonly mlp: Mlp;
  readonly #mask: Tensor | null;

  constructor(weights: Weights, prefix: string, options: TransformerOptions = {}) {
    super(weights, prefix, options);
    this.#mask = options.mask ?? null;
    this.ln_1 = new LayerNorm(weights, this.path('ln_1'), options);
    this.attn = new MultiheadAttention(weights, this.path('attn'), options);
    this.ln_2 = new LayerNorm(weights, this.path('ln_2'), options);
    this.mlp = new Mlp(weights, this.path('mlp'), options);
  }

  /**
   * x (T,N,D) -> (queries,N,D)
   * @param queries only the first `queries` tokens form queries and are returned; all tokens form keys and values.
   *   Default all.
   * @param pick chooses among these after attention; the MLP is computed for its choice only
   */
  forward(x: Tensor, queries: number = x.shape[0], pick: Pick | null = null): Tensor {
    const { ops } = this;
    const mask = this.#mask?.hi(queries, x.shape[0]) ?? null;
    const attended = this.attn.forward(this.ln_1.forward(x), queries, mask, pick);
    const kept = x.hi(queries, x.shape[1], x.shape[2]);
    const middle = ops.add(pick === null ? kept : pick(kept), attended);
    return this.traced(ops.add(middle, this.mlp.forward(this.ln_2.forward(middle))));
  }
}

/** c_proj(gelu(c_fc(x))), wider inside: four times in OpenAI's models. */
class Mlp extends Module {
  readonly c_fc: Linear;
  readonly gelu: QuickGELU | GELU;
  readonly c_proj: Linear;

  constructor(weights: Weights, name: string, options: TransformerOptions) {
    super(weights, name, options);
    this.c_fc = new Linear(weights, this.path('c_fc'), options);
    this.gelu =
      options.activation === 'gelu'
        ? new GELU(weights, this.path('gelu'), options)
        : new QuickGELU(weights, this.path('gelu'), options);
    this.c_proj = new Linear(weights, this.path('c_proj'), options);
  }

  forward(x: Tensor): Tensor {
    return this.traced(this.c_proj.forward(this.gelu.forward(this.c_fc.forward(x))));
  }
}

export class Transformer extends Module {
  readonly resblocks: readonly ResidualAttentionBlock[];

  constructor(weights: Weights, prefix: string, options: TransformerOptions = {}) {
    super(weights, prefix, options);
    const blocks: ResidualAttentionBlock[] = [];
    while (this.has(`resblocks.${blocks.length}.attn.in_proj_weight`)) {
      blocks.push(new ResidualAttentionBlock(weights, this.path(`resblocks.${blocks.length}`), options));
    }
    this.resblocks = blocks;
  }

  /**
   * x (T,N,D) -> (T,N,D), or fewer tokens if not all are wanted: the last block then computes only those.
   * With a tap everything is computed, because a trace shows all tokens.
   * @param wanted 'all', 'first' for the first token, or a function that chooses
   */
  forward(x: Tensor, wanted: 'all' | 'first' | Pick = 'all'): Tensor {
    const last = this.resblocks.length - 1;
    let out = x;
    this.resblocks.forEach((block, i) => {
      const fewer = i === last && this.tap === null;
      out = block.forward(
        out,
        fewer && wanted === 'first' ? 1 : out.shape[0],
        fewer && typeof wanted === 'function' ? wanted : null,
      );
    });
    return this.traced(this.tap?.(this.path('resblocks'), out) ?? out);
  }
}
