// What an implementation of avgPool2d must keep; the test of it and planted wrong ones run these checks.

import fc from 'fast-check';
import type { Operations, Tensor } from '../../src/ops/index.ts';
import { fill, laidOut, layout, rawNumbers, seed, tensorOf, unitTensor } from '../support/arbitraries.ts';
import { expectSameBits, elements } from '../support/bits.ts';
import { contractTotal } from '../support/judges.ts';
import type { Checks } from '../support/checks.ts';
import { probe } from '../support/sums.ts';
import { RUNS, HUGE, stripePairs } from '../support/normalisations-checks.ts';

/** Windows by their definition; Σ by the contract's stripes. */
function pooled(
  x: Tensor,
  [KH, KW]: [number, number],
  [sh, sw]: [number, number],
  [ph, pw]: [number, number],
  countIncludePad: boolean,
): number[] {
  const [N, C, H, W] = x.shape;
  const result: number[] = [];
  for (let n = 0; n < N; n++)
    for (let c = 0; c < C; c++)
      for (let top = -ph; top + KH <= H + ph; top += sh)
        for (let left = -pw; left + KW <= W + pw; left += sw) {
          const window: number[] = [];
          for (let h = top; h < top + KH; h++)
            for (let w = left; w < left + KW; w++) {
              if (h >= 0 && w >= 0 && h < H && w < W) window.push(x.get(n, c, h, w));
              else if (countIncludePad) window.push(0);
            }
          result.push(contractTotal(window) / window.length);
        }
  return result;
}

export const avgPool2dChecks: Checks<Operations['avgPool2d']> = {
  'equals the contract bit for bit: windows of any size, stride and padding': (avgPool2d) => {
    const extent = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(
        fc.tuple(extent, extent),
        fc.tuple(extent, extent),
        fc.tuple(fc.nat(2), fc.nat(2)),
        fc.boolean(),
        seed,
        (kernel, stride, pad, countIncludePad, s) => {
          const padding: [number, number] = [Math.min(pad[0], kernel[0] >> 1), Math.min(pad[1], kernel[1] >> 1)];
          const x = fill([2, 2, 6, 7], s % 2 ? rawNumbers(s, true) : rawNumbers(s));
          const y = avgPool2d(x, kernel, { stride, padding, countIncludePad });
          expectSameBits(tensorOf(elements(y)), tensorOf(pooled(x, kernel, stride, padding, countIncludePad)));
        },
      ),
      { numRuns: 100 },
    );
  },
  'sums in float64, in four stripes in row-major order of the window': (avgPool2d) => {
    for (const [i, j] of stripePairs()) {
      const values = [...probe(11, i, j, HUGE), 1];
      const expected = contractTotal(values) / 12;
      expectSameBits(
        avgPool2d(tensorOf(values, [1, 1, 3, 4]), [3, 4]),
        tensorOf([expected], [1, 1, 1, 1]),
        `large at ${i} and ${j}`,
      );
    }
  },
  'the stride is the kernel unless given; padded zeros count only if asked to': (avgPool2d) => {
    const x = tensorOf([1, 2, 3, 4], [1, 1, 2, 2]);
    expectSameBits(avgPool2d(tensorOf([1, 3, 5, 7, 9, 9], [1, 1, 1, 6]), [1, 2]), tensorOf([2, 6, 9], [1, 1, 1, 3]));
    expectSameBits(avgPool2d(x, 2, { padding: 1 }), tensorOf([1, 2, 3, 4], [1, 1, 2, 2]));
    expectSameBits(
      avgPool2d(x, 2, { padding: 1, countIncludePad: true }),
      tensorOf([0.25, 0.5, 0.75, 1], [1, 1, 2, 2]),
    );
  },
  'reads strided views; a batch equals single calls; no images give none': (avgPool2d) => {
    fc.assert(
      fc.property(seed, layout, (s, lie) => {
        const x = unitTensor([2, 3, 4, 5], s);
        const y = avgPool2d(x, 2);
        expectSameBits(avgPool2d(laidOut(x, lie), 2), y);
        for (let n = 0; n < 2; n++)
          expectSameBits(y.hi(n + 1).lo(n) as Tensor, avgPool2d(x.hi(n + 1).lo(n) as Tensor, 2));
      }),
      RUNS,
    );
    expectSameBits(avgPool2d(tensorOf([], [0, 3, 4, 4]), 2), tensorOf([], [0, 3, 2, 2]));
  },
};
