// What a gang needs of threads: to start so many, to hand one task to each, to hear of their deaths, to end them. In
// Node (Deno, Bun) it is threads-node.ts, elsewhere threads-web.ts, imported when the first program is to be computed;
// somebody with other threads calls setThreads.

import type { Outcome, Task } from './job.ts';

/** One of the threads, as whoever watches them sees it. */
export interface Thread {
  terminate(): unknown;
}

export interface Threads {
  /** How many threads the machine computes at the same time. */
  readonly cores: number;
  /** Those that live. */
  readonly list: readonly Thread[];
  /**
   * Gives a task to a thread that has none. Rejected with an Error that says how the thread ended, if it does before
   * the task.
   */
  run(task: Task): Promise<Outcome>;
  /** Ends all, whatever they do; their tasks are rejected. Resolves when they are gone, never rejected. */
  destroy(): Promise<void>;
}

/**
 * Starts `count` threads.
 * @param onLost is called when there are fewer than that for good; their owner destroys what is left
 * @throws Error if there can be no threads here
 */
export type StartThreads = (count: number, onLost: () => void) => Promise<Threads>;

let current: Promise<StartThreads> | undefined;

/** Node, and what has its modules: other engines must not even see an import of these (gjs aborts). */
const inNode = (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node !== undefined;

/** The threads of this engine, unless others were set. */
export function startThreads(): Promise<StartThreads> {
  return (current ??= (inNode ? import('./threads-node.ts') : import('./threads-web.ts')).then(({ start }) => start));
}

/** Brings threads of one's own, for hosts that have neither Node's nor a browser's. */
export function setThreads(own: StartThreads): void {
  current = Promise.resolve(own);
}
