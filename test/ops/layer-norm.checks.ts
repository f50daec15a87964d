// What an implementation of layerNorm must keep; the test of it and planted wrong ones run these checks.

import fc from 'fast-check';
import type { Operations, Tensor } from '../../src/ops/index.ts';
import { laidOut, layout, seed, tensorOf, unitTensor } from '../support/arbitraries.ts';
import { expectSameBits, elements } from '../support/bits.ts';
import { U, assertClose, contractTotal, judgeMoments } from '../support/judges.ts';
import type { Checks } from '../support/checks.ts';
import { RUNS, width, rowsOf } from '../support/normalisations-checks.ts';

export const layerNormChecks: Checks<Operations['layerNorm']> = {
  'equals the textbook in float64 to one rounding': (layerNorm) => {
    fc.assert(
      fc.property(width, seed, fc.constantFrom(1e-5, 1e-12, 0.1), (D, s, eps) => {
        const x = unitTensor([3, D], s);
        const [g, b] = [unitTensor([D], s + 1), unitTensor([D], s + 2)];
        const truth = rowsOf(x).flatMap((row) => {
          const { mean, variance } = judgeMoments(row);
          return row.map((v, i) => ((v - mean) / Math.sqrt(variance + eps)) * g.get(i) + b.get(i));
        });
        // Half a unit in the last place of the result, and what float64 itself loses to cancellation.
        assertClose(elements(layerNorm(x, g, b, eps)), truth, U, 1e-12);
      }),
      RUNS,
    );
  },
  'equals the contract bit for bit': (layerNorm) => {
    fc.assert(
      fc.property(width, seed, fc.boolean(), (D, s, double) => {
        const Type = double ? Float64Array : Float32Array;
        const x = unitTensor([2, D], s, Type);
        const [g, b] = [unitTensor([D], s + 1), unitTensor([D], s + 2)];
        const expected = rowsOf(x).flatMap((row) => {
          const mean = contractTotal(row) / D;
          const r = 1 / Math.sqrt(contractTotal(row.map((v) => (v - mean) * (v - mean))) / D + 1e-5);
          return row.map((v, i) => (v - mean) * r * g.get(i) + b.get(i));
        });
        expectSameBits(layerNorm(x, g, b), tensorOf(expected, x.shape, Type));
      }),
      RUNS,
    );
  },
  'rows do not see each other, strided views neither': (layerNorm) => {
    fc.assert(
      fc.property(width, seed, layout, (D, s, lie) => {
        const x = unitTensor([2, 3, D], s);
        const [g, b] = [unitTensor([D], s + 1), unitTensor([D], s + 2)];
        const y = layerNorm(x, g, b);
        expectSameBits(layerNorm(laidOut(x, lie), laidOut(g, lie), laidOut(b, lie)), y);
        for (let n = 0; n < 2; n++)
          expectSameBits(y.pick(n, null, null) as Tensor, layerNorm(x.pick(n, null, null) as Tensor, g, b));
      }),
      RUNS,
    );
  },
  'a constant row gives the bias, no rows give none, NaN stays in its row': (layerNorm) => {
    const [g, b] = [tensorOf([5, 6, 7]), tensorOf([1, -2, 0.5])];
    expectSameBits(layerNorm(tensorOf([4, 4, 4], [1, 3]), g, b), tensorOf([1, -2, 0.5], [1, 3]));
    expectSameBits(layerNorm(tensorOf([], [0, 3]), g, b), tensorOf([], [0, 3]));
    expectSameBits(
      layerNorm(tensorOf([NaN, 1, 2, 4, 4, 4], [2, 3]), g, b),
      tensorOf([NaN, NaN, NaN, 1, -2, 0.5], [2, 3]),
    );
  },
};
