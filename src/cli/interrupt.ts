// Ctrl-C, and every other end that comes too early: what must be tidied up first is told here. While there is nothing,
// the signal ends the process at once, as ever.

import { INTERRUPTED } from './errors.ts';

const tasks = new Set<() => void>();

function tidy(): void {
  for (const task of tasks) {
    tasks.delete(task);
    try {
      task();
    } catch {
      /* the others still run */
    }
  }
}

/** The end tidies up. */
const interrupted = (): void => process.exit(INTERRUPTED);

/**
 * Has `task` run when the process is interrupted or terminated, or ends in any other way before the task is taken back:
 * by an error that nobody caught, or because the reader of its output has gone.
 * @param task synchronous
 * @returns takes it back
 */
export function onInterrupt(task: () => void): () => void {
  if (tasks.size === 0) process.on('SIGINT', interrupted).on('SIGTERM', interrupted).on('exit', tidy);
  tasks.add(task);
  return () => {
    tasks.delete(task);
    if (tasks.size === 0) process.off('SIGINT', interrupted).off('SIGTERM', interrupted).off('exit', tidy);
  };
}
