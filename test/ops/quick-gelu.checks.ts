// What an implementation of quickGelu must keep; the test of it and planted wrong ones run these checks.

import { tensorOf } from '../support/arbitraries.ts';
import { expectSameBits } from '../support/bits.ts';
import type { Checks } from '../support/checks.ts';
import type { Activation } from '../support/activations-checks.ts';
import { sample, elementwise, assertOneRounding } from '../support/activations-checks.ts';

export const quickGeluChecks: Checks<Activation> = {
  ...elementwise('quickGelu'),
  'equals x / (1 + e^(-1.702·x)) in float64 to one rounding, as far out as float32 reaches': (quickGelu) => {
    assertOneRounding(quickGelu, sample(1e-9, 65, 3000), (x) => x / (1 + Math.exp(-1.702 * x)), 2 ** -150);
  },
  'NaN stays, -Infinity gives NaN as the formula does, +Infinity stays, zeros keep their sign': (quickGelu) => {
    expectSameBits(
      quickGelu(tensorOf([NaN, -Infinity, Infinity, 0, -0, -1000, 1000])),
      tensorOf([NaN, NaN, Infinity, 0, -0, -0, 1000]),
    );
  },
};
