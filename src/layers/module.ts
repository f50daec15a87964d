// What all layers share: they find their parameters by the checkpoint's names, compute with whatever set of operations
// they are given, and announce their outputs under PyTorch's module paths, so that a trace needs no second description
// of the network.

import { reference } from '../ops/reference.ts';
import type { Operations } from '../ops/operations.ts';
import type { Tensor } from '../ops/tensor.ts';

/** Parameters under OpenAI's state-dict names. */
export type Weights = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

/**
 * Called with a module's path and its output, as PyTorch's forward hooks are; a tensor that it returns is what the
 * network goes on with instead.
 */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a tap that only looks, such as console.log, has nothing to return
export type Tap = (name: string, output: Tensor) => Tensor | void;

export interface LayerOptions {
  /** Who computes. Default: the plain definitions. */
  ops?: Operations;
  /** Sees every module's output. Without it, work that cannot reach the result may be left out. */
  tap?: Tap | null;
}

export abstract class Module {
  /** The module's path in the checkpoint, such as `visual.layer1.0.conv1`; '' for the root. */
  readonly name: string;
  protected readonly ops: Operations;
  protected readonly tap: Tap | null;
  readonly #weights: Weights;

  constructor(weights: Weights, name: string, options: LayerOptions = {}) {
    this.#weights = weights;
    this.name = name;
    this.ops = options.ops ?? reference;
    this.tap = options.tap ?? null;
  }

  /** The path of a child or parameter of this module. */
  protected path(child: string): string {
    return this.name === '' ? child : `${this.name}.${child}`;
  }

  /** Whether the checkpoint has a parameter of this module. */
  protected has(parameter: string): boolean {
    return find(this.#weights, this.path(parameter)) !== undefined;
  }

  /**
   * A parameter of this module.
   * @throws RangeError if the weights have none of that name
   */
  protected parameter(parameter: string): Tensor {
    const name = this.path(parameter);
    const tensor = find(this.#weights, name);
    if (tensor === undefined) {
      throw new RangeError(
        `${this.constructor.name}: "weights" expected a tensor named ${name}, got none; is the key prefix ` +
          `"${this.name}" right?`,
      );
    }
    return tensor;
  }

  /** Announces this module's output and hands it on. */
  protected traced(output: Tensor): Tensor {
    return this.tap?.(this.name, output) ?? output;
  }
}

function find(weights: Weights, name: string): Tensor | undefined {
  return weights instanceof Map
    ? (weights as ReadonlyMap<string, Tensor>).get(name)
    : (weights as Readonly<Record<string, Tensor>>)[name];
}
