// Threads by piscina, over node:worker_threads. It starts them, gives one task to each and replaces threads that exit.

import { Piscina } from 'piscina';
import { usableCores } from './cores.ts';
import { entryPath } from './entry-path.ts';
import type { Outcome, Task } from './job.ts';
import type { Threads } from './thread-api.ts';

export function start(count: number, onLost: () => void): Promise<Threads> {
  const piscina = new Piscina({
    filename: entryPath(),
    minThreads: count,
    maxThreads: count,
    concurrentTasksPerWorker: 1,
    idleTimeout: Infinity,
    recordTiming: false,
    // Threads inherit nothing: no loaders, no preloaded modules, no environment.
    execArgv: [],
    env: {},
  });
  // An exit rejects the thread's task, and between runs it does not matter: without a listener the event would be
  // thrown.
  piscina.on('error', () => undefined);
  piscina.on('workerDestroy', () => {
    // Piscina starts the replacement right after this event, except for a thread that exited before it was ready: that
    // one it does not replace, and it never starts another.
    queueMicrotask(() => {
      if (piscina.threads.length < count) onLost();
    });
  });
  return Promise.resolve({
    cores: usableCores(),
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
