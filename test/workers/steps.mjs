// Steps for the tests of the pool, run by worker threads in place of the operations: a computation whose result shows
// any barrier that did not hold, and faults of every kind. Plain JavaScript, because threads load it as it is.

import { cached } from '../../dist/workers/entry.js';

const busy = (milliseconds) => {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
};

const faults = {
  throw: () => {
    throw new RangeError('planted failure');
  },
  throwNull: () => {
    throw null;
  },
  throwUncloneable: () => {
    throw Object.assign(new Error('cannot be cloned'), { cause: () => 1 });
  },
  exit: () => process.exit(7),
  uncaught: () => {
    globalThis.queueMicrotask(() => {
      throw new Error('planted stray error');
    });
  },
  memory: () => {
    const hold = [];
    for (;;) hold.push(new Array(100_000).fill(hold.length + 0.5));
  },
  hang: () => {
    for (;;);
  },
};

const kinds = {
  /**
   * to[i] from three elements of from[], wherever they were computed. `delays` makes parts arrive at different times.
   */
  mix({ from, to, count, salt, delays }, { i32 }, part, parts) {
    const begin = Math.floor((count * part) / parts);
    const end = Math.floor((count * (part + 1)) / parts);
    if (delays) busy(((part * 7 + salt * 3) % 5) * delays);
    for (let i = begin; i < end; i += 1) {
      const a = i32[from / 4 + i],
        b = i32[from / 4 + ((i * 7 + 1) % count)],
        c = i32[from / 4 + count - 1 - i];
      i32[to / 4 + i] = Math.imul(a ^ (b >>> 3) ^ (c << 5), 0x9e3779b1) + salt;
    }
  },
  /** Several steps without a barrier in between, which is wrong. */
  both({ steps }, machine, part, parts) {
    for (const step of steps) runStep(step, machine, part, parts);
  },
  /** The kernel of the module: counts at an address, each part at its own. */
  kernel({ address }, { kernels }, part) {
    kernels.increment(address + 4 * part);
  },
  fault({ what, part: guilty }, _machine, part) {
    if (part === guilty) faults[what]();
  },
  busy({ milliseconds }) {
    busy(milliseconds);
  },
  /** Sleeps until the word is no longer zero. */
  gate({ address }, { i32 }) {
    Atomics.wait(i32, address / 4, 0);
  },
  /** Part 0 appends a number to the list at an address, whose first word is its length. */
  log({ address, value }, { i32 }, part) {
    if (part === 0) i32[address / 4 + 1 + Atomics.add(i32, address / 4, 1)] = value;
  },
  /** Each part writes the sizes of its thread's caches. */
  caches({ address }, { i32 }, part) {
    const { models, programs } = cached();
    i32[address / 4 + 2 * part] = models;
    i32[address / 4 + 2 * part + 1] = programs;
  },
};

export function runStep(step, machine, part, parts) {
  kinds[step.kind](step, machine, part, parts);
}
