// ModifiedResNet (openai/CLIP, clip/model.py). It differs from torchvision's ResNet in three ways: three stem
// convolutions and an average pool instead of one convolution and a max pool; anti-aliased strides (Bottleneck); an
// attention pool at the end.

import type { Tensor } from '../ops/tensor.ts';
import { AttentionPool2d } from './attention-pool2d.ts';
import { AvgPool2d, BatchNorm2d, Conv2d, ReLU } from './basic.ts';
import { Bottleneck } from './bottleneck.ts';
import { Module, type LayerOptions, type Weights } from './module.ts';

export class ModifiedResNet extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly relu1: ReLU;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly relu2: ReLU;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm2d;
  readonly relu3: ReLU;
  readonly avgpool: AvgPool2d;
  readonly layer1: Stage;
  readonly layer2: Stage;
  readonly layer3: Stage;
  readonly layer4: Stage;
  readonly attnpool: AttentionPool2d;

  /** @param options `heads`: the number of heads of the attention pool. Default: heads of 64 columns. */
  constructor(weights: Weights, prefix = 'visual', options: LayerOptions & { heads?: number } = {}) {
    super(weights, prefix, options);
    this.conv1 = new Conv2d(weights, this.path('conv1'), { stride: 2, padding: 1 }, options);
    this.bn1 = new BatchNorm2d(weights, this.path('bn1'), options);
    this.relu1 = new ReLU(weights, this.path('relu1'), options);
    this.conv2 = new Conv2d(weights, this.path('conv2'), { padding: 1 }, options);
    this.bn2 = new BatchNorm2d(weights, this.path('bn2'), options);
    this.relu2 = new ReLU(weights, this.path('relu2'), options);
    this.conv3 = new Conv2d(weights, this.path('conv3'), { padding: 1 }, options);
    this.bn3 = new BatchNorm2d(weights, this.path('bn3'), options);
    this.relu3 = new ReLU(weights, this.path('relu3'), options);
    this.avgpool = new AvgPool2d(weights, this.path('avgpool'), 2, options);
    this.layer1 = new Stage(weights, this.path('layer1'), options);
    this.layer2 = new Stage(weights, this.path('layer2'), options);
    this.layer3 = new Stage(weights, this.path('layer3'), options);
    this.layer4 = new Stage(weights, this.path('layer4'), options);
    this.attnpool = new AttentionPool2d(weights, this.path('attnpool'), options);
  }

  /** x (N,3,R,R) -> (N,E) */
  forward(x: Tensor): Tensor {
    let out = this.relu1.forward(this.bn1.forward(this.conv1.forward(x)));
    out = this.relu2.forward(this.bn2.forward(this.conv2.forward(out)));
    out = this.relu3.forward(this.bn3.forward(this.conv3.forward(out)));
    out = this.avgpool.forward(out);
    out = this.layer1.forward(out);
    out = this.layer2.forward(out);
    out = this.layer3.forward(out);
    out = this.layer4.forward(out);
    return this.traced(this.attnpool.forward(out));
  }
}

/** layer1 to layer4: Bottlenecks one after the other. */
class Stage extends Module {
  readonly blocks: readonly Bottleneck[];

  constructor(weights: Weights, name: string, options: LayerOptions) {
    super(weights, name, options);
    const blocks: Bottleneck[] = [];
    while (this.has(`${blocks.length}.conv1.weight`))
      blocks.push(new Bottleneck(weights, this.path(`${blocks.length}`), options));
    this.blocks = blocks;
  }

  forward(x: Tensor): Tensor {
    return this.traced(this.blocks.reduce((out, block) => block.forward(out), x));
  }
}
