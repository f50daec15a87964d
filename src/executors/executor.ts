// What an executor is: it holds weights and runs networks. Types only; create.ts chooses one.

import type { WeightUse } from '../compiler/weights.ts';
import type { Emulation } from '../graph/emulate.ts';
import type { Tap } from '../layers/module.ts';
import type { Operations } from '../ops/operations.ts';
import type { Tensor } from '../ops/tensor.ts';

export type { WeightUse } from '../compiler/weights.ts';

export type Precision = 'float32' | 'float64';
export type ExecutorName = 'auto' | 'reference' | 'simd';

/** How weights that a checkpoint holds in half precision are kept in memory; the bits of the results are the same. */
export type Residency = 'single' | 'half';

export interface ExecutorOptions {
  /** 'float32' (the contract, default) or 'float64' (the truth). */
  precision?: Precision;
  /** 'auto' (default), 'reference' (plain loops) or 'simd'. All give the same bits. */
  executor?: ExecutorName;
  /**
   * Number of threads. `load` takes at most one per core that the process may use (its control group's quota included),
   * and by default no more than CLIP_ORACLE_THREADS says and than help a model of this size. 1 starts no worker. Plain
   * loops run on one thread.
   */
  threads?: number;
  /**
   * 'half' keeps half-precision matrices in half precision, which takes half the memory, and widens them when they are
   * used. Default 'single'. SIMD only.
   */
  residency?: Residency;
}

export interface RunOptions {
  /**
   * 'float64' computes the truth with the same weights, whatever the executor's own precision. Default: the executor's
   * own.
   */
  precision?: Precision;
  /** Rounds where a backend in a lower precision does. float32 mode only. */
  emulate?: Emulation;
  /** Sees every module's output. */
  tap?: Tap | null;
  /**
   * Ends the run after the module of this path: what follows is neither planned nor computed, and the result is this
   * module's output.
   */
  until?: string;
  /**
   * Outputs that are also written over weights when the run is done, by index or name: sums over a batch, an
   * optimizer's moments, trained parameters. The next run reads them there. The target is a tensor that `readWeights`
   * gave, in float32 and of the output's shape.
   */
  into?: ReadonlyMap<string, Tensor>;
  /** Identifies the computation, apart from the shapes of its inputs, so that its plan can be reused. */
  key?: string;
  /** Cancels: the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
  /** The public function that was called, for error messages. Default: 'run'. */
  call?: string;
}

/** Where weights come from; every checkpoint is one. */
export interface WeightSource {
  readonly tensors: ReadonlyMap<string, { readonly dtype: string; readonly shape: readonly number[] }>;
  /** Reads a tensor in row-major order, as float32. @param into as many elements as the tensor has */
  read(name: string, into: Float32Array): Promise<void>;
}

/** What a computation returns: a tensor, several, or several by name. */
export type Outputs = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>;

/** A function of tensors, in terms of the operations and the tap that it is given. */
export type Compute<R extends Outputs = Tensor> = (inputs: readonly Tensor[], ops: Operations, tap: Tap | null) => R;

export interface Executor {
  readonly name: Exclude<ExecutorName, 'auto'>;
  readonly precision: Precision;
  readonly threads: number;
  readonly ops: Operations;
  /**
   * Reads tensors into the executor's memory.
   * @param uses how each tensor is used, which decides how it is stored. Several uses (a matrix and its transpose, as
   *   the gradient of a frozen layer needs) store a matrix once for each.
   */
  readWeights(
    source: WeightSource,
    uses: ReadonlyMap<string, WeightUse | readonly WeightUse[]>,
  ): Promise<Map<string, Tensor>>;
  /**
   * Overwrites tensors that were read before with the numbers of another source of the same types and shapes. Plans and
   * tensors stay valid.
   */
  rewriteWeights(source: WeightSource, weights: ReadonlyMap<string, Tensor>): Promise<void>;
  /**
   * Computes a function of tensors. It is given the inputs as the executor's tensors, the operations and the tap, and
   * must use these.
   * @returns tensors of numbers in row-major order, arranged as `compute` returns them
   */
  run<R extends Outputs>(inputs: readonly Tensor[], compute: Compute<R>, options?: RunOptions): Promise<R>;
  /** Waits for the runs already asked for, then frees everything. */
  close(): Promise<void>;
}
