// The measures of the numerics contract on numbers that can be worked out by hand, and against loops that follow its
// formulas word for word.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { measure } from '../../src/oracle/measures.ts';

const f64 = (...values: number[]): Float64Array => Float64Array.from(values);
const norm = (x: readonly number[]): number => Math.sqrt(x.reduce((sum, one) => sum + one * one, 0));
const minus = (a: ArrayLike<number>, b: ArrayLike<number>): number[] => Array.from(a, (x, i) => x - b[i]);
const numbers = (length: number): fc.Arbitrary<number[]> =>
  fc.array(fc.double({ noNaN: true, min: -9, max: 9 }), { minLength: length, maxLength: length });

/** A finite number times 2^1074, exactly. */
function whole(x: number): bigint {
  let [m, e] = [x, 1074];
  for (; !Number.isInteger(m); e--) m *= 2;
  return BigInt(m) << BigInt(e);
}

/**
 * 1 - cos of the angle between b and t, by the sine, in whole numbers. Lagrange's identity: |b|²|t|² - (b·t)² is the
 * sum of (b_i·t_j - b_j·t_i)². b/|b| - t/|t| in float64 is no judge: either is rounded at 1e-16, so that of a distance
 * of 1e-14 the eighth digit is wrong already.
 */
function exactCosineDistance(b: readonly number[], t: readonly number[]): number {
  const [B, T] = [b.map(whole), t.map(whole)];
  const dot = (x: readonly bigint[], y: readonly bigint[]): bigint => x.reduce((sum, v, i) => sum + v * y[i], 0n);
  const [bb, tt, bt] = [dot(B, B), dot(T, T), dot(B, T)];
  const crossed = bb * tt - bt * bt;
  // sin² to 2^-300, as float64; beyond a right angle the distance is 1 + |cos|
  const sine2 = Number((crossed << 300n) / (bb * tt)) * 2 ** -300;
  const cosine = Math.sqrt(Math.max(0, 1 - sine2));
  return bt > 0n ? sine2 / (1 + cosine) : 1 + cosine;
}

describe('by hand', () => {
  test('a 3-4-5 triangle', () => {
    const { maxAbs, relRms, nmse, rho, referenceRelRms } = measure(f64(3, 8), f64(3, 4.5), f64(3, 4));
    expect({ maxAbs, relRms, nmse, rho, referenceRelRms }).toEqual({
      maxAbs: 4,
      relRms: 0.8,
      nmse: 0.8 * 0.8,
      rho: 8,
      referenceRelRms: 0.1,
    });
  });

  test('three bits lost are a noise ratio of 8', () => {
    expect(measure(f64(3, 8), f64(3, 4.5), f64(3, 4)).effectiveBits).toBe(21);
  });

  test('nearer to the truth than float32 is 24 bits', () => {
    expect(measure(f64(1, 0.25), f64(1, 0.5), f64(1, 0)).effectiveBits).toBe(24);
  });

  test('a right angle and the opposite direction', () => {
    expect(measure(f64(0, 1), f64(0.5, 0), f64(1, 0)).cosineDistance).toBeCloseTo(1, 15);
    expect(measure(f64(-1, 0), f64(0.5, 0), f64(1, 0)).cosineDistance).toBe(2);
    expect(measure(f64(7, 0), f64(0.5, 0), f64(1, 0)).cosineDistance).toBe(0);
  });

  test('bits: +0 is not -0, NaN is NaN, a float64 is not the float32 that it rounds to', () => {
    expect(measure(f64(0, NaN, 1, 0.1), Float32Array.of(-0, NaN, 1, 0.1), f64(0, NaN, 1, 0.1)).equalBits).toBe(0.5);
  });

  test('where the truth is a float32 and this project is exact, the noise is that of one rounding', () => {
    const truth = Float64Array.from({ length: 1000 }, (_, i) => 1 + i / 1000);
    const exact = Float64Array.from(truth, Math.fround);
    const rounded = measure(
      Float64Array.from(exact, (x) => x * (1 + 2 ** -24)),
      exact,
      exact,
    );
    expect(rounded.rho).toBeGreaterThan(1.5);
    expect(rounded.rho).toBeLessThan(3.5);
    expect(measure(exact, exact, exact)).toMatchObject({
      rho: 0,
      effectiveBits: 24,
      relRms: 0,
      maxAbs: 0,
      cosineDistance: 0,
      equalBits: 1,
    });
  });

  test('zeros: nothing else is right', () => {
    expect(measure(f64(0, 0), f64(0, 0), f64(0, 0))).toMatchObject({ rho: 0, relRms: 0, cosineDistance: 0 });
    expect(measure(f64(0, 1e-30), f64(0, 0), f64(0, 0))).toMatchObject({
      rho: Infinity,
      relRms: Infinity,
      cosineDistance: 1,
    });
  });
});

describe('not finite', () => {
  test.each([
    ['NaN for a number', [NaN, 2], [1, 2], 1],
    ['infinity for a number', [1, -Infinity], [1, 2], 1],
    ['both', [NaN, Infinity], [1, 2], 2],
    ['a number for an infinity', [1, 2], [1, Infinity], 0],
    ['the other infinity', [1, -Infinity], [1, Infinity], 0],
  ])('%s is infinitely wrong', (_, backend, truth, nonFinite) => {
    expect(measure(Float64Array.from(backend), Float64Array.from(truth), Float64Array.from(truth))).toMatchObject({
      rho: Infinity,
      effectiveBits: -Infinity,
      maxAbs: Infinity,
      relRms: Infinity,
      nonFinite,
    });
  });

  test('the same that the truth has, or an overflow that float32 has too, is no error', () => {
    const { rho, nonFinite } = measure(
      f64(NaN, Infinity, Infinity, 1),
      f64(NaN, Infinity, Infinity, 1),
      f64(NaN, Infinity, 1e39, 1),
    );
    expect([rho, nonFinite]).toEqual([0, 0]);
  });

  test('a NaN anywhere is not passed over', () => {
    fc.assert(
      fc.property(numbers(7), fc.nat(6), (values, place) => {
        const broken = Float64Array.from(values, (value, i) => (i === place ? NaN : value));
        return measure(broken, Float64Array.from(values), Float64Array.from(values)).rho === Infinity;
      }),
    );
  });
});

test("all are what the contract's formulas give, term by term", () => {
  fc.assert(
    fc.property(numbers(6), numbers(6), numbers(6), (truth, errors, noise) => {
      // else the cost of a rounding takes the noise's place
      fc.pre(norm(truth) > 1e-3 && norm(errors) > 1e-3 && norm(noise) * 1e-4 > norm(truth) * 2 ** -23);
      const backend = truth.map((t, i) => t + errors[i] * 1e-3);
      const reference = truth.map((t, i) => t + noise[i] * 1e-4);
      const got = measure(Float64Array.from(backend), Float64Array.from(reference), Float64Array.from(truth));
      fc.pre(norm(backend) > 0);
      const error = norm(minus(backend, truth));
      expect(got.relRms / (error / norm(truth))).toBeCloseTo(1, 9);
      expect(got.rho / (error / norm(minus(reference, truth)))).toBeCloseTo(1, 9);
      expect(got.maxAbs).toBe(Math.max(...minus(backend, truth).map(Math.abs)));
      // Sums of 6 products are off by at most 7 roundings of |e|², of |t|·|e|: together less than 48 of |e|², over
      // 2·|b|·|t|. |b|² is off by 16 of |t|² + |e|² at most, and the distance is divided by |b|.
      const cosine = exactCosineDistance(backend, truth);
      const [b, t] = [norm(backend), norm(truth)];
      expect(Math.abs(got.cosineDistance - cosine)).toBeLessThanOrEqual(
        2 ** -53 * (24 * (error ** 2 / (b * t)) + 16 * cosine * (1 + (t ** 2 + error ** 2) / b ** 2)),
      );
    }),
  );
});

test('the noise is never less than what rounding the truth to float32 costs', () => {
  fc.assert(
    fc.property(numbers(50), numbers(50), fc.double({ min: 1e-10, max: 1e-5, noNaN: true }), (truth, noise, scale) => {
      fc.pre(norm(truth) > 1e-3);
      const reference = truth.map((t, i) => t * (1 + scale * noise[i]));
      const backend = truth.map((t) => t * 1.001);
      const rounding = norm(truth.map((t) => Math.fround(t) - t));
      const expected = Math.max(norm(minus(reference, truth)), rounding, 0.39 * 2 ** -24 * norm(truth));
      expect(
        measure(Float64Array.from(backend), Float64Array.from(reference), Float64Array.from(truth)).rho /
          (norm(minus(backend, truth)) / expected),
      ).toBeCloseTo(1, 9);
    }),
  );
});

test('tiny angles are not lost, as they are in 1 - cos', () => {
  const truth = Float64Array.from({ length: 500 }, (_, i) => Math.sin(i + 1));
  const backend = truth.map((t, i) => t + 1e-9 * Math.cos(3 * i));
  const along = truth.reduce((sum, t, i) => sum + t * (backend[i] - t), 0) / truth.reduce((sum, t) => sum + t * t, 0);
  // the angle, to first order
  const across = norm(Array.from(truth, (t, i) => backend[i] - t - along * t)) / norm([...truth]);
  expect(measure(backend, truth, truth).cosineDistance / ((across * across) / 2)).toBeCloseTo(1, 6);
});

test('tensors of different sizes are not compared', () => {
  expect(() => measure(f64(1), f64(1, 2), f64(1, 2))).toThrow(/got 1, 2 and 2 elements/);
  expect(() => measure(f64(1, 2), f64(1), f64(1, 2))).toThrow(RangeError);
});
