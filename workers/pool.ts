// The pool of this process: gangs by their number of threads, shared by all models. A gang starts with its first run
// and ends when the last model releases its lease. Idle threads do not keep the process alive, released or not.

import { Gang } from './gang.ts';
import type { JobOptions, Program, SharedModel } from './job.ts';
import type { Thread } from './thread-api.ts';

const gangs = new Map<number, Gang>();
let nextModel = 1;

/** A model's lease of a gang. */
export interface GangLease {
  /** Number of threads that compute together. */
  readonly threads: number;
  /**
   * Computes a program on all threads. Calls queue: one after the other within a model, models in turn.
   * @throws the signal's reason when cancelled; an Error that says what happened when a step failed or a thread exited;
   *   the next call works
   */
  run(program: Program, options?: JobOptions): Promise<void>;
  /** Starts the threads and instantiates the kernels before the first run. Optional. */
  warm(options?: JobOptions): Promise<void>;
  /**
   * Waits for the calls already made, then ends the lease: threads drop the model, and exit if no other model uses
   * them. Idempotent.
   */
  release(): Promise<void>;
}

/**
 * Takes a lease of the gang with this number of threads. Nothing starts yet.
 * @throws RangeError when `threads` is not a positive integer; TypeError when the memory is not shared
 */
export function retain(threads: number, model: SharedModel): GangLease {
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
  return new Lease(gang, model);
}

/** All threads of the pool, for tests and diagnostics. */
export function poolThreads(): Thread[] {
  return [...gangs.values()].flatMap((gang) => gang.threads);
}

class Lease implements GangLease {
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

  run(program: Program, options?: JobOptions): Promise<void> {
    return this.#call(program, options);
  }

  warm(options?: JobOptions): Promise<void> {
    return this.#call(undefined, options);
  }

  release(): Promise<void> {
    return (this.#released ??= this.#end());
  }

  #call(program: Program | undefined, options: JobOptions | undefined): Promise<void> {
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

  async #end(): Promise<void> {
    await Promise.allSettled(this.#calls);
    const gang = this.#gang;
    gang.models.delete(this.#model.id);
    if (gang.models.size === 0) {
      // Another model may come while the threads exit: it gets a gang of its own.
      if (gangs.get(gang.parts) === gang) gangs.delete(gang.parts);
      await gang.end();
    } else if (gang.threads.length > 0) {
      // Threads drop what is not live with every run. This one frees memory that would be kept until the next.
      await gang.run(this, undefined, undefined).catch(() => undefined);
    }
  }
}
