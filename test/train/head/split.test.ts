// The split into training and validation: whole, stratified, and the same for the same seed.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stratifiedSplit } from '../../../src/train/head/split.ts';

const counts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 });
const seeds = fc.integer({ min: 0, max: 0xffffffff });

/** Classes taking turns, as long as they have samples. */
function takingTurns(numbers: number[]): Int32Array {
  return Int32Array.from(
    numbers
      .flatMap((n, k) => Array.from({ length: n }, (_, i) => [i, k]))
      .sort((a, b) => a[0] - b[0] || a[1] - b[1])
      .map(([, k]) => k),
  );
}

test('every row is in one part, in ascending order; each class gives its share, at least one of two, never all', () => {
  fc.assert(
    fc.property(counts, fc.double({ min: 0.001, max: 0.999, noNaN: true }), seeds, (numbers, fraction, seed) => {
      const classOf = takingTurns(numbers);
      const { training, validation } = stratifiedSplit(classOf, numbers.length, fraction, seed);
      expect([...training, ...validation].sort((a, b) => a - b)).toEqual([...classOf.keys()]);
      for (const rows of [training, validation]) expect([...rows]).toEqual([...rows].sort((a, b) => a - b));
      numbers.forEach((n, k) => {
        const held = validation.filter((row) => classOf[row] === k).length;
        expect(held).toBeLessThan(n);
        if (n > 1) {
          expect(held).toBeGreaterThanOrEqual(1);
          if (n * fraction >= 1 && n * fraction <= n - 1)
            expect(Math.abs(held - n * fraction)).toBeLessThanOrEqual(0.5 + 1e-9);
        }
      });
    }),
  );
});

test('nothing is held out of nothing', () => {
  const { training, validation } = stratifiedSplit(Int32Array.of(0, 1, 0, 1), 2, 0, 0);
  expect([[...training], [...validation]]).toEqual([[0, 1, 2, 3], []]);
});

test('the same seed holds out the same rows, another others', () => {
  const classOf = takingTurns([50, 50]);
  const held = (seed: number): string => stratifiedSplit(classOf, 2, 0.2, seed).validation.join();
  expect(held(0)).toBe(held(0));
  expect(new Set(Array.from({ length: 50 }, (_, seed) => held(seed))).size).toBe(50);
});

test('over many seeds every row is held out about equally often', () => {
  const classOf = takingTurns([10, 5]);
  const times = new Array<number>(15).fill(0);
  for (let seed = 0; seed < 4000; seed++)
    for (const row of stratifiedSplit(classOf, 2, 0.2, seed).validation) times[row]++;
  // 2 of 10 and 1 of 5: 800 times each, with a standard deviation of 25
  for (const n of times) expect(Math.abs(n - 800)).toBeLessThan(5 * 25.3);
});

test('adding samples of another class does not change which of a class are held out', () => {
  const few = stratifiedSplit(Int32Array.from([0, 0, 0, 0, 0, 0]), 1, 0.5, 3).validation;
  const more = stratifiedSplit(Int32Array.from([0, 0, 0, 0, 0, 0, 1, 1, 1]), 2, 0.5, 3).validation.filter(
    (row) => row < 6,
  );
  expect([...more]).toEqual([...few]);
});
