// Bottleneck, the residual block of CLIP's ResNets (openai/CLIP, clip/model.py). It differs from torchvision's in one
// way: every convolution has stride 1, and an average pool after the second one does the downsampling (anti-aliased
// strides).

import type { Tensor } from '../ops/tensor.ts';
import { AvgPool2d, BatchNorm2d, Conv2d, ReLU } from './basic.ts';
import { Module, type LayerOptions, type Weights } from './module.ts';

export interface BottleneckOptions extends LayerOptions {
  /** Downsampling factor. Default: 2 for the first block of layer2, layer3 and layer4 by its key prefix, else 1. */
  stride?: number;
}

export class Bottleneck extends Module {
  /** Output channels are expansion · planes. */
  static readonly expansion = 4;

  readonly stride: number;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly relu1: ReLU;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly relu2: ReLU;
  readonly avgpool: AvgPool2d;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm2d;
  readonly relu3: ReLU;
  readonly downsample: Downsample | null;

  constructor(weights: Weights, prefix: string, options: BottleneckOptions = {}) {
    super(weights, prefix, options);
    this.stride = options.stride ?? (/(^|\.)layer[234]\.0$/.test(prefix) ? 2 : 1);
    this.conv1 = new Conv2d(weights, this.path('conv1'), {}, options);
    this.bn1 = new BatchNorm2d(weights, this.path('bn1'), options);
    this.relu1 = new ReLU(weights, this.path('relu1'), options);
    this.conv2 = new Conv2d(weights, this.path('conv2'), { padding: 1 }, options);
    this.bn2 = new BatchNorm2d(weights, this.path('bn2'), options);
    this.relu2 = new ReLU(weights, this.path('relu2'), options);
    this.avgpool = new AvgPool2d(weights, this.path('avgpool'), this.stride, options);
    this.conv3 = new Conv2d(weights, this.path('conv3'), {}, options);
    this.bn3 = new BatchNorm2d(weights, this.path('bn3'), options);
    this.relu3 = new ReLU(weights, this.path('relu3'), options);
    this.downsample = this.has('downsample.0.weight')
      ? new Downsample(weights, this.path('downsample'), this.stride, options)
      : null;
  }

  /** x (N,C,H,W) -> (N, 4·planes, H/stride, W/stride) */
  forward(x: Tensor): Tensor {
    let out = this.relu1.forward(this.bn1.forward(this.conv1.forward(x)));
    out = this.relu2.forward(this.bn2.forward(this.conv2.forward(out)));
    out = this.avgpool.forward(out);
    out = this.bn3.forward(this.conv3.forward(out));
    const identity = this.downsample === null ? x : this.downsample.forward(x);
    return this.traced(this.relu3.forward(this.ops.add(out, identity)));
  }
}

/** The identity path where shapes change: average pool (child "-1"), 1x1 convolution ("0"), batch norm ("1"). */
class Downsample extends Module {
  readonly #pool: AvgPool2d;
  readonly #convolution: Conv2d;
  readonly #norm: BatchNorm2d;

  constructor(weights: Weights, name: string, stride: number, options: LayerOptions) {
    super(weights, name, options);
    this.#pool = new AvgPool2d(weights, this.path('-1'), stride, options);
    this.#convolution = new Conv2d(weights, this.path('0'), {}, options);
    this.#norm = new BatchNorm2d(weights, this.path('1'), options);
  }

  forward(x: Tensor): Tensor {
    return this.traced(this.#norm.forward(this.#convolution.forward(this.#pool.forward(x))));
  }
}
