// The thread API a gang needs: start N, run one task per thread, report exits, terminate. Types only: threads-node.ts
// has it for Node (Deno, Bun), threads-web.ts for browsers.

import type { Outcome, Task } from './job.ts';

/** One of the threads. */
export interface Thread {
  terminate(): unknown;
}

export interface Threads {
  /** Number of threads that the machine runs at the same time. */
  readonly cores: number;
  /** The running threads. */
  readonly list: readonly Thread[];
  /**
   * Gives a task to a thread that has none. If the thread exits before the task is done, the promise is rejected with
   * an Error that says how.
   */
  run(task: Task): Promise<Outcome>;
  /** Terminates all threads; their tasks are rejected. Resolves when they are gone, never rejected. */
  destroy(): Promise<void>;
}

/**
 * Starts `count` threads.
 * @param onLost is called when there are fewer than that for good; their owner terminates the others
 * @throws Error if there can be no threads here
 */
export type StartThreads = (count: number, onLost: () => void) => Promise<Threads>;
