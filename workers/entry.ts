// What a worker thread does: its part of a program (see job.ts). Kernels are instantiated once per model and programs
// parsed once, and both are dropped when their model is closed: the caches below hold open models only.

import { instantiate, type Machine } from '../src/wasm/machine.ts';
import * as operations from '../src/compiler/steps.ts';
import { abort, Barrier, Released } from './barrier.ts';
import type { Outcome, Task } from './job.ts';
import { readProgram, runProgram, type RunStep, type AnyStep } from './run-program.ts';

/**
 * Programs kept per model. A model has one for every batch size and tower in use; the one that was not used for longest
 * goes first.
 */
const PROGRAMS_KEPT = 32;

interface Known {
  readonly machine: Machine;
  readonly runStep: RunStep;
  /** By id, the most recently used last. */
  readonly programs: Map<number, AnyStep[]>;
}

/** What a module of steps exports. `checkKernels` throws on a thread whose arithmetic breaks the rules. */
interface Steps {
  readonly runStep: RunStep;
  readonly checkKernels?: (module: WebAssembly.Module, shared: boolean) => void;
}

const models = new Map<number, Known>();

/** The task function. It never throws: a thrown null would count as success, and not every error can be cloned. */
export default async function run(task: Task): Promise<Outcome> {
  try {
    for (const id of models.keys()) if (!task.live.includes(id)) models.delete(id);
    const barrier = new Barrier(task.words, task.parts, task.spin);
    const known = task.model === undefined ? undefined : await know(task.model);
    if (known === undefined || task.program === undefined)
      barrier.wait(); // So that no thread takes two of these and leaves another without.
    else runProgram(programOf(known, task.program), known.runStep, known.machine, task.part, barrier);
    return { kind: 'done' };
  } catch (error) {
    if (error instanceof Released) return { kind: 'released' };
    abort(task.words); // The others need not wait for the main thread.
    if (error instanceof Error) return { kind: 'failed', name: error.name, message: error.message, stack: error.stack };
    return { kind: 'failed', name: 'Error', message: String(error) };
  }
}

async function know(model: NonNullable<Task['model']>): Promise<Known> {
  const known = models.get(model.id);
  // A memory object from before the memory grew may still have its old size; the one in the task has the new one.
  if (known !== undefined && known.machine.memory.buffer.byteLength >= model.memory.buffer.byteLength) return known;
  const { runStep, checkKernels }: Steps =
    known ??
    (model.steps === undefined
      ? (operations as unknown as Steps)
      : ((await import(/* @vite-ignore */ model.steps)) as Steps));
  if (known === undefined) checkKernels?.(model.module, true);
  const fresh = {
    machine: instantiate(model.module, model.memory),
    runStep,
    programs: known?.programs ?? new Map<number, AnyStep[]>(),
  };
  models.set(model.id, fresh);
  return fresh;
}

function programOf({ machine, programs }: Known, { id, address, byteLength }: NonNullable<Task['program']>): AnyStep[] {
  const steps = programs.get(id) ?? readProgram(machine.memory, address, byteLength);
  programs.delete(id);
  programs.set(id, steps);
  if (programs.size > PROGRAMS_KEPT) programs.delete(programs.keys().next().value!);
  return steps;
}

/** Sizes of the caches, for tests that import this module in a step. */
export function cached(): { models: number; programs: number } {
  let programs = 0;
  for (const known of models.values()) programs += known.programs.size;
  return { models: models.size, programs };
}
