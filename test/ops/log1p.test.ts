// log1p against 50 digits of Python's decimal, and its special cases.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { log1p } from '../../src/ops/log1p.ts';
import { lists } from '../train/head/support.ts';

/** The distance in units of the expected value's last place. */
function ulps(got: number, expected: number): number {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, expected);
  bits.setBigInt64(0, bits.getBigInt64(0) + 1n);
  return Math.abs(got - expected) / (bits.getFloat64(0) - expected);
}

test.for(lists.log1p)('ln(1 + %f) is right within 2 ulp', ([t, expected]) => {
  expect(ulps(log1p(t), expected)).toBeLessThanOrEqual(2);
});

test('the table has numbers of every size, and would notice ln(1 + t) taken of the rounded sum', () => {
  expect(lists.log1p.length).toBeGreaterThan(100);
  expect(lists.log1p.filter(([t, expected]) => ulps(Math.log(1 + t), expected) > 2).length).toBeGreaterThan(20);
});

test('special cases', () => {
  expect([0, Infinity, NaN, -1, -0.5].map(log1p)).toEqual([0, Infinity, NaN, NaN, NaN]);
});

test('log1p never falls as its argument grows, also where its method changes', () => {
  fc.assert(
    fc.property(fc.oneof(fc.double({ min: 0, max: 4, noNaN: true }), fc.double({ min: 0, noNaN: true })), (t) => {
      expect(log1p(t)).toBeGreaterThanOrEqual(log1p(t * (1 - 2 ** -50)) * (1 - 2 ** -51));
    }),
  );
});
