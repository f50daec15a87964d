// Text of float32: reads back to the same bits, and no decimal with fewer digits does. The judge tries the decimals
// around the value.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { float32Text, float64Text, floatsText } from '../../src/formats/float-text.ts';

const words = new Uint32Array(1);
const floats = new Float32Array(words.buffer);
const fromBits = (bits: number): number => {
  words[0] = bits;
  return floats[0];
};
const bitsOf = (x: number): number => {
  floats[0] = x;
  return words[0];
};
const finiteFloat = fc
  .integer({ min: 0, max: 0xffffffff })
  .map((bits) => fromBits(bits))
  .filter(Number.isFinite);

/** The digits that count in a decimal. */
const digitsOf = (text: string): number =>
  text.replace(/e.*$/, '').replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '').length;

/** Whether any of the three decimals of so many digits nearest to x rounds to x. */
function hasDecimal(x: number, digits: number): boolean {
  const [mantissa, exponent] = Math.abs(x)
    .toExponential(digits - 1)
    .split('e');
  const whole = Number(mantissa.replace('.', ''));
  return [-1, 0, 1].some(
    (step) => Math.fround(Number(`${whole + step}e${Number(exponent) - digits + 1}`)) === Math.abs(x),
  );
}

test('every finite float32 is printed as JSON that reads back to the same bits', () => {
  fc.assert(
    fc.property(finiteFloat, (x) => bitsOf(Math.fround(JSON.parse(float32Text(x)) as number)) === bitsOf(x)),
    { numRuns: 20_000 },
  );
});

test('no shorter decimal rounds to it', () => {
  fc.assert(
    fc.property(
      finiteFloat.filter((x) => x !== 0),
      (x) => {
        const digits = digitsOf(float32Text(x));
        return digits === 1 || !hasDecimal(x, digits - 1);
      },
    ),
    { numRuns: 5000 },
  );
});

test('powers of two, where floats below lie twice as dense as above', () => {
  for (let exponent = 0; exponent < 255; exponent++) {
    const x = fromBits(exponent === 0 ? 1 : exponent << 23);
    const digits = digitsOf(float32Text(x));
    expect(Math.fround(Number(float32Text(x))), `2^${exponent - 127}`).toBe(x);
    expect(digits > 1 && hasDecimal(x, digits - 1), `${x} has a shorter decimal than ${float32Text(x)}`).toBe(false);
  }
});

describe('known ones', () => {
  // Java's Float.toString and David Gay's g_fmt print the same digits.
  test.each([
    [0.1, '0.1'],
    [1 / 3, '0.33333334'],
    [16777216, '16777216'],
    [1.17549435e-38, '1.1754944e-38'],
    [3.4028234663852886e38, '3.4028235e+38'],
    [1.401298464324817e-45, '1e-45'],
    [0, '0'],
    [-0, '-0'],
    [-2.5, '-2.5'],
    [100000, '100000'],
  ])('%d is %s', (x, text) => {
    expect(float32Text(Math.fround(x))).toBe(text);
  });
});

test('a double is printed as one', () => {
  expect(float64Text(0.1)).toBe('0.1');
  expect(float64Text(-0)).toBe('-0');
  expect(floatsText(Float64Array.of(1, 1 / 3, -0), 1, 3)).toBe('[0.3333333333333333,-0]');
  expect(floatsText(Float32Array.of(1, 1 / 3, 5), 0, 2)).toBe('[1,0.33333334]');
});
