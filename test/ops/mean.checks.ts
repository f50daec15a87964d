// What an implementation of mean must keep; the test of it and planted wrong ones run these checks.

import fc from 'fast-check';
import type { Operations } from '../../src/ops/index.ts';
import { fill, laidOut, layout, rawNumbers, seed, tensorOf, unitFloat32 } from '../support/arbitraries.ts';
import { expectSameBits } from '../support/bits.ts';
import { contractTotal } from '../support/judges.ts';
import type { Checks } from '../support/checks.ts';
import { probe, survivorsOfStripes } from '../support/sums.ts';
import { RUNS, HUGE, width, rowsOf, stripePairs } from '../support/normalisations-checks.ts';

export const meanChecks: Checks<Operations['mean']> = {
  'sums in float64, in four stripes joined as (s0 + s1) + (s2 + s3)': (mean) => {
    for (const [i, j] of stripePairs()) {
      expectSameBits(
        mean(tensorOf(probe(11, i, j, HUGE), [1, 11])),
        tensorOf([survivorsOfStripes(11, i, j) / 11]),
        `large at ${i} and ${j}`,
      );
    }
  },
  'equals the contract bit for bit, whatever the bits of the input': (mean) => {
    fc.assert(
      fc.property(width, seed, fc.boolean(), fc.boolean(), (D, s, all, double) => {
        const Type = double ? Float64Array : Float32Array;
        const x = fill([2, 2, D], rawNumbers(s, all), Type);
        expectSameBits(
          mean(x),
          tensorOf(
            rowsOf(x).map((row) => contractTotal(row) / D),
            [2, 2],
            Type,
          ),
        );
      }),
      RUNS,
    );
  },
  'lies between the smallest and the largest; strided views count the same': (mean) => {
    fc.assert(
      fc.property(fc.array(unitFloat32, { minLength: 1, maxLength: 20 }), layout, (values, lie) => {
        const y = mean(tensorOf(values));
        if (!(y.get() >= Math.min(...values) && y.get() <= Math.max(...values)))
          throw new Error(`mean of ${values.join()} is ${y.get()}`);
        expectSameBits(mean(laidOut(tensorOf(values), lie)), y);
      }),
      RUNS,
    );
  },
};
