// A thread of the barrier's tests: counts its rounds in shared memory and reports every round in which somebody else
// was not where the barrier promises.

import { parentPort, workerData } from 'node:worker_threads';
import { Barrier, Released } from '../../dist/workers/barrier.js';

const { words, counts, part, threads, parts, spin, rounds, slow } = workerData;
const barrier = new Barrier(words, parts, spin);
let violations = 0;
let released = false;
let round = 0;
try {
  for (round = 1; round <= rounds; round += 1) {
    if (part === slow && round % 100 === 1) for (const end = performance.now() + 2; performance.now() < end;);
    counts[part] = round; // Not atomic: the barrier itself must make it seen.
    barrier.wait();
    for (let other = 0; other < threads; other += 1) if (counts[other] !== round) violations += 1;
    barrier.wait(); // Nobody writes the next round before everybody has read this one.
  }
} catch (error) {
  if (!(error instanceof Released)) throw error;
  released = true;
}
parentPort.postMessage({ violations, released, round });
