// What this engine can do: the kernels, compiled once per process, and whether they compute what they should.

import { checkKernels, kernels } from '../compiler/steps.ts';
import { TILE } from '../ops/tiles.simd.ts';
import { compile, MAXIMUM_PAGES } from '../wasm/machine.ts';

export interface CompiledKernels {
  readonly module: WebAssembly.Module;
  /** Whether the module imports a shared memory. */
  readonly shared: boolean;
}

let kept: CompiledKernels | null = null;

/** The kernels, compiled on first use, for a shared memory where the engine has one. */
export function compiledKernels(): CompiledKernels {
  const shared = typeof SharedArrayBuffer !== 'undefined';
  return (kept ??= { module: compile(kernels(TILE), shared), shared });
}

/** The reason for a refusal, or null; undefined before the first question. */
let refused: string | null | undefined;

/**
 * What this engine lacks of what the kernels need, or which rule of arithmetic it breaks (src/compiler/canary.ts); null
 * if the kernels work.
 */
export function simdRefusal(): string | null {
  if (refused === undefined) {
    try {
      const { module, shared } = compiledKernels();
      checkKernels(module, shared);
      refused = null;
    } catch (error) {
      refused = error instanceof Error ? error.message : String(error);
    }
  }
  return refused;
}

/** True if the engine has WebAssembly SIMD and passes the arithmetic self-test. */
export const simdWorks = (): boolean => simdRefusal() === null;

/**
 * Each memory reserves 4 GB of addresses and a guard region around them: where addresses are limited, not every model
 * gets a memory.
 * @param call the public function that was called, for the error message
 */
export function newMemory(shared: boolean, call: string): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: 16, maximum: MAXIMUM_PAGES, shared });
  } catch (error) {
    throw new RangeError(
      `${call}: no WebAssembly memory can be had for another model; close one, raise the limit of the process ` +
        '(ulimit -v), or take executor reference',
      { cause: error },
    );
  }
}
