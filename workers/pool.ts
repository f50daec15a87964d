// The pool of this process: gangs of threads by their number, shared by all models. A gang starts with its first run
// and ends when the last model that uses it lets go. Idle threads do not keep the process alive, whether or not anybody
// lets go.

import { Gang } from './gang.ts';
import type { Program, RunOptions, SharedModel } from './job.ts';
import type { Thread } from './threads.ts';

const gangs = new Map<number, Gang>();
let nextModel = 1;

/** A model's share of a gang. */
export interface Share {
  /** How many threads compute together. */
  readonly threads: number;
  /**
   * Computes a program on all threads. Calls queue: one after the other within a model, models in turn.
   * @throws the signal's reason when cancelled; an Error that says what happened when a step failed or a thread died;
   *   the next call works
   */
  run(program: Program, options?: RunOptions): Promise<void>;
  /** Starts the threads and makes the kernels ready, so that the first run need not. Optional. */
  warm(options?: RunOptions): Promise<void>;
  /**
   * Waits for the calls already made, then lets go: threads forget the model, and end if nobody else uses them.
   * Idempotent.
   */
  release(): Promise<void>;
}

/**
 * Takes a share of the gang with so many threads. Nothing starts yet.
 * @throws RangeError when `threads` is not a positive integer; TypeError when the memory is not shared
 */
export function retain(threads: number, model: SharedModel): Share {
  if (!Number.isInteger(threads) || threads < 1)
    throw new RangeError(`pool: "threads" expected a positive integer, got ${threads}`);
  if (!(model.memory.buffer instanceof SharedArrayBuffer)) {
    throw new TypeError(
      'pool: "memory" expected a shared WebAssembly.Memory, got one that is not shared. Create it with { ' +
        'shared: true }.',
    );
  }
  let gang = gangs.get(threads);
  if (gang === undefined) gangs.set(threads, (gang = new Gang(threads)));
  return new GangShare(gang, model);
}

/** All threads of the pool, for tests and diagnostics. */
export function poolThreads(): Thread[] {
  return [...gangs.values()].flatMap((gang) => gang.threads);
}

class GangShare implements Share {
  readonly #gang: Gang;
  readonly #model: SharedModel & { readonly id: number };
  readonly #calls = new Set<Promise<void>>();
  #released: Promise<void> | undefined;

  constructor(gang: Gang, model: SharedModel) {
    this.#gang = gang;
    this.#model = { ...model, id: nextModel };
    nextModel += 1;
    gang.models.add(this.#model.id);
  }

  get threads(): number {
    return this.#gang.parts;
  }

  run(program: Program, options?: RunOptions): Promise<void> {
    return this.#call(program, options);
  }

  warm(options?: RunOptions): Promise<void> {
    return this.#call(undefined, options);
  }

  release(): Promise<void> {
    return (this.#released ??= this.#letGo());
  }

  #call(program: Program | undefined, options: RunOptions | undefined): Promise<void> {
    if (this.#released !== undefined)
      return Promise.reject(new Error('pool: the model was closed; load it again to compute with it'));
    const call = this.#gang.run(this, this.#model, program, options);
    this.#calls.add(call);
    const done = (): void => {
      this.#calls.delete(call);
    };
    call.then(done, done);
    return call;
  }

  async #letGo(): Promise<void> {
    await Promise.allSettled(this.#calls);
    const gang = this.#gang;
    gang.models.delete(this.#model.id);
    if (gang.models.size === 0) {
      // Another model may come while the threads end: it gets a gang of its own.
      if (gangs.get(gang.parts) === gang) gangs.delete(gang.parts);
      await gang.end();
    } else if (gang.threads.length > 0) {
      // Threads drop what is not live with every run. This one is for memory that would else be kept until the next.
      await gang.run(this, undefined, undefined).catch(() => undefined);
    }
  }
}
