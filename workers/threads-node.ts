// Threads by piscina, over node:worker_threads. It starts them, hands one task to each, hears of their death and
// replaces the dead.

import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { entryPath } from './entry-path.ts';
import type { Outcome, Task } from './job.ts';
import type { Threads } from './threads.ts';

export function start(count: number, onLost: () => void): Promise<Threads> {
  const piscina = new Piscina({
    filename: entryPath(),
    minThreads: count,
    maxThreads: count,
    concurrentTasksPerWorker: 1,
    idleTimeout: Infinity,
    recordTiming: false,
    // Threads need nothing of how the process was started: no loaders, no preloaded modules, no environment.
    execArgv: [],
    env: {},
  });
  // A death is heard of as a rejected task or, between runs, not at all: the event would only be thrown for want of a
  // listener.
  piscina.on('error', () => undefined);
  piscina.on('workerDestroy', () => {
    // Piscina starts the replacement right after this event, except for a thread that died before it was ready: that
    // one it does not replace, and never starts another again.
    queueMicrotask(() => {
      if (piscina.threads.length < count) onLost();
    });
  });
  return Promise.resolve({
    cores: availableParallelism(),
    get list() {
      return piscina.threads;
    },
    run: (task: Task) => piscina.run(task) as Promise<Outcome>,
    destroy: () =>
      piscina.destroy().then(
        () => undefined,
        () => undefined,
      ),
  });
}
