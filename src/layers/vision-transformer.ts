// VisionTransformer (openai/CLIP, clip/model.py): patches become tokens, a class token leads them, its last state is
// the feature.

import ndarray from 'ndarray';
import type { Tensor } from '../ops/tensor.ts';
import { reshape } from '../ops/tensor.ts';
import { Conv2d, LayerNorm } from './basic.ts';
import { Module, type Weights } from './module.ts';
import { Transformer, type TransformerOptions } from './transformer.ts';

export class VisionTransformer extends Module {
  readonly conv1: Conv2d;
  readonly ln_pre: LayerNorm;
  readonly transformer: Transformer;
  readonly ln_post: LayerNorm;

  constructor(weights: Weights, prefix = 'visual', options: TransformerOptions = {}) {
    super(weights, prefix, options);
    const patch = this.parameter('conv1.weight').shape[2];
    this.conv1 = new Conv2d(weights, this.path('conv1'), { stride: patch }, options);
    this.ln_pre = new LayerNorm(weights, this.path('ln_pre'), options);
    this.transformer = new Transformer(weights, this.path('transformer'), options);
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
    const out = this.transformer.forward(normed.transpose(1, 0, 2), 'first'); // N T D -> T N D
    const first = reshape(ops.contiguous(out.hi(1, N, D)), [N, D]);
    return this.traced(ops.matmul(this.ln_post.forward(first), this.parameter('proj')));
  }
}

/** A vector (D) seen as (N,1,D). */
function repeated(x: Tensor, N: number): Tensor {
  return ndarray(x.data, [N, 1, x.shape[0]], [0, 0, x.stride[0]], x.offset) as Tensor;
}
