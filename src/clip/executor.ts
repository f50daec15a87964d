// Who computes: the one place where executor, precision and threads are chosen. Layers only see the set of operations.

import ndarray from 'ndarray';
import type { Operations } from '../ops/operations.ts';
import { reference } from '../ops/reference.ts';
import { reference64 } from '../ops/reference64.ts';
import { sizeOf, type Tensor } from '../ops/tensor.ts';
import type { Checkpoint } from './checkpoint/checkpoint.ts';

export type Precision = 'float32' | 'float64';
export type ExecutorName = 'auto' | 'reference' | 'simd';

export interface ExecutorOptions {
  /** 'float32' (the contract, default) or 'float64' (the truth). */
  precision?: Precision;
  /** 'auto' (default), 'reference' (plain loops) or 'simd'. All give the same bits. */
  executor?: ExecutorName;
  /** How many threads compute. Default: all that the machine offers. */
  threads?: number;
}

export interface Executor {
  readonly name: Exclude<ExecutorName, 'auto'>;
  readonly precision: Precision;
  readonly ops: Operations;
  /** Reads tensors into memory of the executor's choosing. */
  readWeights(checkpoint: Checkpoint, names: Iterable<string>): Promise<Map<string, Tensor>>;
  /** Computes a function of tensors. */
  run(compute: () => Tensor): Promise<Tensor>;
  close(): Promise<void>;
}

/**
 * @throws RangeError for an unknown name or a number of threads that is not a positive integer
 */
export function createExecutor(options: ExecutorOptions = {}): Executor {
  const { precision = 'float32', executor = 'auto', threads = 1 } = options;
  choose('precision', precision, ['float32', 'float64']);
  choose('executor', executor, ['auto', 'reference', 'simd']);
  if (!Number.isInteger(threads) || threads < 1) {
    throw new RangeError(`load: "threads" expected a positive integer, got ${threads}`);
  }
  if (executor === 'simd') {
    throw new RangeError('load: "executor" simd is not part of this version; use auto or reference');
  }
  return new ReferenceExecutor(precision);
}

function choose(argument: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) throw new RangeError(`load: "${argument}" expected one of ${allowed.join(', ')}, got ${value}`);
}

/** The plain loops, on the calling thread. Weights stay float32 in both precisions: float64 takes them exactly. */
class ReferenceExecutor implements Executor {
  readonly name = 'reference';
  readonly precision: Precision;
  readonly ops: Operations;

  constructor(precision: Precision) {
    this.precision = precision;
    this.ops = precision === 'float64' ? reference64 : reference;
  }

  async readWeights(checkpoint: Checkpoint, names: Iterable<string>): Promise<Map<string, Tensor>> {
    const weights = new Map<string, Tensor>();
    for (const name of names) {
      const info = checkpoint.tensors.get(name)!;
      const data = new Float32Array(sizeOf(info.shape));
      await checkpoint.read(name, data);
      weights.set(name, ndarray(data, [...info.shape]));
    }
    return weights;
  }

  async run(compute: () => Tensor): Promise<Tensor> {
    return compute();
  }

  async close(): Promise<void> {
    // Nothing is held open.
  }
}
