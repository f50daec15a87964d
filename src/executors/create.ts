// Chooses the executor (plain or SIMD), precision and thread count.

import { simdWorks } from './engine.ts';
import type { Executor, ExecutorOptions } from './executor.ts';
import { ReferenceExecutor } from './reference.ts';
import { SimdExecutor } from './simd.ts';

/**
 * @param call the public function that was called, for error messages
 * @throws RangeError as `checkExecutorOptions` does, or for simd where it does not work
 */
export function createExecutor(options: ExecutorOptions = {}, call = 'createExecutor'): Executor {
  checkExecutorOptions(options, call);
  const { precision = 'float32', executor = 'auto', threads = 1, residency = 'single' } = options;
  if (executor === 'reference') return new ReferenceExecutor(precision);
  if (simdWorks()) return new SimdExecutor(threads, residency, precision, call);
  if (executor === 'auto') return new ReferenceExecutor(precision);
  throw new RangeError(
    `${call}: "executor" expected auto or reference, got simd; this engine has no WebAssembly SIMD that follows ` +
      'the IEEE rules',
  );
}

/**
 * @param call the public function that was called, for error messages
 * @throws RangeError for an unknown name, a number of threads that is not a positive integer, or options that exclude
 *   each other
 */
export function checkExecutorOptions(options: ExecutorOptions, call: string): void {
  const { precision = 'float32', executor = 'auto', threads = 1, residency = 'single' } = options;
  const choose = (argument: string, value: string, allowed: readonly string[]): void => {
    if (!allowed.includes(value))
      throw new RangeError(`${call}: "${argument}" expected one of ${allowed.join(', ')}, got ${value}`);
  };
  choose('precision', precision, ['float32', 'float64']);
  choose('executor', executor, ['auto', 'reference', 'simd']);
  choose('residency', residency, ['single', 'half']);
  if (!Number.isInteger(threads) || threads < 1) {
    throw new RangeError(`${call}: "threads" expected a positive integer, got ${threads}`);
  }
  if (executor === 'reference' && residency === 'half') {
    throw new RangeError(
      `${call}: "residency" expected single with executor reference, got half; only the SIMD executor widens ` +
        'weights when it uses them: take executor simd, or residency single',
    );
  }
}
