// The ways to compute: which of them this engine has, and why it lacks the others.

import { createExecutor } from '../../../src/executors/create.ts';
import type { Executor, Precision } from '../../../src/executors/executor.ts';
import { simdRefusal } from '../../../src/executors/engine.ts';

export interface Path {
  readonly name: PathName;
  readonly executor: 'reference' | 'simd';
  readonly precision: Precision;
  readonly threads: number;
}

/**
 * Plain loops, SIMD on the calling thread, SIMD on two threads, in both precisions. All of one precision must have the
 * same bits.
 */
export const PATHS = [
  { name: 'simd', executor: 'simd', precision: 'float32', threads: 1 },
  { name: 'simd-2', executor: 'simd', precision: 'float32', threads: 2 },
  { name: 'plain', executor: 'reference', precision: 'float32', threads: 1 },
  { name: 'simd64', executor: 'simd', precision: 'float64', threads: 1 },
  { name: 'simd64-2', executor: 'simd', precision: 'float64', threads: 2 },
  { name: 'plain64', executor: 'reference', precision: 'float64', threads: 1 },
] as const satisfies readonly { name: string; executor: 'reference' | 'simd'; precision: Precision; threads: number }[];

export type PathName = (typeof PATHS)[number]['name'];

/** Why the path cannot be taken here, or null. */
export function refusal({ executor, threads }: Path, workers: string | null): string | null {
  if (executor === 'reference') return null;
  return simdRefusal() ?? (threads > 1 ? workers : null);
}

export function executorOf({ executor, precision, threads }: Path): Executor {
  return createExecutor({ executor, precision, threads });
}
