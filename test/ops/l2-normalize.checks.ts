// What an implementation of l2Normalize must keep; the test of it and planted wrong ones run these checks.

import fc from 'fast-check';
import type { Operations } from '../../src/ops/index.ts';
import { fill, laidOut, layout, rawNumbers, seed, tensorOf, unitTensor } from '../support/arbitraries.ts';
import { expectSameBits } from '../support/bits.ts';
import { U, assertClose, contractTotal } from '../support/judges.ts';
import type { Checks } from '../support/checks.ts';
import { RUNS, width, rowsOf } from '../support/normalisations-checks.ts';

export const l2NormalizeChecks: Checks<Operations['l2Normalize']> = {
  'gives vectors of length 1 that point the same way': (l2Normalize) => {
    fc.assert(
      fc.property(width, seed, (D, s) => {
        const x = unitTensor([2, D], s);
        rowsOf(l2Normalize(x)).forEach((row, r) => {
          const norm = Math.sqrt(rowsOf(x)[r].reduce((sum, v) => sum + v * v, 0));
          assertClose(
            row,
            rowsOf(x)[r].map((v) => v / norm),
            U,
            1e-15,
          );
          assertClose([row.reduce((sum, v) => sum + v * v, 0)], [1], 2 * U);
        });
      }),
      RUNS,
    );
  },
  'equals the contract bit for bit, whatever the bits of the input': (l2Normalize) => {
    fc.assert(
      fc.property(width, seed, fc.boolean(), (D, s, all) => {
        const x = fill([2, D], rawNumbers(s, all));
        const expected = rowsOf(x).flatMap((row) => {
          const norm = Math.sqrt(contractTotal(row.map((v) => v * v)));
          return row.map((v) => v / norm);
        });
        expectSameBits(l2Normalize(x), tensorOf(expected, x.shape));
      }),
      RUNS,
    );
  },
  'reads strided views; a zero vector gives NaN; the squares of large numbers do not overflow': (l2Normalize) => {
    fc.assert(
      fc.property(seed, layout, (s, lie) => {
        const x = unitTensor([2, 3, 5], s);
        expectSameBits(l2Normalize(laidOut(x, lie)), l2Normalize(x));
      }),
      RUNS,
    );
    expectSameBits(l2Normalize(tensorOf([0, -0, 3e38, 0], [2, 2])), tensorOf([NaN, NaN, 1, 0], [2, 2]));
  },
};
