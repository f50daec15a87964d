// What a fault is: one thing done differently while a piece of the network is computed.

import type { Emulation } from '../../graph/emulate.ts';
import type { AttributesOf, SingleOutput } from '../../ops/operations.ts';
import type { Tensor } from '../../ops/tensor.ts';
import type { Arithmetic } from './arithmetic.ts';

/** One operation of a piece, about to be computed. All that networks consist of have one output. */
export interface FaultedNode<Name extends SingleOutput = SingleOutput> {
  readonly op: Name;
  /** In the order of the operation's arguments. */
  readonly inputs: readonly Tensor[];
  /** The checkpoint's name of each input that is a parameter (or rows of one), else null. */
  readonly names: readonly (string | null)[];
  readonly attributes: AttributesOf[Name];
  /** Of the output, as it should be. */
  readonly shape: readonly number[];
  readonly arithmetic: Arithmetic;
  /** The operation itself, with other inputs or attributes than it would have. */
  run(changes?: { inputs?: readonly Tensor[]; attributes?: Partial<AttributesOf[Name]> }): Promise<Tensor>;
  /** Heads of every attention in the network. */
  readonly heads: number;
  /** Another parameter of the network; null if it has none of that name. */
  parameter(name: string): Promise<Tensor | null>;
  /** A module's output: computed in this piece, or else the backend's; null where there is none. */
  module(name: string): Promise<Tensor | null>;
}

/** null: this fault leaves the operation alone. */
export type Change<Name extends SingleOutput = SingleOutput> = (
  step: FaultedNode<Name>,
) => Promise<Tensor | null> | Tensor | null;

export interface Fault {
  /** Stable and short. Several faults may share a name: variants, of which the best is reported. */
  readonly name: string;
  /** One sentence for people: what is different, and how to fix it. */
  readonly explanation: string;
  /** Operations that are computed differently. */
  readonly steps?: { readonly [Name in SingleOutput]?: Change<Name> };
  /** Another input image than the one that is known. */
  readonly image?: (image: Tensor) => Tensor;
  /** What is done to the piece's output; null: nothing. */
  readonly output?: (output: Tensor, target: string) => Tensor | null;
  /** A precision in which everything is computed. Its errors are matched as such (closeness.ts). */
  readonly emulation?: Emulation;
  /**
   * Some of the numbers cannot be known and are NaN (what comes in at the border of a shifted crop); the others decide.
   */
  readonly partial?: boolean;
}
