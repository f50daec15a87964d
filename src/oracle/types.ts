// What the oracle says: the results that its functions return, the command prints as JSON and the report draws. Names
// and meanings are stable; schema/verify-result.json describes the same for programs in other languages.

import type { Values } from '../formats/values.ts';
import type { Measures } from './measures.ts';

/**
 * The precision that a backend claims to compute in. It is held to what that precision earns in emulation (claims.ts).
 */
export type Claim = 'float32' | 'tf32' | 'float16' | 'bfloat16' | 'int8-weights';

export const CLAIMS: readonly Claim[] = ['float32', 'tf32', 'float16', 'bfloat16', 'int8-weights'];

/**
 * 'pass': as good as the claim gets; 'plausible': worse, but within what a sane order of summation gives; 'wrong':
 * neither.
 */
export type LayerVerdict = 'pass' | 'plausible' | 'wrong';

/** How far one layer of a backend is from what is right, and what that means for the claim. */
export interface LayerResult extends Measures {
  /** PyTorch's module path. */
  readonly name: string;
  readonly shape: readonly number[];
  /** The token (transformers) or channel (ResNets) with the largest relRms of its own. */
  readonly worst: {
    readonly kind: 'token' | 'channel' | 'image';
    readonly index: number;
    readonly relRms: number;
  } | null;
  /** rho up to which the claim passes, and up to which it is plausible. */
  readonly limits: { readonly pass: number; readonly plausible: number };
  readonly verdict: LayerVerdict;
  /**
   * rho of this layer on the backend's own inputs, where a free-running comparison had to look again: a layer that
   * seemed plausible and is wrong.
   */
  readonly ownRho?: number;
  /**
   * The backend's shape, where this module's output cannot have it in any usual order. Then the layer is
   * wrong, and rho and all errors are Infinity.
   */
  readonly storedShape?: readonly number[];
}

/** A fault that, put into the oracle's own network, gives the backend's numbers. */
export interface Cause {
  /** Stable and short, such as `gelu-for-quickgelu`. */
  readonly name: string;
  /**
   * 0 to 1: 1 means that with this fault the oracle gives the backend's numbers as closely as two right float32
   * backends agree.
   */
  readonly confidence: number;
  /** One sentence for people: what is different, and how to fix it. */
  readonly explanation: string;
}

export interface VerifyResult {
  readonly verdict: 'pass' | 'fail';
  /** The first layer, in the network's order, whose verdict is `wrong`. */
  readonly firstWrong: string | null;
  readonly causes: readonly Cause[];
  /** In the network's order; only those that the dump has. */
  readonly layers: readonly LayerResult[];
  /** What was compared with what. */
  readonly model: string;
  readonly weights: string;
  readonly claim: Claim;
  readonly teacherForced: boolean;
  /** Modules that the dump does not have, and tensors of the dump that are no module's. */
  readonly missing: readonly string[];
  readonly unknown: readonly string[];
  /**
   * Sentences about how the dump was read, such as which of two possible layouts was taken; the command adds whether it
   * was made with other weights.
   */
  readonly notes?: readonly string[];
  /** Version of the package and of the numerics contract. */
  readonly version: string;
  readonly contract: string;
}

/** The three tensors of one layer, for callers that look closer (the report) while the layer is in memory. */
export interface LayerDetail {
  readonly result: LayerResult;
  readonly backend: Values;
  readonly reference: Values;
  readonly truth: Values;
}
