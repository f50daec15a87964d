// Near duplicates: all pairs, by direct loops over unit vectors in another order of arithmetic.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CosineSearch, nearDuplicates } from '../../src/index.ts';

/** Cosines by exact-enough other arithmetic: unit vectors first, then Math.hypot's length of their difference. */
function cosine(a: number[], b: number[]): number {
  const [la, lb] = [Math.hypot(...a), Math.hypot(...b)];
  return 1 - Math.hypot(...a.map((x, i) => x / la - b[i] / lb)) ** 2 / 2;
}

test('the pairs of direct loops, in the order of rows', () => {
  const element = fc.float({ min: -4, max: 4, noNaN: true }).filter((x) => x === 0 || Math.abs(x) > 1e-3);
  const row = fc.array(element, { minLength: 3, maxLength: 3 }).filter((values) => values.some((x) => x !== 0));
  fc.assert(
    fc.property(
      fc.array(row, { maxLength: 150 }),
      fc.float({ min: Math.fround(0.5), max: 1, noNaN: true }),
      (rows, threshold) => {
        const found = [...nearDuplicates(Float32Array.from(rows.flat()), 3, threshold)];
        const expected = rows.flatMap((a, i) =>
          rows.slice(i + 1).map((b, j) => ({ a: i, b: i + 1 + j, cosine: cosine(a, b) })),
        );
        // Near the threshold the two arithmetics may differ.
        const sure = expected.filter((pair) => pair.cosine > threshold + 1e-12);
        const possible = expected.filter((pair) => pair.cosine >= threshold - 1e-12);
        const names = (pairs: { a: number; b: number }[]): string[] => pairs.map(({ a, b }) => `${a} ${b}`);
        expect(names(possible)).toEqual(expect.arrayContaining(names(found)));
        expect(names(found)).toEqual(expect.arrayContaining(names(sure)));
        expect(found).toEqual([...found].sort((x, y) => x.a - y.a || x.b - y.b));
        expect(found.every((pair) => pair.cosine <= 1)).toBe(true);
      },
    ),
    { numRuns: 50 },
  );
});

test('equal rows have a cosine of exactly 1, scaled ones are found at any threshold below', () => {
  const row = Array.from({ length: 512 }, (_, i) => Math.fround(Math.sqrt(i) / 7 - 1));
  const features = Float64Array.from([...row, ...row, ...row.map((x) => x * 1.1), ...row.map((x) => -x)]);
  expect([...nearDuplicates(features, 512, 1)].map(({ a, b, cosine }) => [a, b, cosine])).toContainEqual([0, 1, 1]);
  expect([...nearDuplicates(features, 512, 0.999)].map(({ a, b }) => [a, b])).toEqual([
    [0, 1],
    [0, 2],
    [1, 2],
  ]);
});

test('rows of pictures that failed, and of zeros, have no pairs', () => {
  const features = Float32Array.from([1, 2, NaN, NaN, 0, 0, 1, 2]);
  expect([...nearDuplicates(features, 2, 0.5)]).toEqual([{ a: 0, b: 3, cosine: 1 }]);
});

test('search, too, gives no cosine above 1 or below -1', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 2, maxLength: 40 }), (row) => {
      fc.pre(Math.hypot(...row) > 1e-3);
      const search = new CosineSearch(Float64Array.from(row), 3);
      for (const scale of [1, 3.3, -0.7]) search.add(Float64Array.from(row, (x) => x * scale));
      for (const { cosine } of search.best()) expect(Math.abs(cosine)).toBeLessThanOrEqual(1);
      expect(search.best()[2].cosine).toBeCloseTo(-1, 12);
    }),
  );
});

describe('refused', () => {
  test.each([-1, 1.01, NaN])('a threshold of %s', (threshold) => {
    expect(() => [...nearDuplicates(new Float32Array(4), 2, threshold)]).toThrow(
      `nearDuplicates: "threshold" expected a cosine above -1, at most 1, got ${threshold}`,
    );
  });

  test.each([0, 3, 1.5])('rows of %s numbers in an array of 4', (E) => {
    expect(() => [...nearDuplicates(new Float32Array(4), E, 0.9)]).toThrow(
      `nearDuplicates: "features" expected rows of ${E} numbers, got 4 numbers`,
    );
  });
});
