// What a worker of a browser is: the thread's work (entry.ts), asked for and answered by messages.

import run from './entry.ts';
import type { Outcome, Task } from './job.ts';
import type { Hello } from './threads-web.ts';

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
    // Held until this worker is no more.
    void navigator.locks.request(data.lock, () => {
      self.postMessage('ready');
      return new Promise(() => undefined);
    });
  }
});
