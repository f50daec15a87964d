// What an implementation of softmax must keep; the test of it and planted wrong ones run these checks.

import fc from 'fast-check';
import type { Operations, Tensor } from '../../src/ops/index.ts';
import { laidOut, layout, seed, tensorOf, unitTensor } from '../support/arbitraries.ts';
import { expectSameBits, elements } from '../support/bits.ts';
import { U, assertClose, contractTotal, judgeSoftmax } from '../support/judges.ts';
import type { Checks } from '../support/checks.ts';
import { RUNS, width, rowsOf } from '../support/normalisations-checks.ts';

export const softmaxChecks: Checks<Operations['softmax']> = {
  'equals e^x / Σ e^x in float64 within two roundings, and its rows sum to 1': (softmax) => {
    fc.assert(
      fc.property(width, seed, fc.constantFrom(1, 20, 200), (D, s, spread) => {
        const x = tensorOf(
          elements(unitTensor([3, D], s)).map((v) => Math.fround(v * spread)),
          [3, D],
        );
        rowsOf(softmax(x)).forEach((row, r) => {
          const top = Math.max(...rowsOf(x)[r]);
          // x - m is rounded, and the exponential multiplies that error by its argument: |x - m|·u, and u each for e
          // and e/S.
          const truth = judgeSoftmax(rowsOf(x)[r]);
          row.forEach((p, i) => {
            assertClose([p], [truth[i]], U * (3 + 2 * Math.abs(rowsOf(x)[r][i] - top)), 2 ** -148);
          });
          assertClose([row.reduce((sum, v) => sum + v, 0)], [1], (D + 1) * U);
        });
      }),
      RUNS,
    );
  },
  'a shift of all by a whole number that loses no bit changes no bit': (softmax) => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 9 }),
        fc.integer({ min: -1000, max: 1000 }),
        (values, shift) => {
          expectSameBits(
            softmax(tensorOf(values.map((v) => v / 64 + shift))),
            softmax(tensorOf(values.map((v) => v / 64))),
          );
        },
      ),
      RUNS,
    );
  },
  'sums in four stripes, and in float64': (softmax) => {
    // e = 1 and tiny: 2^24 + … would show a float32 sum; the stripes' order shows in the last bit of float64 mode.
    fc.assert(
      fc.property(fc.array(fc.double({ min: -3, max: 0, noNaN: true }), { minLength: 1, maxLength: 23 }), (values) => {
        const row = [0, ...values];
        const y = elements(softmax(tensorOf(row, [row.length], Float64Array)));
        // within 2 ulp of e^v
        const e = row.map((v) => elements(softmax(tensorOf([0, v], [2], Float64Array)))).map(([p, q]) => q / p);
        assertClose(
          y,
          e.map((v) => v / contractTotal(e)),
          2e-15,
        );
      }),
      RUNS,
    );
    const ones = softmax(tensorOf(new Array<number>(5).fill(-7.25)));
    expectSameBits(ones, tensorOf(new Array<number>(5).fill(Math.fround(1 / 5))));
    // 4000·e^-17.25 = 1.3e-4, each below the last bit of a float32 1
    const many = softmax(tensorOf([0, ...new Array<number>(4000).fill(-17.25)]));
    assertClose([elements(many)[0]], [1 / (1 + 4000 * Math.exp(-17.25))], U);
  },
  'rows do not see each other, strided views neither': (softmax) => {
    fc.assert(
      fc.property(seed, layout, (s, lie) => {
        const x = unitTensor([2, 3, 5], s);
        const y = softmax(x);
        expectSameBits(softmax(laidOut(x, lie)), y);
        for (let n = 0; n < 2; n++)
          expectSameBits(y.pick(n, null, null) as Tensor, softmax(x.pick(n, null, null) as Tensor));
      }),
      RUNS,
    );
  },
  '-Infinity has no share; NaN, +Infinity and nothing but -Infinity give NaN': (softmax) => {
    expectSameBits(softmax(tensorOf([-Infinity, 3, 3])), tensorOf([0, 0.5, 0.5]));
    expectSameBits(softmax(tensorOf([-Infinity, -Infinity])), tensorOf([NaN, NaN]));
    expectSameBits(softmax(tensorOf([1, Infinity])), tensorOf([NaN, NaN]));
    expectSameBits(softmax(tensorOf([1, NaN, 2])), tensorOf([NaN, NaN, NaN]));
    expectSameBits(softmax(tensorOf([0, -103.9, -104.1])), tensorOf([1, 2 ** -149, 0])); // e^-103.9 = 0.51·2^-148
    expectSameBits(softmax(tensorOf([], [2, 0])), tensorOf([], [2, 0]));
  },
};
