// Computing on the calling thread, in time slices: events of the host are handled in between.

import { runStep, type Step } from '../compiler/steps.ts';
import type { Machine } from '../wasm/machine.ts';

/** Milliseconds of computing before other events are handled. */
const TURN = 30;

/** Runs steps on the calling thread. @throws the signal's reason, between two slices */
export async function runInTurns(
  steps: readonly Step[],
  machine: Machine,
  signal: AbortSignal | undefined,
): Promise<void> {
  let turn = now();
  for (const step of steps) {
    runStep(step, machine, 0, 1);
    const passed = now() - turn;
    if (passed >= 0 && passed < TURN) continue; // a clock that is set back must not stop the turns
    await nextTurn();
    signal?.throwIfAborted();
    turn = now();
  }
}

/** Milliseconds. Engines' shells may have no better clock. */
const now = (): number => (typeof performance === 'undefined' ? Date.now() : performance.now());

/**
 * Resolves after waiting events were handled, by the quickest means there is: a timer takes milliseconds, and a second
 * in a page in the background. Shells have no events.
 */
const nextTurn = (): Promise<void> =>
  new Promise((resume) => {
    if (typeof setImmediate === 'function') setImmediate(resume);
    else if (typeof MessageChannel === 'function') {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resume();
      };
      port2.postMessage(null);
    } else if (typeof setTimeout === 'function') setTimeout(resume);
    else resume();
  });
