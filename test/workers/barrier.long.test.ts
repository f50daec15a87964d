import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { abort, Barrier, BARRIER_WORDS, barrierWords, Released } from '../../workers/barrier.ts';

interface Setup {
  threads: number;
  rounds: number;
  spin: number;
  parts?: number;
  slow?: number;
}
interface Report {
  violations: number;
  released: boolean;
  round: number;
}

function start({ threads, rounds, spin, parts = threads, slow = -1 }: Setup) {
  const words = barrierWords();
  const counts = new Int32Array(new SharedArrayBuffer(4 * threads));
  const workers = Array.from(
    { length: threads },
    (_, part) =>
      new Worker(new URL('./barrier-thread.mjs', import.meta.url), {
        workerData: { words, counts, part, threads, parts, spin, rounds, slow },
      }),
  );
  const reports = Promise.all(
    workers.map(
      (worker) =>
        new Promise<Report>((resolve, reject) => {
          worker.on('message', resolve);
          worker.on('error', reject);
        }),
    ),
  );
  return { words, counts, workers, reports };
}

const violationsOf = (reports: Report[]): number => reports.reduce((sum, report) => sum + report.violations, 0);

describe('Barrier', () => {
  test.for([
    { threads: 1, rounds: 10_000, spin: 0 },
    { threads: 2, rounds: 10_000, spin: 2000 },
    { threads: 2, rounds: 3000, spin: 0 },
    { threads: 2, rounds: 3000, spin: 50 },
    { threads: 3, rounds: 3000, spin: 0 },
    { threads: 3, rounds: 500, spin: 2000 },
    { threads: 7, rounds: 2000, spin: 0 },
  ])('holds $threads threads together for $rounds rounds, spinning $spin times', async (setup) => {
    const { reports } = start({ ...setup, slow: setup.threads - 1 });
    for (const report of await reports)
      expect(report).toEqual({ violations: 0, released: false, round: setup.rounds + 1 });
  });

  test('these tests catch a barrier that opens one thread too early', async () => {
    const { words, workers, reports } = start({ threads: 3, parts: 2, rounds: 400, spin: 0, slow: 2 });
    // Threads may be left over without a partner: the flag lets them go.
    const timer = setTimeout(() => abort(words), 400);
    expect(violationsOf(await reports)).toBeGreaterThan(0);
    clearTimeout(timer);
    await Promise.all(workers.map((worker) => worker.terminate()));
  });

  test.for([0, 50, 2000, 1_000_000])(
    'the abort flag releases everybody, spinning %i times, at whatever moment it comes',
    async (spin) => {
      for (let attempt = 0; attempt < 6; attempt += 1) {
        const { words, counts, reports } = start({ threads: 2, rounds: 1e9, spin });
        while (counts[0] === 0) await new Promise((resolve) => setTimeout(resolve, 1));
        await new Promise((resolve) => setTimeout(resolve, attempt));
        abort(words);
        for (const report of await reports) expect(report).toMatchObject({ violations: 0, released: true });
      }
    },
  );

  test('the abort flag releases those who wait for a thread that never comes', async () => {
    const { words, counts, reports } = start({ threads: 2, parts: 3, rounds: 10, spin: 0 });
    while (counts[0] === 0 || counts[1] === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    abort(words);
    for (const report of await reports) expect(report).toMatchObject({ released: true, round: 1 });
  });

  test('whoever comes after the abort does not wait', () => {
    const words = barrierWords();
    abort(words);
    expect(() => new Barrier(words, 2, 0).wait()).toThrow(Released);
  });

  test('a single part passes at once, in memory that need not be shared', () => {
    const barrier = new Barrier(new Int32Array(BARRIER_WORDS), 1, 0);
    for (let round = 0; round < 1000; round += 1) barrier.wait();
  });

  test.for<[string, Int32Array, number]>([
    ['no parts', new Int32Array(BARRIER_WORDS), 0],
    ['half a part', new Int32Array(BARRIER_WORDS), 1.5],
    ['too few words', new Int32Array(BARRIER_WORDS - 1), 2],
  ])('refuses %s', ([, words, parts]) => {
    expect(() => new Barrier(words, parts, 0)).toThrow(RangeError);
  });
});
