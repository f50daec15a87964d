// A gang of threads that compute one program together: all threads run their parts at the same time, so a run needs the
// whole gang, and other runs wait.
//
// Threads come from threads.ts. This file adds three things: when a thread exits, the parts that wait for it are
// released; cancelling goes through the barrier, since nothing else reaches a running thread; and if a thread cannot be
// replaced, all are terminated, because parts that wait for a missing one would wait for ever.

import { abort, barrierWords } from './barrier.ts';
import { FairQueue } from './fair-queue.ts';
import type { JobOptions, Outcome, Program, SharedModel, Task } from './job.ts';
import { onAbort } from './on-abort.ts';
import type { Thread, Threads } from './thread-api.ts';
import { startThreads } from './threads.ts';

/**
 * How often to look at a barrier before going to sleep, where every part has a core. 20,000 looks take 140 µs, a
 * barrier at which one part slept 25 µs more than one at which both spun (Node 20, two cores of an EPYC virtual
 * machine, 2026-11). With parts that arrive up to 50 µs apart, steps took 56 µs on average for anything above 5,000
 * looks, 63 µs for 2,000 and 77 µs without any.
 */
const SPIN = 20_000;

export type Model = SharedModel & { readonly id: number };

interface Run {
  readonly model?: Model;
  readonly program?: Program;
  readonly signal?: AbortSignal;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
  /** Of the running barrier; undefined as long as the run waits. */
  words?: Int32Array<SharedArrayBuffer>;
}

export class Gang {
  readonly parts: number;
  /** Models that may run here. Threads drop all others. */
  readonly models = new Set<number>();
  readonly #queue = new FairQueue<unknown, Run>();
  #running = false;
  /** Resolves when nothing runs or waits. */
  #served: Promise<void> = Promise.resolve();
  #threads: Threads | undefined;
  /** Resolves when terminated threads are gone. */
  #gone: Promise<void> = Promise.resolve();

  constructor(parts: number) {
    this.parts = parts;
  }

  /** The running threads: none before the first run. */
  get threads(): readonly Thread[] {
    return this.#threads?.list ?? [];
  }

  /**
   * Runs a program on all threads, when it is `owner`'s turn. Without a program the kernels are instantiated; without a
   * model threads only drop what is not live.
   * @throws the signal's reason when cancelled; an Error that says what happened when a part failed or its thread
   *   exited
   */
  run(
    owner: unknown,
    model: Model | undefined,
    program: Program | undefined,
    { signal }: JobOptions = {},
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const run: Run = {
        model,
        program,
        signal,
        resolve: () => {
          forget?.();
          resolve();
        },
        reject: (reason) => {
          forget?.();
          reject(reason as Error);
        },
      };
      const forget =
        signal &&
        onAbort(signal, () => {
          if (run.words !== undefined) abort(run.words);
          else if (this.#queue.remove(owner, run)) run.reject(signal.reason);
        });
      this.#queue.push(owner, run);
      if (!this.#running) this.#served = this.#serve();
    });
  }

  /** Terminates the threads when nothing runs or waits any more. A later run would start new ones. */
  async end(): Promise<void> {
    await this.#served;
    this.#giveUp();
    await this.#gone;
  }

  async #serve(): Promise<void> {
    this.#running = true;
    for (let run = this.#queue.shift(); run !== undefined; run = this.#queue.shift()) {
      run.words = barrierWords();
      try {
        await this.#compute(run, run.words);
        if (run.signal?.aborted) run.reject(run.signal.reason);
        else run.resolve();
      } catch (error) {
        run.reject(run.signal?.aborted ? run.signal.reason : error);
      }
    }
    this.#running = false; // At once, not when the promise has resolved: a call in between must not be overlooked.
  }

  /** Returns when every part has ended and no thread touches the model's memory any more. */
  async #compute({ model, program, signal }: Run, words: Int32Array<SharedArrayBuffer>): Promise<void> {
    if (model === undefined && this.#threads === undefined) return; // no thread, nothing to drop
    const threads = await this.#fullStrength();
    if (signal?.aborted) return;
    let failure: Error | undefined;
    let done = 0;
    const task = {
      parts: this.parts,
      words,
      spin: this.parts > threads.cores ? 0 : SPIN,
      live: [...this.models],
      model,
      program,
    };
    await Promise.all(
      Array.from({ length: this.parts }, async (_, part) => {
        try {
          const outcome = await threads.run({ ...task, part } satisfies Task);
          if (outcome.kind === 'done') done += 1;
          if (outcome.kind === 'failed') failure ??= failureOf(outcome, part, this.parts);
        } catch (error) {
          abort(words);
          failure ??= exitOf(error, part, this.parts);
        }
      }),
    );
    await this.#gone;
    if (failure !== undefined) throw failure;
    if (done < this.parts && !signal?.aborted)
      throw new Error(`threads: expected ${this.parts} finished parts, got ${done}; please report this`);
  }

  async #fullStrength(): Promise<Threads> {
    await this.#gone;
    if (this.#threads !== undefined) return this.#threads;
    const start = await startThreads();
    const started: { threads?: Threads; isLost: boolean } = { isLost: false };
    const threads = await start(this.parts, () => {
      started.isLost = true;
      if (started.threads !== undefined && this.#threads === started.threads) this.#giveUp();
    });
    if (started.isLost) {
      await threads.destroy();
      throw new Error('threads: one ended before all had started; the next call tries again');
    }
    return (this.#threads = started.threads = threads);
  }

  /** Terminates the threads; their tasks are rejected. */
  #giveUp(): void {
    const threads = this.#threads;
    if (threads === undefined) return;
    this.#threads = undefined;
    this.#gone = Promise.all([this.#gone, threads.destroy()]).then(() => undefined);
  }
}

function failureOf(outcome: Outcome & { kind: 'failed' }, part: number, parts: number): Error {
  const cause = new Error(outcome.message);
  cause.name = outcome.name;
  cause.stack = outcome.stack ?? cause.stack;
  return new Error(`Thread ${part + 1} of ${parts} failed: ${outcome.message}`, { cause });
}

function exitOf(error: unknown, part: number, parts: number): Error {
  const reason = error instanceof Error ? error.message : String(error);
  // piscina's message for tasks of threads that it terminates
  const message = reason === 'Terminating worker thread' ? 'another thread ended before it was ready' : reason;
  return new Error(
    `Thread ${part + 1} of ${parts} exited during the computation (${message}); the call has no result. ` +
      'The next call starts a new thread in its place.',
    { cause: error },
  );
}
