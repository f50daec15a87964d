// What an implementation of batchNorm2d must keep; the test of it and planted wrong ones run these checks.

import fc from 'fast-check';
import type { Operations, Tensor } from '../../src/ops/index.ts';
import { laidOut, layout, seed, tensorOf, unitTensor } from '../support/arbitraries.ts';
import { expectSameBits, elements } from '../support/bits.ts';
import { U, assertClose } from '../support/judges.ts';
import type { Checks } from '../support/checks.ts';
import { RUNS } from '../support/normalisations-checks.ts';

export const batchNorm2dChecks: Checks<Operations['batchNorm2d']> = {
  'equals (x - mean) / sqrt(var + eps) · weight + bias in float64 to one rounding': (batchNorm2d) => {
    fc.assert(
      fc.property(fc.constantFrom(1, 3, 5), seed, fc.constantFrom(1e-5, 1e-3), (C, s, eps) => {
        const x = unitTensor([2, C, 3, 2], s);
        const [weight, bias, runningMean] = [unitTensor([C], s + 1), unitTensor([C], s + 2), unitTensor([C], s + 3)];
        const runningVar = tensorOf(elements(unitTensor([C], s + 4)).map((v) => v * v));
        const truth = Array.from(elements(x), (v, i) => {
          const c = Math.floor(i / 6) % C;
          return ((v - runningMean.get(c)) / Math.sqrt(runningVar.get(c) + eps)) * weight.get(c) + bias.get(c);
        });
        assertClose(elements(batchNorm2d(x, { weight, bias, runningMean, runningVar }, eps)), truth, U, 1e-11);
      }),
      RUNS,
    );
  },
  'equals the contract bit for bit: factor and shift stay in float64': (batchNorm2d) => {
    fc.assert(
      fc.property(fc.constantFrom(1, 3, 5), seed, fc.boolean(), (C, s, double) => {
        const Type = double ? Float64Array : Float32Array;
        const x = unitTensor([2, C, 7], s, Type);
        const [weight, bias, runningMean] = [unitTensor([C], s + 1), unitTensor([C], s + 2), unitTensor([C], s + 3)];
        const runningVar = tensorOf(elements(unitTensor([C], s + 4)).map((v) => v * v));
        const expected = Array.from(elements(x), (v, i) => {
          const c = Math.floor(i / 7) % C;
          const a = weight.get(c) / Math.sqrt(runningVar.get(c) + 1e-5);
          return v * a + (bias.get(c) - runningMean.get(c) * a);
        });
        expectSameBits(batchNorm2d(x, { weight, bias, runningMean, runningVar }), tensorOf(expected, x.shape, Type));
      }),
      RUNS,
    );
  },
  'reads strided views, takes any number of axes after the channels, a batch equals single calls': (batchNorm2d) => {
    fc.assert(
      fc.property(seed, layout, fc.constantFrom([2, 3], [2, 3, 0], [2, 3, 4], [2, 3, 2, 2]), (s, lie, shape) => {
        const x = unitTensor(shape, s);
        const parameters = {
          weight: unitTensor([3], s + 1),
          bias: unitTensor([3], s + 2),
          runningMean: unitTensor([3], s + 3),
          runningVar: tensorOf([1, 2, 0.5]),
        };
        const y = batchNorm2d(x, parameters);
        expectSameBits(
          batchNorm2d(laidOut(x, lie), {
            ...parameters,
            weight: laidOut(parameters.weight, lie),
            runningVar: laidOut(parameters.runningVar, lie),
          }),
          y,
        );
        for (let n = 0; n < 2; n++)
          expectSameBits(y.hi(n + 1).lo(n) as Tensor, batchNorm2d(x.hi(n + 1).lo(n) as Tensor, parameters));
      }),
      RUNS,
    );
  },
};
