// The leaves of the network, as PyTorch's nn modules of the same names: one parameter set, one operation each.

import type { Conv2dOptions } from '../ops/conv2d.ts';
import type { Tensor } from '../ops/tensor.ts';
import { Module, type LayerOptions, type Weights } from './module.ts';

/** nn.Conv2d without bias, as all of CLIP's convolutions are. x (N,C,H,W) -> (N,O,OH,OW) */
export class Conv2d extends Module {
  readonly #options: Conv2dOptions;

  constructor(weights: Weights, name: string, convolution: Conv2dOptions, options: LayerOptions) {
    super(weights, name, options);
    this.#options = convolution;
  }

  forward(x: Tensor): Tensor {
    return this.traced(this.ops.conv2d(x, this.parameter('weight'), null, this.#options));
  }
}

/** nn.BatchNorm2d in evaluation mode, eps 1e-5. x (N,C,H,W) */
export class BatchNorm2d extends Module {
  forward(x: Tensor): Tensor {
    const parameters = {
      weight: this.parameter('weight'),
      bias: this.parameter('bias'),
      runningMean: this.parameter('running_mean'),
      runningVar: this.parameter('running_var'),
    };
    return this.traced(this.ops.batchNorm2d(x, parameters, 1e-5));
  }
}

/** nn.ReLU */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return this.traced(this.ops.relu(x));
  }
}

/** nn.AvgPool2d(kernel), or nn.Identity where the kernel is 1, as model.py has it. */
export class AvgPool2d extends Module {
  readonly #kernel: number;

  constructor(weights: Weights, name: string, kernel: number, options: LayerOptions) {
    super(weights, name, options);
    this.#kernel = kernel;
  }

  forward(x: Tensor): Tensor {
    return this.traced(this.#kernel === 1 ? x : this.ops.avgPool2d(x, this.#kernel));
  }
}

/** nn.LayerNorm over the last axis, eps 1e-5. x (…,D) */
export class LayerNorm extends Module {
  forward(x: Tensor): Tensor {
    return this.traced(this.ops.layerNorm(x, this.parameter('weight'), this.parameter('bias'), 1e-5));
  }
}

/** nn.Linear. x (…,K) -> (…,O) */
export class Linear extends Module {
  forward(x: Tensor): Tensor {
    return this.traced(this.ops.linear(x, this.parameter('weight'), this.has('bias') ? this.parameter('bias') : null));
  }
}

/** x · sigmoid(1.702·x), the activation of OpenAI's models. */
export class QuickGELU extends Module {
  forward(x: Tensor): Tensor {
    return this.traced(this.ops.quickGelu(x));
  }
}

/** The exact GELU that LAION's models were trained with. */
export class GELU extends Module {
  forward(x: Tensor): Tensor {
    return this.traced(this.ops.gelu(x));
  }
}
