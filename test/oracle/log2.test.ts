import fc from 'fast-check';
import { expect, test } from 'vitest';
import { log2 } from '../../src/oracle/log2.ts';

test('powers of two are exact, subnormal ones too', () => {
  for (let e = -1074; e <= 1023; e++) expect(log2(2 ** e)).toBe(e);
});

// Numbers whose logarithms were computed to 30 digits (mpmath 1.3) and rounded.
test.each([
  [3, 1.584962500721156],
  [10, 3.321928094887362],
  [0.1, -3.321928094887362],
  [1.0000001, 1.4426949695965583e-7],
  [16.5, 4.044394119358453],
])('log2(%d)', (x, y) => {
  expect(Math.abs(log2(x) - y)).toBeLessThanOrEqual(2 ** -51 * Math.abs(y));
});

test("it is within three ulp of the engine's own", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1e-308, max: 1e308, noNaN: true }),
      (x) => Math.abs(log2(x) - Math.log2(x)) <= 2 ** -50 * Math.abs(Math.log2(x)) + 2 ** -60,
    ),
  );
});

test('outside of its domain', () => {
  expect([log2(0), log2(-1), log2(NaN), log2(Infinity)]).toEqual([-Infinity, NaN, NaN, Infinity]);
});
