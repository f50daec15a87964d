// AttentionPool2d, the ResNets' last layer (openai/CLIP, clip/model.py): the query is the mean of all positions, keys
// and values are all positions.

import type { Tensor } from '../ops/tensor.ts';
import { reshape } from '../ops/tensor.ts';
import { HEAD_WIDTH } from './multihead-attention.ts';
import { Module, type LayerOptions, type Weights } from './module.ts';

export class AttentionPool2d extends Module {
  readonly heads: number;

  /** @param options `heads`: their number. Default: heads of 64 columns. */
  constructor(weights: Weights, prefix: string, options: LayerOptions & { heads?: number } = {}) {
    super(weights, prefix, options);
    const width = this.parameter('positional_embedding').shape[1];
    this.heads = options.heads ?? width / HEAD_WIDTH;
  }

  /**
   * x (N,C,H,W) -> (N,E)
   * @throws RangeError if the grid of H·W positions is not the one of the positional embedding
   */
  forward(x: Tensor): Tensor {
    const { ops } = this;
    const [N, C, H, W] = x.shape;
    const positions = this.parameter('positional_embedding');
    if (positions.shape[0] !== H * W + 1) {
      throw new RangeError(
        `AttentionPool2d: "x" expected a grid of ${positions.shape[0] - 1} positions, got ${H} x ${W} = ` +
          `${H * W}; resize the image to the model's resolution`,
      );
    }
    const flat = reshape(ops.contiguous(x), [N, C, H * W]);
    const mean = reshape(ops.mean(flat), [N, 1, C]);
    const grid = flat.transpose(0, 2, 1); // N C (HW) -> N (HW) C
    const tokens = ops.add(ops.concat([mean, grid], 1), positions);
    // Only the mean token's result is kept, so it is the only query.
    const q = this.#project('q_proj', tokens.hi(N, 1, C));
    const k = this.#project('k_proj', tokens);
    const v = this.#project('v_proj', tokens);
    const pooled = ops.attention(q, k, v, { heads: this.heads });
    return this.traced(this.#project('c_proj', reshape(pooled, [N, C])));
  }

  #project(name: string, x: Tensor): Tensor {
    return this.ops.linear(x, this.parameter(`${name}.weight`), this.parameter(`${name}.bias`));
  }
}
