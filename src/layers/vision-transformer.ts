// VisionTransformer (openai/CLIP, clip/model.py): patches become tokens, a class token leads them, its last state is
// the feature. Two variants go by their weights: CoCa's pooler instead of the class token (open_clip), and no
// projection (transformers' CLIPVisionModel).

import ndarray from 'ndarray';
import type { Operations } from '../ops/operations.ts';
import type { Tensor } from '../ops/tensor.ts';
import { reshape } from '../ops/tensor.ts';
import { AttentionalPooler } from './attentional-pooler.ts';
import { Conv2d, LayerNorm } from './basic.ts';
import { Module, type Weights } from './module.ts';
import { Transformer, type TransformerOptions } from './transformer.ts';

export class VisionTransformer extends Module {
  readonly conv1: Conv2d;
  readonly ln_pre: LayerNorm;
  readonly transformer: Transformer;
  /** Where the weights have one. */
  readonly attn_pool: AttentionalPooler | null;
  readonly ln_post: LayerNorm;

  /** @param options `poolHeads`: heads of the pooler. Default: 8 */
  constructor(weights: Weights, prefix = 'visual', options: TransformerOptions & { poolHeads?: number } = {}) {
    super(weights, prefix, options);
    const patch = this.parameter('conv1.weight').shape[2];
    this.conv1 = new Conv2d(weights, this.path('conv1'), { stride: patch }, options);
    this.ln_pre = new LayerNorm(weights, this.path('ln_pre'), options);
    this.transformer = new Transformer(weights, this.path('transformer'), options);
    this.attn_pool = this.has('attn_pool.query')
      ? new AttentionalPooler(weights, this.path('attn_pool'), { ...options, heads: options.poolHeads })
      : null;
    this.ln_post = new LayerNorm(weights, this.path('ln_post'), options);
  }

  /**
   * x (N,3,R,R) -> (N,E)
   * @throws RangeError if the grid of patches is not the one of the positional embedding
   */
  forward(x: Tensor): Tensor {
    const { ops } = this;
    const patches = this.conv1.forward(x);
    const [N, D, H, W] = patches.shape;
    const positions = this.parameter('positional_embedding');
    if (positions.shape[0] !== H * W + 1) {
      throw new RangeError(
        `VisionTransformer: "x" expected ${positions.shape[0] - 1} patches, got ${H} x ${W} = ${H * W}; resize ` +
          `the image to the model's resolution`,
      );
    }
    const grid = reshape(ops.contiguous(patches), [N, D, H * W]).transpose(0, 2, 1); // N D (HW) -> N (HW) D
    const tokens = ops.add(ops.concat([repeated(this.parameter('class_embedding'), N), grid], 1), positions);
    const normed = this.ln_pre.forward(tokens);
    const pool = this.attn_pool;
    const out = this.transformer.forward(normed.transpose(1, 0, 2), pool === null ? 'first' : 'all'); // N T D -> T N D
    const pooled =
      pool === null
        ? this.ln_post.forward(reshape(ops.contiguous(out.hi(1, N, D)), [N, D]))
        : firstOf(ops, this.ln_post.forward(pool.forward(out)));
    return this.traced(this.has('proj') ? ops.matmul(pooled, this.parameter('proj')) : pooled);
  }
}

/** (N,Q,E) -> (N,E), the first of Q. */
function firstOf(ops: Operations, x: Tensor): Tensor {
  const [N, , E] = x.shape;
  return reshape(ops.contiguous(x.hi(N, 1, E)), [N, E]);
}

/** A vector (D) seen as (N,1,D). */
function repeated(x: Tensor, N: number): Tensor {
  return ndarray(x.data, [N, 1, x.shape[0]], [0, 0, x.stride[0]], x.offset) as Tensor;
}
