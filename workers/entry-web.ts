// The script of a browser's worker: the thread's work (entry.ts), with tasks and outcomes as messages.

import run from './entry.ts';
import type { Hello, Outcome, Task } from './job.ts';

/** The global object of a worker; TypeScript's DOM library describes a window's. */
declare const self: {
  addEventListener(type: 'message', listener: (event: { data: Hello | Task }) => void): void;
  postMessage(message: Outcome | 'ready'): void;
};

self.addEventListener('message', ({ data }) => {
  if (!('lock' in data)) {
    void run(data).then((outcome) => self.postMessage(outcome));
  } else if (data.lock === null) {
    self.postMessage('ready');
  } else {
    // Held while this worker lives.
    void navigator.locks.request(data.lock, () => {
      self.postMessage('ready');
      return new Promise(() => undefined);
    });
  }
});
