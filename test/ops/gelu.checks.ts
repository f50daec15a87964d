// What an implementation of gelu must keep; the test of it and planted wrong ones run these checks.

import { tensorOf } from '../support/arbitraries.ts';
import { expectSameBits, elements } from '../support/bits.ts';
import { judgeErf } from '../support/judges.ts';
import type { Checks } from '../support/checks.ts';
import type { Activation } from '../support/activations-checks.ts';
import { sample, elementwise, assertOneRounding } from '../support/activations-checks.ts';

export const geluChecks: Checks<Activation> = {
  ...elementwise('gelu'),
  'equals x·Φ(x) in float64 to one rounding; below -5.56 it is -0 by the definition of erf in float32 mode': (gelu) => {
    assertOneRounding(gelu, sample(1e-9, 5.5, 3000), (x) => 0.5 * x * (1 + judgeErf(x * Math.SQRT1_2)), 1e-15);
    expectSameBits(gelu(tensorOf([-5.7, -6, -100, 6, 100])), tensorOf([-0, -0, -0, 6, 100]));
  },
  'in float64 follows Φ further down': (gelu) => {
    const y = elements(gelu(tensorOf([-1, -6], [2], Float64Array)));
    if (!(Math.abs(y[0] + 0.15865525393145705) < 1e-15))
      throw new Error(`gelu(-1): expected -0.15865525393145705, got ${y[0]}`);
    // 6·Φ(-6), Φ(-6) = 9.865876450e-10
    if (!(Math.abs(y[1] + 5.919525867e-9) < 1e-15)) throw new Error(`gelu(-6): expected -5.919525867e-9, got ${y[1]}`);
  },
  'NaN stays, -Infinity gives NaN as the formula does, zeros keep their sign': (gelu) => {
    expectSameBits(gelu(tensorOf([NaN, -Infinity, Infinity, 0, -0])), tensorOf([NaN, NaN, Infinity, 0, -0]));
  },
};
