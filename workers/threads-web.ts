// Threads in a browser: workers of type module. A worker that exits is not replaced: the others are terminated, and the
// next program starts all of them again.
//
// An uncaught error in a worker is reported by an event, but a worker that the browser ends (for lack of memory)
// reports nothing. Each worker therefore holds a lock while it lives, and the page waits for that lock. Without locks
// (pages that are not secure have none, and no shared memory either) there are only the events.

import type { Hello, Outcome, Task } from './job.ts';
import type { Thread, Threads } from './thread-api.ts';

/** Bundlers recognise this expression and bundle the worker too. */
const create = (): Worker =>
  new Worker(new URL('./entry-web.ts', import.meta.url), { type: 'module', name: 'clip-oracle' });

let locks = 0;

/** A part of the locks' names that no other page and no other copy of this module has. */
const UNIQUE =
  typeof crypto === 'undefined' || typeof crypto.randomUUID !== 'function' ? String(Date.now()) : crypto.randomUUID();

class WebThread implements Thread {
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #onEnd: (thread: WebThread) => void;
  #task: { resolve: (outcome: Outcome) => void; reject: (reason: Error) => void } | null = null;
  #end: Error | null = null;

  constructor(worker: Worker, onEnd: (thread: WebThread) => void) {
    this.#worker = worker;
    this.#onEnd = onEnd;
    const lock =
      typeof navigator !== 'undefined' && navigator.locks !== undefined ? `clip-oracle ${UNIQUE} ${locks++}` : null;
    let isReady = false;
    this.ready = new Promise((resolve, reject) => {
      const failed = (event: Event): void => {
        // A script that cannot be loaded has no message.
        const { message } = event as ErrorEvent;
        event.preventDefault();
        const end = new Error(
          isReady
            ? message || 'an error that says nothing'
            : `a worker could not start (${message || 'its script could not be loaded'})`,
        );
        this.#ended(end);
        reject(end);
      };
      worker.addEventListener('error', failed);
      worker.addEventListener('messageerror', failed);
      worker.addEventListener('message', ({ data }: MessageEvent<Outcome | 'ready'>) => {
        if (data === 'ready') {
          isReady = true;
          if (lock !== null)
            navigator.locks
              .request(lock, () => {
                this.#ended(new Error('the browser ended it'));
              })
              .catch(() => undefined);
          resolve();
          return;
        }
        const task = this.#task;
        this.#task = null;
        task?.resolve(data);
      });
    });
    this.ready.catch(() => undefined); // start() awaits it, too
    worker.postMessage({ lock } satisfies Hello);
  }

  get idle(): boolean {
    return this.#task === null && this.#end === null;
  }

  run(task: Task): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      if (this.#end !== null) {
        reject(this.#end);
        return;
      }
      this.#worker.postMessage(task); // throws what cannot be sent
      this.#task = { resolve, reject };
    });
  }

  terminate(): void {
    this.#ended(new Error('it was terminated'));
  }

  #ended(end: Error): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#worker.terminate();
    this.#task?.reject(end);
    this.#task = null;
    this.#onEnd(this);
  }
}

export async function start(count: number, onLost: () => void): Promise<Threads> {
  if (typeof Worker === 'undefined') throw new Error('threads: this engine has no workers; load with threads: 1');
  const threads = new Set<WebThread>();
  let given = true;
  const destroy = (): Promise<void> => {
    given = false;
    for (const thread of threads) thread.terminate();
    return Promise.resolve();
  };
  try {
    for (let i = 0; i < count; i += 1) {
      threads.add(
        new WebThread(create(), (thread) => {
          threads.delete(thread);
          if (given) onLost();
        }),
      );
    }
    await Promise.all([...threads].map((thread) => thread.ready));
  } catch (error) {
    await destroy();
    throw new Error(
      `threads: ${error instanceof Error ? error.message : String(error)}; serve the worker's file beside the ` +
        `module's, or load with threads: 1`,
      { cause: error },
    );
  }
  return {
    cores: navigator.hardwareConcurrency,
    get list() {
      return [...threads];
    },
    run(task) {
      const thread = [...threads].find(({ idle }) => idle);
      return thread?.run(task) ?? Promise.reject(new Error('another thread ended'));
    },
    destroy,
  };
}
