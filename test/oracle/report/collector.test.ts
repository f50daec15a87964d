// What the report keeps of a layer, against plain loops over all its elements.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { axesOf, unravel } from '../../../src/oracle/report/axes.ts';
import { BINS, picture, reportCollector } from '../../../src/oracle/report/collector.ts';
import { coarsen } from '../../../src/oracle/report/error-map.ts';
import { floorLog2 } from '../../../src/oracle/report/exponent.ts';
import type { Values } from '../../../src/formats/values.ts';
import { measured, noise } from './made-up.ts';

/** T, its float32, and a backend whose error is a few units in the last place. */
function tensors(shape: number[], seed = 1): { B: Values; R: Values; T: Values } {
  const next = noise(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  const T = Float64Array.from({ length: size }, () => 1.5 + next());
  return {
    T: { shape, data: T },
    R: { shape, data: Float32Array.from(T) },
    B: { shape, data: Float32Array.from(T, (x) => x * (1 + 3e-7 * next())) },
  };
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => a + b, 0);

const shapes = fc.constantFrom(
  ['visual.conv1', [2, 3, 5, 7]],
  ['visual.layer1', [1, 70, 9, 9]],
  ['visual.transformer.resblocks.0', [10, 2, 8]],
  ['visual.ln_pre', [2, 5, 130]],
  ['visual', [3, 16]],
  ['x', [5]],
) as fc.Arbitrary<[string, number[]]>;

describe('picture', () => {
  test('every element is in one bin, and in one cell of the map with its squared error', () => {
    fc.assert(
      fc.property(shapes, fc.integer(), ([name, shape], seed) => {
        const { B, R, T } = tensors(shape, seed);
        const seen = picture(measured(name, B, R, T));
        expect(sum(seen.backendBits)).toBe(T.data.length);
        expect(sum(seen.referenceBits)).toBe(T.data.length);
        expect(sum(seen.map.counts)).toBe(T.data.length);
        expect(sum(seen.map.energy)).toBeCloseTo(sum(Array.from(T.data, (t, i) => (B.data[i] - t) ** 2)), 20);
        expect(sum(coarsen(seen.map).energy)).toBeCloseTo(sum(seen.map.energy), 20);
        expect(Math.max(seen.map.rows, seen.map.columns)).toBeLessThanOrEqual(64);
      }),
      { numRuns: 60 },
    );
  });

  test('the bins are effective bits: 24 - log2(|B-T| / unit), by logarithm', () => {
    const { B, R, T } = tensors([1, 4, 6, 6]);
    const seen = picture(measured('visual.conv1', B, R, T));
    const expected = new Float64Array(BINS);
    T.data.forEach((t, i) => {
      expected[Math.min(BINS - 1, Math.max(0, Math.floor(24 - Math.log2(Math.abs(B.data[i] - t) / seen.unit))))]++;
    });
    expect(seen.backendBits).toEqual(expected);
    const own = Math.sqrt(sum(Array.from(T.data, (t, i) => (R.data[i] - t) ** 2)) / T.data.length);
    expect(seen.unit).toBeCloseTo(own, 14);
  });

  test('the worst ten are the ten with the largest errors, with their indices', () => {
    fc.assert(
      fc.property(shapes, fc.integer(), ([name, shape], seed) => {
        const { B, R, T } = tensors(shape, seed);
        const byError = Array.from(T.data, (t, i) => ({ i, error: Math.abs(B.data[i] - t) }))
          .filter(({ error }) => error > 0)
          .sort((a, b) => b.error - a.error || a.i - b.i)
          .slice(0, 10);
        const seen = picture(measured(name, B, R, T)).worst;
        expect(seen.map(({ backend, truth }) => Math.abs(backend - truth))).toEqual(byError.map(({ error }) => error));
        expect(seen.map(({ index }) => index.reduce((place, at, axis) => place * shape[axis] + at, 0))).toEqual(
          byError.map(({ i }) => i),
        );
        for (const element of seen) expect(element.reference).toBe(Math.fround(element.truth));
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    ['one channel', 'visual.layer1', [2, 70, 4, 4], (at: number[]) => at[1] === 69, 'map', 63, null],
    ['the left border', 'visual.layer1', [1, 3, 40, 40], (at: number[]) => at[3] === 0, 'plane', null, 0],
    [
      'one token inside the transformer',
      'visual.transformer.resblocks.1.mlp',
      [5, 3, 8],
      (at: number[]) => at[0] === 4,
      'map',
      4,
      null,
    ],
    ['one token before the transformer', 'visual.ln_pre', [3, 5, 8], (at: number[]) => at[1] === 4, 'map', 4, null],
    [
      'a patch in the second column of the picture',
      'visual.ln_pre',
      [1, 10, 8],
      (at: number[]) => at[1] > 0 && (at[1] - 1) % 3 === 1,
      'plane',
      null,
      1,
    ],
    ['one image of a batch of features', 'visual', [4, 8], (at: number[]) => at[0] === 2, 'map', 2, null],
  ] as const)(
    'a fault in %s is in the cells of that place and in no other',
    (_, name, shape, hit, which, row, column) => {
      const { R, T } = tensors([...shape]);
      const B = { shape: [...shape], data: Float64Array.from(T.data) };
      for (let i = 0; i < B.data.length; i++) if (hit(unravel(i, shape))) B.data[i] += 0.5;
      const map = picture(measured(name, B, R, T))[which]!;
      map.energy.forEach((energy, cell) => {
        const inside = row !== null ? Math.floor(cell / map.columns) === row : cell % map.columns === column;
        if (inside) expect(energy / map.counts[cell]).toBeGreaterThan(0.25 / 4);
        else expect(energy).toBe(0);
      });
    },
  );

  test('a value that is not finite is counted, comes first among the worst, and marks its cell', () => {
    const { B, R, T } = tensors([1, 2, 3, 3]);
    B.data[7] = NaN;
    B.data[12] = -Infinity;
    const seen = picture(measured('visual.conv1', B, R, T));
    expect(seen.nonFinite).toBe(2);
    expect(seen.worst.slice(0, 2).map(({ index }) => index)).toEqual([
      [0, 0, 2, 1],
      [0, 1, 1, 0],
    ]);
    expect([...seen.map.energy].flatMap((energy, cell) => (energy === Infinity ? [cell] : []))).toEqual([7, 12]);
    expect(sum(seen.backendBits)).toBe(16);
    T.data[7] = NaN; // the truth has none either: nothing is wrong
    expect(picture(measured('visual.conv1', B, R, T)).nonFinite).toBe(1);
  });

  test('tensors of different sizes are refused', () => {
    const { B, R, T } = tensors([2, 3]);
    expect(() =>
      picture({ ...measured('visual', B, R, T), backend: { shape: [5], data: new Float32Array(5) } }),
    ).toThrow(/visual expected three tensors of one size, got 5, 6 and 6 elements; /);
  });
});

test('the collector keeps pictures by name, and no tensor', () => {
  const collector = reportCollector();
  const { B, R, T } = tensors([4, 1, 300]);
  collector.onLayer(measured('visual.transformer.resblocks.0.ln_1', B, R, T));
  const kept = collector.data().layers.get('visual.transformer.resblocks.0.ln_1')!;
  expect(kept.axes.rowKind).toBe('token');
  expect(JSON.stringify(kept.worst)).not.toContain('data');
  expect(kept.map.energy.length).toBe(4 * 64);
});

test('floorLog2 is the floor of the logarithm', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), (x) => {
      const exponent = floorLog2(x);
      expect(2 ** exponent <= x && x < 2 ** (exponent + 1)).toBe(true);
    }),
  );
  expect([floorLog2(1), floorLog2(0.999), floorLog2(8), floorLog2(Infinity)]).toEqual([0, -1, 3, 1024]);
});

test('axes: a number of tokens that is no square plus one has no plane', () => {
  expect(axesOf('visual.transformer', [77, 1, 8]).plane).toBeNull();
  expect(axesOf('visual.transformer', [50, 1, 8]).plane).toEqual({ along: 'rows', first: 1, height: 7, width: 7 });
});
