// The loop that every thread runs: all steps of a program in order, this part's share of each, and a barrier in
// between. Nothing of Node.

import type { Machine } from '../src/wasm/machine.ts';
import { decodeProgram } from '../src/compiler/program-text.ts';
import type { Barrier } from './barrier.ts';

/**
 * One operation of a recorded network as plain data. Its fields depend on the kind.
 */
export interface AnyStep {
  readonly kind: string;
}

/** Computes this part's share of a step's output. */
export type RunStep<S extends AnyStep = AnyStep> = (step: S, machine: Machine, part: number, parts: number) => void;

/**
 * Computes part `part` of `barrier.parts` of all steps. No barrier follows the last step: the gang
 * waits for all threads.
 * @throws Released when another part has failed or the run was cancelled; else what the step threw, with the step named
 *   in the message
 */
export function runProgram<S extends AnyStep>(
  steps: readonly S[],
  runStep: RunStep<S>,
  machine: Machine,
  part: number,
  barrier: Barrier,
): void {
  for (let index = 0; index < steps.length; index += 1) {
    if (index > 0) barrier.wait();
    try {
      runStep(steps[index], machine, part, barrier.parts);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`step ${index + 1} of ${steps.length} (${steps[index].kind}): ${message}`, { cause: error });
    }
  }
}

/** Reads the steps of a program out of shared memory. */
export function readProgram(memory: WebAssembly.Memory, address: number, byteLength: number): AnyStep[] {
  // A copy, because TextDecoder refuses shared memory in browsers.
  const bytes = new Uint8Array(memory.buffer, address, byteLength).slice();
  return decodeProgram<AnyStep>(bytes);
}
