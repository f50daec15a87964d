// Who computes: the one place where executor, precision and threads are chosen. Layers only see the set of operations.

import type { Emulation } from '../graph/emulate.ts';
import type { Operations } from '../ops/operations.ts';
import type { Tensor } from '../ops/tensor.ts';
import type { Tap } from '../layers/module.ts';
import type { Checkpoint } from '../clip/weights/checkpoint.ts';
import { ReferenceExecutor } from './reference.ts';
import { SimdExecutor, simdWorks } from './simd.ts';

export type Precision = 'float32' | 'float64';
export type ExecutorName = 'auto' | 'reference' | 'simd';

/** How weights that a checkpoint holds in half precision are kept in memory; the bits of the results are the same. */
export type Residency = 'single' | 'half';

export interface ExecutorOptions {
  /** 'float32' (the contract, default) or 'float64' (the truth). */
  precision?: Precision;
  /** 'auto' (default), 'reference' (plain loops) or 'simd'. All give the same bits. */
  executor?: ExecutorName;
  /** How many threads compute. Default: all that the machine offers. 1 starts no worker. Plain loops take one. */
  threads?: number;
  /**
   * 'half' keeps half-precision matrices as they are, in half the memory, and widens them on the way. Default 'single'.
   * SIMD only.
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
  /** Names what is computed, up to the shapes of the inputs, so that the plan for it can be used again. */
  key?: string;
  /** Cancels: the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * The emulation that is asked for, if any.
 * @throws RangeError where it is asked for in float64
 */
export function emulationIn(precision: Precision, { emulate }: RunOptions): Emulation | null {
  if (emulate !== undefined && precision === 'float64')
    throw new RangeError(
      'encodeImage: "emulate" expected precision float32, got float64; smaller formats are emulated in float32',
    );
  return emulate ?? null;
}

export interface Executor {
  readonly name: Exclude<ExecutorName, 'auto'>;
  readonly precision: Precision;
  readonly threads: number;
  readonly ops: Operations;
  /** Reads tensors into memory of the executor's choosing. */
  readWeights(checkpoint: Checkpoint, names: Iterable<string>): Promise<Map<string, Tensor>>;
  /**
   * Reads tensors that were read before again, from a checkpoint that holds other numbers in the same types and shapes,
   * to the same places.
   */
  rewriteWeights(checkpoint: Checkpoint, weights: ReadonlyMap<string, Tensor>): Promise<void>;
  /**
   * Computes a function of tensors. It is given the inputs as the executor's tensors, the set of operations and the
   * tap, and must use these.
   * @returns a tensor of numbers, in row-major order
   */
  run(
    inputs: readonly Tensor[],
    compute: (inputs: readonly Tensor[], ops: Operations, tap: Tap | null) => Tensor,
    options?: RunOptions,
  ): Promise<Tensor>;
  /** Waits for the runs already asked for, then frees everything. */
  close(): Promise<void>;
}

/**
 * @throws RangeError for an unknown name, a number of threads that is not a positive integer, or simd where it does not
 *   work
 */
export function createExecutor(options: ExecutorOptions = {}): Executor {
  const { precision = 'float32', executor = 'auto', threads = 1, residency = 'single' } = options;
  choose('precision', precision, ['float32', 'float64']);
  choose('executor', executor, ['auto', 'reference', 'simd']);
  choose('residency', residency, ['single', 'half']);
  if (!Number.isInteger(threads) || threads < 1) {
    throw new RangeError(`load: "threads" expected a positive integer, got ${threads}`);
  }
  if (executor === 'reference' && residency === 'half') {
    throw new RangeError(
      'load: "residency" half is for the SIMD executor, which widens weights on the way; take executor simd, ' +
        'or residency single',
    );
  }
  if (executor === 'reference') return new ReferenceExecutor(precision);
  if (simdWorks()) return new SimdExecutor(threads, residency, precision);
  if (executor === 'auto') return new ReferenceExecutor(precision);
  throw new RangeError(
    'load: "executor" simd needs WebAssembly with SIMD that keeps the IEEE rules, which this engine does not ' +
      'have; take auto or reference',
  );
}

function choose(argument: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value))
    throw new RangeError(`load: "${argument}" expected one of ${allowed.join(', ')}, got ${value}`);
}
