// Two thousand passes with threads killed at random: every call gives the right result or rejects, nothing leaks,
// nothing hangs.

import ndarray from 'ndarray';
import { describe, expect, test } from 'vitest';
import { load } from '../../src/clip/load.ts';
import type { Tensor } from '../../src/ops/tensor.ts';
import { poolThreads, retain } from '../../workers/pool.ts';
import { Mixing, SmallModel } from './small-model.ts';
import { complaints, soak } from './soak.ts';

const PASSES = 2000;

/** Of a dense float32 tensor. */
const bits = ({ data, offset, size }: Tensor): Uint32Array =>
  new Uint32Array((data as Float32Array).slice(offset, offset + size).buffer);

const EXPECTED = /^Thread N of N (exited|failed: step N of N \(fault\): planted failure)/;

/**
 * A model of small programs. Calls run at the same time, so each takes buffers of its own; some programs have a fault
 * in their middle.
 */
function subject(threads: number) {
  const model = new SmallModel();
  const share = retain(threads, model);
  const sizes = { count: 2000, rounds: 100 };
  const free = Array.from(
    { length: 8 },
    (_, seed) => new Mixing(model, { ...sizes, seed, delays: seed % 3 === 0 ? 0.05 : 0 }),
  );
  const faulty = ['exit', 'throw'].map(
    (what, part) => new Mixing(model, { ...sizes, extra: [{ kind: 'fault', what, part: part % threads }] }),
  );
  return {
    share,
    async call(index: number, signal: AbortSignal): Promise<boolean> {
      if (index % 40 < 2) {
        await share.run(faulty[index % 40].program, { signal });
        return false; // A planted fault must not go unseen.
      }
      const mixing = free.pop()!;
      try {
        await share.run(mixing.reset().program, { signal });
        const { result } = mixing;
        return result.every((value, i) => value === mixing.expected[i]);
      } finally {
        free.push(mixing);
      }
    },
  };
}

describe.for([1, 2, 3, 7])('%i threads', (threads) => {
  test(`${PASSES} passes with threads killed at random`, async () => {
    const { share, call } = subject(threads);
    const report = await soak({ passes: PASSES, call, killEvery: 100 + 20 * threads, seed: threads });
    console.log(report);
    expect(complaints(report, { passes: PASSES, expected: EXPECTED })).toEqual([]);
    expect(report.kills).toBeGreaterThan(20);
    await share.release();
    expect(poolThreads()).toHaveLength(0);
  });
});

test('models that come and go while threads are killed', async () => {
  const alive: ReturnType<typeof subject>[] = [];
  const report = await soak({
    passes: PASSES,
    killEvery: 150,
    async call(index, signal) {
      if (index % 25 === 0) {
        for (const each of alive.splice(0)) void each.share.release();
        alive.push(subject(2), subject(3));
      }
      return alive[index % 2].call(index, signal);
    },
  });
  console.log(report);
  expect(complaints(report, { passes: PASSES, expected: EXPECTED })).toEqual([]);
  await Promise.all(alive.map((each) => each.share.release()));
  expect(poolThreads()).toHaveLength(0);
});

describe.for(['mini-vit', 'mini-rn'])('%s', (name) => {
  test('2000 forward passes with threads killed at random have the bits of the plain path or reject', async () => {
    const [plain, fast] = await Promise.all([
      load(name, { executor: 'reference', threads: 1 }),
      load(name, { executor: 'simd', threads: 2 }),
    ]);
    const { resolution } = plain.model.architecture.vision!;
    const cases = await Promise.all(
      [1, 2, 5].map(async (batch) => {
        const size = batch * 3 * resolution * resolution;
        const x = ndarray(
          Float32Array.from(
            { length: size },
            (_, i) => ((Math.imul(i + batch, 0x9e3779b1) >>> 8) / 16777216 - 0.5) * 4,
          ),
          [batch, 3, resolution, resolution],
        );
        return { x, expected: bits(await plain.model.encodeImage(x)) };
      }),
    );
    const report = await soak({
      passes: PASSES,
      killEvery: 200,
      async call(index, signal) {
        const { x, expected } = cases[index % cases.length];
        return bits(await fast.model.encodeImage(x, { signal })).every((word, i) => word === expected[i]);
      },
    });
    console.log(report);
    expect(complaints(report, { passes: PASSES })).toEqual([]);
    expect(report.kills).toBeGreaterThan(20);
    await Promise.all([plain.model.close(), fast.model.close()]);
    expect(poolThreads()).toHaveLength(0);
  });
});

test('the soak catches wrong results, hung calls and leaks', async () => {
  const hoard: unknown[] = [];
  const planted = await soak({
    passes: 200,
    killEvery: 0,
    patience: 300,
    cancelled: 0,
    call: async (index) => {
      hoard.push(new Array(20_000).fill(index));
      if (index === 199) await new Promise(() => undefined);
      return index % 50 !== 0;
    },
  });
  const found = complaints(planted, { passes: 200 }).join('\n');
  expect(found).toContain('1 calls hung');
  expect(found).toContain('4 calls had a wrong result');
  expect(found).toContain('the heap grew');
  expect(hoard).toHaveLength(200);
});
