// Widening of halves: all 65536 of each kind, against the formula of IEEE 754 in float64.

import { expect, test } from 'vitest';
import { halfTable } from '../../src/formats/half-float.ts';
import { elementReader, widen } from '../../src/formats/element-types.ts';
import { bitsOf } from '../support/checkpoints.ts';

/** (-1)^s · 2^(e - bias) · (1 + f / 2^bits), by the book; powers of two are exact. */
function value(half: number, exponentBits: number, fractionBits: number): number {
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = half >>> 15 ? -1 : 1;
  const exponent = (half >>> fractionBits) & (2 ** exponentBits - 1);
  const fraction = half & (2 ** fractionBits - 1);
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0
    ? sign * (fraction / 2 ** fractionBits) * 2 ** (1 - bias)
    : sign * (1 + fraction / 2 ** fractionBits) * 2 ** (exponent - bias);
}

const all = Uint16Array.from({ length: 65536 }, (_, i) => i);

test.for([
  ['F16', 5, 10],
  ['BF16', 8, 7],
] as const)(
  'every %s widens to the value that its bits stand for, signed zeros included',
  ([dtype, exponentBits, fractionBits]) => {
    const values = new Float32Array(65536 + 1);
    widen(dtype, all.buffer, 65536, values, 1);
    const element = elementReader(dtype, all.buffer, 65536);
    let wrong = 0;
    for (let half = 0; half < 65536; half++) {
      const expected = value(half, exponentBits, fractionBits);
      if (!Object.is(values[half + 1], expected) || !Object.is(element(half), expected)) wrong++;
    }
    expect(wrong).toBe(0);
    expect(values[0]).toBe(0);
  },
);

test('infinities and NaN are kept, so that the check of the weights can see them', () => {
  const bits = bitsOf(halfTable());
  expect([bits[0x7c00], bits[0xfc00]]).toEqual([0x7f800000, 0xff800000]);
  expect(bits[0x7e01] & 0x7f800000).toBe(0x7f800000);
});
