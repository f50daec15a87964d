// The order of every sum, revealed from outside: everything. Both tiles of the library, 1, 2, 3 and 7 threads, float32
// and float64, weights that lie packed in memory in single and in half precision, all depths around blocks of 128; and
// planted orders, each of which must be found and named. CLIP_ORACLE_ALL=1 takes more of everything.

import { afterAll, describe, expect, test, vi } from 'vitest';
import type { Checkpoint } from '../../src/clip/weights/checkpoint.ts';
import type { DType } from '../../src/formats/element-types.ts';
import type { WeightUse } from '../../src/executors/executor.ts';
import type { Tile } from '../../src/ops/tiles.simd.ts';
import { DEPTHS, WINDOWS, wrongSmallSums, wrongSums } from '../support/summation/all.ts';
import { PLANTED } from '../support/summation/planted.ts';
import { FACTOR, wrongOrder, wrongSum } from '../support/summation/probe.ts';
import { convByResident, linearByResident, linearByRows, plain, simd } from '../support/summation/summers.ts';

const THREADS = [1, 2, 3, 7];

/** CLIP_ORACLE_ALL=1: ten times as many pairs, all depths and windows for every number of threads. */
const ALL = process.env.CLIP_ORACLE_ALL === '1';
const [MANY, SOME] = ALL ? [3000, 1500] : [150, 60];

const uses = (use: WeightUse, ...names: string[]): Map<string, WeightUse> => new Map(names.map((name) => [name, use]));

describe.each([false, true])('plain, float64: %s', (float64) => {
  test('dot products have the order of the text', async () => {
    expect(await wrongSums(plain(float64), DEPTHS, MANY, ALL ? WINDOWS : WINDOWS.slice(0, 4))).toEqual([]);
  });
  test('small reductions have it', async () => {
    expect(await wrongSmallSums(plain(float64), 10 * MANY)).toEqual([]);
  });
  test('all pairs of 300', async () => {
    expect(await wrongSum(linearByRows(plain(float64), 300, 4))).toBeNull();
  });
});

/** Each tile as the library itself chooses it, by the feature that it looks at. */
const TILES = [
  ['4 rows', undefined],
  ['5 rows', () => undefined],
] as const;

describe.each(TILES)('SIMD, tile of %s', async (name, Float16Array) => {
  vi.stubGlobal('Float16Array', Float16Array);
  vi.resetModules();
  const tile: Tile = (await import('../../src/ops/tiles.simd.ts')).TILE;
  const { SimdExecutor } = await import('../../src/executors/simd.ts');
  vi.unstubAllGlobals();
  const executors = THREADS.map((threads) => new SimdExecutor(threads));
  const half = new SimdExecutor(2, 'half');
  const single = new SimdExecutor(3, 'single');
  afterAll(async () => {
    for (const executor of [...executors, half, single]) await executor.close();
  });

  test('is that tile', () => {
    expect(`${tile.MR} rows`).toBe(name);
  });

  describe.each([false, true])('float64: %s', (float64) => {
    test.each(executors)('dot products have the order of the text, $threads threads', async (executor) => {
      const most = executor.threads === 1 ? MANY : SOME;
      expect(
        await wrongSums(
          simd(executor, float64, name),
          ALL || executor.threads === 1 ? DEPTHS : [3, 129, 257],
          most,
          ALL ? WINDOWS : WINDOWS.slice(0, 4),
        ),
      ).toEqual([]);
    });
    test.each(executors.slice(0, 3))('small reductions have it, $threads threads', async (executor) => {
      expect(await wrongSmallSums(simd(executor, float64, name), 10 * (executor.threads === 1 ? MANY : SOME))).toEqual(
        [],
      );
    });
    test('all pairs of 300', async () => {
      expect(await wrongSum(linearByRows(simd(executors[0], float64, name), 300, 9))).toBeNull();
    });
    test.each([half, single])('weights that lie packed in memory', async (executor) => {
      const by = simd(executor, float64, name);
      for (const K of [3, 128, 129, 257, 1000])
        expect(
          await wrongSum(
            linearByResident(
              by,
              await executor.readWeights(held(K, 0, 0), uses('linear', 'ones.weight', 'factors.weight')),
              K,
              9,
            ),
            MANY,
          ),
        ).toBeNull();
      for (const [C, kernel] of [
        [15, 3],
        [129, 1],
      ]) {
        expect(
          await wrongSum(
            convByResident(
              by,
              await executor.readWeights(held(0, C, kernel), uses('convolution', 'ones.conv', 'factors.conv')),
              C,
              kernel,
              9,
            ),
            MANY,
          ),
        ).toBeNull();
      }
    });
  });
});

/** A checkpoint of matrices (9,K) or kernels (9,C,kernel,kernel) in half precision, of ones and of the factor. */
function held(K: number, C: number, kernel: number): Checkpoint {
  const shapes = K > 0 ? { weight: [9, K] } : { conv: [9, C, kernel, kernel] };
  const tensors = new Map(
    Object.entries(shapes).flatMap(([kind, shape]) =>
      ['ones', 'factors'].map((of): [string, { dtype: DType; shape: number[] }] => [
        `${of}.${kind}`,
        { dtype: 'F16', shape },
      ]),
    ),
  );
  return {
    origin: 'test',
    format: 'test',
    layout: 'OpenAI',
    metadata: {},
    tensors,
    read: (tensor, into) => {
      into.fill(tensor.startsWith('ones') ? 1 : FACTOR);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

test('the orders that emulation asks for are found as such', async () => {
  for (const chunk of [1, 2, 4, 32, 64]) {
    const last =
      chunk === 1
        ? '0…129'
        : chunk === 2
          ? /0 \+ 1 \+ \(2 \+ 3\)/
          : new RegExp(`0…${chunk - 1} \\+ \\(${chunk}…${2 * chunk - 1}\\)`);
    expect(await wrongOrder(linearByRows(plain(false), 130, 3, { chunk, total: null }))).toMatch(last);
  }
});

describe('planted orders are found, and named by a pair', () => {
  for (const { fault, wrong, says } of PLANTED)
    test(fault, async () => {
      expect(await wrong()).toMatch(says);
    });
});
