// The base of all layers: a layer finds its parameters by the checkpoint's names, computes with the operation set it is
// given, and passes its output to the tap under PyTorch's module path, so that a trace needs no second description of
// the network.

import { reference } from '../ops/reference.ts';
import type { Operations } from '../ops/operations.ts';
import type { Tensor } from '../ops/tensor.ts';

/** Parameters under OpenAI's state-dict names. */
export type Weights = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

/**
 * Called with a module's path and its output, as PyTorch's forward hooks are; a tensor that it returns replaces
 * the output.
 */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a tap that only looks, such as console.log, has nothing to return
export type Tap = (name: string, output: Tensor) => Tensor | void;

export interface LayerOptions {
  /** The operation set. Default: the plain definitions. */
  ops?: Operations;
  /** Sees every module's output. Without a tap, work that cannot reach the result is left out. */
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

  /** Passes this module's output to the tap. @returns the output, or what the tap replaces it with */
  protected traced(output: Tensor): Tensor {
    return this.tap?.(this.name, output) ?? output;
  }
}

function find(weights: Weights, name: string): Tensor | undefined {
  return weights instanceof Map
    ? (weights as ReadonlyMap<string, Tensor>).get(name)
    : (weights as Readonly<Record<string, Tensor>>)[name];
}
