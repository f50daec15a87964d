// Ctrl-C: what must be tidied up first is told here. While there is nothing, the signal ends the process at once, as ever.

import { INTERRUPTED } from './errors.ts';

const tasks = new Set<() => void>();

function interrupted(): void {
  for (const task of tasks) {
    try {
      task();
    } catch { /* the others still run */ }
  }
  process.exit(INTERRUPTED);
}

/**
 * Has `task` run when the process is interrupted or terminated.
 * @param task synchronous
 * @returns takes it back
 */
export function onInterrupt(task: () => void): () => void {
  if (tasks.size === 0) process.on('SIGINT', interrupted).on('SIGTERM', interrupted);
  tasks.add(task);
  return () => {
    tasks.delete(task);
    if (tasks.size === 0) process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  };
}
