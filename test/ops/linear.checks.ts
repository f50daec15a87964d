// What an implementation of linear must keep; the test of it and planted wrong ones run these checks.

import fc from 'fast-check';
import type { Operations, Tensor } from '../../src/ops/index.ts';
import { laidOut, layout, seed, tensorOf, tileExtent, tileExtentOrNone, unitTensor } from '../support/arbitraries.ts';
import { expectSameBits, elements } from '../support/bits.ts';
import { assertWithinGamma, contractDot, judgeLinear } from '../support/judges.ts';
import type { Checks } from '../support/checks.ts';
import { K_PROBE, RUNS, depth, kind, numbers, row, assertOrder } from '../support/dot-products-checks.ts';

export const linearChecks: Checks<Operations['linear']> = {
  'stays within the γ bound of float64 loops': (linear) => {
    fc.assert(
      fc.property(tileExtent, depth, tileExtent, seed, fc.boolean(), (M, K, O, s, biased) => {
        const x = unitTensor([M, K], s);
        const weight = unitTensor([O, K], s + 1);
        const bias = biased ? unitTensor([O], s + 2) : null;
        assertWithinGamma(linear(x, weight, bias), judgeLinear(x, weight, bias));
      }),
      RUNS,
    );
  },
  'equals the contract bit for bit, bias last, whatever the bits of the input': (linear) => {
    fc.assert(
      fc.property(tileExtent, depth, tileExtent, seed, kind, (M, K, O, s, of) => {
        const x = numbers([M, K], of, s);
        const weight = numbers([O, K], of, s + 1);
        const bias = numbers([O], of, s + 2);
        const expected = Array.from({ length: M * O }, (_, i) =>
          contractDot(row(x, Math.floor(i / O)), row(weight, i % O), bias.get(i % O)),
        );
        expectSameBits(linear(x, weight, bias), tensorOf(expected, [M, O]));
      }),
      RUNS,
    );
  },
  'in float64 mode takes float32 weights exactly': (linear) => {
    const x = unitTensor([3, 300], 1, Float64Array);
    const weight = unitTensor([5, 300], 2);
    const bias = unitTensor([5], 3);
    const expected = Array.from({ length: 15 }, (_, i) =>
      contractDot(row(x, Math.floor(i / 5)), row(weight, i % 5), bias.get(i % 5), Float64Array),
    );
    expectSameBits(linear(x, weight, bias), tensorOf(expected, [3, 5], Float64Array));
  },
  'sums k in blocks of 128': (linear) => {
    assertOrder((a) =>
      elements(linear(tensorOf(a, [1, K_PROBE]), tensorOf(new Array<number>(K_PROBE * 6).fill(1), [6, K_PROBE]), null)),
    );
  },
  'takes any leading axes, strided views too': (linear) => {
    fc.assert(
      fc.property(tileExtentOrNone, tileExtent, tileExtentOrNone, seed, layout, layout, (M, K, O, s, left, right) => {
        const x = unitTensor([2, M, K], s);
        const weight = unitTensor([O, K], s + 1);
        const bias = unitTensor([O], s + 2);
        const y = linear(x, weight, bias);
        expectSameBits(linear(laidOut(x, left), laidOut(weight, right), laidOut(bias, left)), y);
        for (let n = 0; n < 2; n++)
          expectSameBits(y.pick(n, null, null) as Tensor, linear(x.pick(n, null, null) as Tensor, weight, bias));
      }),
      RUNS,
    );
  },
  'maps a single vector (K) to (O); a row of the weight belongs to an output': (linear) => {
    expectSameBits(
      linear(tensorOf([1, 2, 3]), tensorOf([1, 1, 1, 0, 1, -1], [2, 3]), tensorOf([10, 20])),
      tensorOf([16, 19]),
    );
    expectSameBits(
      linear(tensorOf([1, 10, 100]), tensorOf([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3]), null),
      tensorOf([321, 654, 987]),
    );
  },
};
