// The measures of the numerics contract on numbers that can be worked out by hand.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { distance, maxAbs, noiseRatio, relRms } from '../../src/clip/measures.ts';

test('by hand: a 3-4-5 triangle', () => {
  expect(distance([3, 0], [0, 4])).toBe(5);
  expect(maxAbs([3, 0], [0, 4])).toBe(4);
  expect(relRms([3, 4], [0, 5])).toBe(Math.sqrt(10) / 5);
  expect(noiseRatio([2], [5], [1])).toBe(0.25);
});

test('a NaN anywhere is not passed over', () => {
  fc.assert(fc.property(fc.array(fc.double({ noNaN: true, min: -9, max: 9 }), { minLength: 1, maxLength: 9 }), fc.nat(), (values, place) => {
    const broken = values.map((value, i) => i === place % values.length ? NaN : value);
    return Number.isNaN(maxAbs(broken, values)) && Number.isNaN(distance(broken, values)) && Number.isNaN(relRms(broken, values));
  }));
});

test('tensors of different sizes are not compared', () => {
  expect(() => maxAbs([1], [1, 2])).toThrow(/got 1 and 2 elements/);
  expect(() => relRms([1, 2], [1])).toThrow(RangeError);
});
