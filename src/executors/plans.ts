// Plans that were made, so that a computation of the same shapes is planned once.

import type { Plan } from '../compiler/planner.ts';
import { encodeProgram } from '../compiler/program-text.ts';
import { emulationKey, type Emulation } from '../graph/emulate.ts';
import type { Tensor } from '../ops/tensor.ts';
import type { Precision, RunOptions } from './executor.ts';

export interface CompiledPlan extends Plan {
  /** Number of the first segment's program; the others follow. */
  readonly id: number;
  /** Each segment's program as text for the threads; none where there is only the calling thread. */
  readonly text: readonly Uint8Array[];
}

/** The key of a run's plan; null if the plan cannot be reused. */
export function planKey(
  { key, tap, until }: RunOptions,
  precision: Precision,
  emulation: Emulation | null,
  inputs: readonly Tensor[],
): string | null {
  if (key === undefined || tap) return null;
  const shapes = inputs.map((x) => x.shape.join()).join(' ');
  return [key, until ?? '', precision, emulation === null ? '' : emulationKey(emulation), shapes].join(' | ');
}

export class Plans {
  readonly #plans = new Map<string, CompiledPlan>();
  readonly #threads: number;
  #programs = 0;

  constructor(threads: number) {
    this.#threads = threads;
  }

  /** Numbers for programs, never given twice. @returns the first of `count` */
  number(count = 1): number {
    const first = this.#programs;
    this.#programs += count;
    return first;
  }

  /** The plan of this key, made if there is none yet. */
  get(key: string | null, make: () => Plan): CompiledPlan {
    const known = key === null ? undefined : this.#plans.get(key);
    if (known !== undefined) return known;
    const made = make();
    const id = this.number(made.segments.length);
    const plan = { ...made, id, text: this.#threads === 1 ? [] : made.segments.map(encodeProgram) };
    if (key !== null) this.#plans.set(key, plan);
    return plan;
  }

  clear(): void {
    this.#plans.clear();
  }
}
