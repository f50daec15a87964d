// On Ctrl-C, and at every other early end, temporary files are removed (formats/atomic-file.ts keeps
// their list). While there is none, a signal ends the process at once, as by default.

import { removeUnfinished, watchUnfinished } from '../formats/atomic-file.ts';
import { INTERRUPTED } from './errors.ts';

let holders = 0;

/** Ending this way runs the 'exit' listener. */
const interrupted = (): void => process.exit(INTERRUPTED);

function hold(): void {
  if (holders++ === 0) process.on('SIGINT', interrupted).on('SIGTERM', interrupted).on('exit', removeUnfinished);
}

function release(): void {
  if (--holders === 0) process.off('SIGINT', interrupted).off('SIGTERM', interrupted).off('exit', removeUnfinished);
}

/**
 * From now on the process removes its temporary files when it is interrupted or terminated, or ends in any other way
 * before they are finished: by an uncaught error, or because the reader of its output is gone.
 */
export function tidyUpOnExit(): void {
  watchUnfinished((some) => (some ? hold() : release()));
}

/**
 * Makes signals wait until synchronous work is done, for files that belong together and are written in one go.
 * @returns to be called when they are written
 */
export function holdSignals(): () => void {
  hold();
  return release;
}
