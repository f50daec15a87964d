// What an implementation of relu must keep; the test of it and planted wrong ones run these checks.

import fc from 'fast-check';
import { anyFloat32, tensorOf } from '../support/arbitraries.ts';
import { expectSameBits } from '../support/bits.ts';
import type { Checks } from '../support/checks.ts';
import type { Activation } from '../support/activations-checks.ts';
import { elementwise } from '../support/activations-checks.ts';

export const reluChecks: Checks<Activation> = {
  ...elementwise('relu'),
  'positive numbers and NaN stay, all else becomes +0': (relu) => {
    fc.assert(
      fc.property(fc.array(anyFloat32, { maxLength: 20 }), (values) => {
        expectSameBits(relu(tensorOf(values)), tensorOf(values.map((v) => (Number.isNaN(v) ? NaN : v <= 0 ? 0 : v))));
      }),
    );
  },
  'NaN, infinities, zeros and subnormals': (relu) => {
    expectSameBits(
      relu(tensorOf([NaN, Infinity, -Infinity, 0, -0, 2 ** -149, -(2 ** -149)])),
      tensorOf([NaN, Infinity, 0, 0, 0, 2 ** -149, 0]),
    );
  },
};
