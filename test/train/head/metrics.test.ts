// Metrics against scikit-learn's recorded numbers, and against counting.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { averagePrecision, bestThreshold, binaryMetrics, multinomialMetrics } from '../../../src/train/head/metrics.ts';
import { lists } from './support.ts';

const logit = (p: number): number => Math.log(p / (1 - p));

test.for(lists.precisions.map((one, i) => [i, one] as const))(
  "case %i: average precision, accuracy and that of each class are scikit-learn's",
  ([, { truth, scores, ...expected }]) => {
    const found = binaryMetrics(
      Float64Array.from(scores, logit),
      Float64Array.from(scores),
      Int32Array.from(truth),
      0.5,
    );
    expect(found.averagePrecision).toBeCloseTo(expected.averagePrecision, 13);
    expect([found.samples, found.accuracy, found.accuracyOf]).toEqual([
      truth.length,
      expected.accuracy,
      expected.accuracyOf,
    ]);
  },
);

test.for(lists.macro)(
  "several classes: accuracy and the mean average precision are scikit-learn's",
  ({ truth, scores, ...expected }) => {
    const flat = Float64Array.from(scores.flat());
    const found = multinomialMetrics(flat, flat, scores[0].length, Int32Array.from(truth));
    expect(found.averagePrecision).toBeCloseTo(expected.averagePrecision, 13);
    expect(found.accuracy).toBeCloseTo(expected.accuracy, 13);
  },
);

/** Few distinct probabilities, so that there are ties; both classes occur. */
const samples = fc
  .array(fc.record({ p: fc.integer({ min: 0, max: 8 }).map((i) => i / 8), y: fc.constantFrom(0, 1) }), {
    minLength: 2,
    maxLength: 25,
  })
  .filter((list) => list.some(({ y }) => y === 0) && list.some(({ y }) => y === 1));

test('average precision is the sum over thresholds of precision times what recall gains', () => {
  fc.assert(
    fc.property(samples, (list) => {
      const positives = list.filter(({ y }) => y === 1).length;
      let before = 0,
        sum = 0;
      for (const threshold of [...new Set(list.map(({ p }) => p))].sort((a, b) => b - a)) {
        const named = list.filter(({ p }) => p >= threshold);
        const hits = named.filter(({ y }) => y === 1).length;
        sum += (hits / positives - before) * (hits / named.length);
        before = hits / positives;
      }
      expect(
        averagePrecision(
          list.map(({ p }) => p),
          (i) => list[i].y === 1,
        ),
      ).toBeCloseTo(sum, 12);
    }),
  );
});

test('average precision does not depend on the order of the samples', () => {
  fc.assert(
    fc.property(samples, (list) => {
      const of = (some: typeof list): number =>
        averagePrecision(
          some.map(({ p }) => p),
          (i) => some[i].y === 1,
        );
      expect(of([...list].reverse())).toBe(of(list));
    }),
  );
});

describe('the best threshold', () => {
  const best = (list: { p: number; y: number }[]): number =>
    bestThreshold(
      Float64Array.from(list, ({ p }) => p),
      Int32Array.from(list, ({ y }) => y),
    );
  const rightAbove = (list: { p: number; y: number }[], threshold: number): number =>
    list.filter(({ p, y }) => (p > threshold ? 1 : 0) === y).length;
  const rightFrom = (list: { p: number; y: number }[], threshold: number): number =>
    list.filter(({ p, y }) => (p >= threshold ? 1 : 0) === y).length;
  const inside = samples.map((list) => list.map(({ p, y }) => ({ p: 0.1 + 0.8 * p, y }))); // no probability is 0 or 1

  test('no other threshold is right more often, and > and >= agree on it', () => {
    fc.assert(
      fc.property(inside, (list) => {
        const threshold = best(list);
        const right = rightAbove(list, threshold);
        expect(rightFrom(list, threshold)).toBe(right);
        for (let other = 0; other <= 1; other += 1 / 64) expect(rightAbove(list, other)).toBeLessThanOrEqual(right);
        // UniversalFakeDetect tries every sample's own probability with >=
        for (const { p } of list) expect(rightFrom(list, p)).toBeLessThanOrEqual(right);
      }),
    );
  });

  test('separable classes: halfway between them, as UniversalFakeDetect has it', () => {
    expect(
      best([
        { p: 0.125, y: 0 },
        { p: 0.25, y: 0 },
        { p: 0.75, y: 1 },
        { p: 0.875, y: 1 },
      ]),
    ).toBe(0.5);
    expect(
      best([
        { p: 0.875, y: 1 },
        { p: 0.5, y: 0 },
        { p: 0.75, y: 1 },
      ]),
    ).toBe(0.625);
  });

  test('of equally good ones the widest gap, then the nearest to a half', () => {
    const p = (...pairs: [number, number][]): number => best(pairs.map(([one, y]) => ({ p: one, y })));
    expect(p([0.1, 0], [0.2, 1], [0.3, 0], [0.9, 1])).toBe(0.6); // 3 of 4 at 0.15 too
    expect(p([0.125, 0], [0.25, 1], [0.625, 0], [0.75, 1])).toBe(0.6875); // 3 of 4 at 0.1875 too, as wide
  });

  test('what is all wrong the other way round is best named alike', () => {
    expect([0, 1]).toContain(
      best([
        { p: 0.25, y: 1 },
        { p: 0.75, y: 0 },
      ]),
    );
  });
});

test('one class only: no average precision, and no accuracy of the other', () => {
  const found = binaryMetrics(Float64Array.of(-1, 1), Float64Array.of(0.27, 0.73), Int32Array.of(1, 1), 0.5);
  expect(found).toEqual({ samples: 2, accuracy: 0.5, accuracyOf: [null, 0.5], averagePrecision: null });
});

test('average precision ranks by logits where probabilities are all 1', () => {
  const found = binaryMetrics(Float64Array.of(60, 50, 40), Float64Array.of(1, 1, 1), Int32Array.of(1, 1, 0), 0.5);
  expect(found.averagePrecision).toBe(1);
});
