import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { add } from '../../src/ops/index.ts';
import { fill, laidOut, layout, rawNumbers, seed, tensorOf, unitTensor } from '../support/arbitraries.ts';
import { elements, expectSameBits, hex } from '../support/bits.ts';

const shapes = fc.constantFrom(
  [[], []],
  [[3], [3]],
  [[2, 3], [3]],
  [
    [2, 3, 4],
    [3, 4],
  ],
  [[2, 3, 4], [4]],
  [[2, 3, 4], []],
  [[0, 3], [3]],
  [
    [2, 3, 2, 2],
    [2, 2],
  ],
) as fc.Arbitrary<[number[], number[]]>;

/**
 * The exact sum of two binary32 by whole numbers of 2^-149, rounded to nearest, ties to even: no floating-point
 * addition is used.
 */
function exactSum(a: number, b: number): number {
  const sum = scaledUnits(a) + scaledUnits(b);
  const negative = sum < 0n;
  const m = negative ? -sum : sum;
  const drop = BigInt(Math.max(0, m.toString(2).length - 24));
  let kept = m >> drop;
  const rest = m - (kept << drop);
  const half = drop === 0n ? 0n : 1n << (drop - 1n);
  if (drop > 0n && (rest > half || (rest === half && (kept & 1n) === 1n))) kept += 1n;
  const value = Number(kept) * 2 ** (Number(drop) - 149);
  return (negative ? -1 : 1) * (value >= 2 ** 128 ? Infinity : value);
}

function scaledUnits(x: number): bigint {
  const bits = new Uint32Array(new Float32Array([x]).buffer)[0];
  const exponent = (bits >>> 23) & 0xff;
  const fraction = BigInt(bits & 0x7fffff);
  const magnitude = exponent === 0 ? fraction : (fraction + 0x800000n) << BigInt(exponent - 1);
  return bits >>> 31 ? -magnitude : magnitude;
}

describe('add', () => {
  test('gives the exact binary32 sum, subnormals and ties included', () => {
    fc.assert(
      fc.property(seed, (s) => {
        const [a, b] = [fill([40], rawNumbers(s)), fill([40], rawNumbers(s + 1))];
        // Every other pair of like size, so that the sums cancel and round.
        for (let i = 0; i < 40; i += 2) b.data[i] = -a.data[i] * (1 + (i - 20) * 2 ** -22);
        elements(add(a, b)).forEach((sum, i) => {
          const expected = exactSum(a.data[i], b.data[i]);
          if (sum !== expected)
            throw new Error(
              `${a.data[i]} + ${b.data[i]}: expected ${expected}, got ${sum} ` +
                `(${hex(new Uint32Array(new Float32Array([sum]).buffer)[0])})`,
            );
        });
      }),
    );
  });

  test('repeats b over the leading axes of a, strided views alike, float32 and float64', () => {
    fc.assert(
      fc.property(shapes, seed, layout, layout, fc.boolean(), ([wide, narrow], s, left, right, double) => {
        const a = unitTensor(wide, s, double ? Float64Array : Float32Array);
        const b = unitTensor(narrow, s + 1);
        const expected = Array.from(elements(a), (v, i) => v + elements(b)[i % b.size]);
        expectSameBits(
          add(laidOut(a, left), laidOut(b, right)),
          tensorOf(expected, wide, double ? Float64Array : Float32Array),
        );
      }),
    );
  });

  test('adds what is not finite as IEEE 754 does, and keeps the sign of zero', () => {
    expectSameBits(
      add(tensorOf([Infinity, Infinity, NaN, -0, -0, 3e38]), tensorOf([1, -Infinity, 1, -0, 0, 3e38])),
      tensorOf([Infinity, NaN, NaN, -0, 0, Infinity]),
    );
  });

  test('leaves its arguments alone', () => {
    const [a, b] = [tensorOf([1, 2]), tensorOf([3, 4])];
    expect(Array.from(add(a, b).data)).toEqual([4, 6]);
    expect([...Array.from(a.data), ...Array.from(b.data)]).toEqual([1, 2, 3, 4]);
  });
});
