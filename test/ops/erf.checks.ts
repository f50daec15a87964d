// What an implementation of erf must keep; the test of it and planted wrong ones run these checks.

import { tensorOf } from '../support/arbitraries.ts';
import { expectSameBits, elements } from '../support/bits.ts';
import { exactErf } from '../support/exact.ts';
import type { Checks } from '../support/checks.ts';
import type { Activation } from '../support/activations-checks.ts';
import { assertHash, assertExact, neighbours, sample, elementwise } from '../support/activations-checks.ts';

export const erfChecks: Checks<Activation> = {
  ...elementwise('erf'),
  'is correctly rounded where methods meet: at 1/4, at eighths, where it becomes 1, next to 0': (erf) => {
    const seams = [
      0x3e800000, 0x3ec00000, 0x3f000000, 0x3f800000, 0x40000000, 0x40400000, 0x407b0000, 0x407ad1a0, 0x407c0000,
      0x40800000, 0x40c00000, 0x0d000000, 0x0e123456,
    ];
    assertExact(
      erf,
      seams.flatMap((bits) => [...neighbours(bits), ...neighbours(bits).map((x) => -x)]),
      exactErf,
    );
  },
  'is correctly rounded on a thousand numbers of all sizes': (erf) => {
    assertExact(erf, sample(1e-20, 4.5, 1000), exactErf);
  },
  'NaN, infinities, zeros and subnormals': (erf) => {
    const tiny = 2 ** -149;
    expectSameBits(
      erf(tensorOf([NaN, Infinity, -Infinity, 0, -0, tiny, -tiny])),
      tensorOf([NaN, 1, -1, 0, -0, tiny, -tiny]),
    ); // 1.128·tiny rounds to tiny
    expectSameBits(
      erf(tensorOf([NaN, Infinity, -Infinity, 0, -0], [5], Float64Array)),
      tensorOf([NaN, 1, -1, 0, -0], [5], Float64Array),
    );
  },
  'in float64 is within 3e-16, beyond 3.9375 too': (erf) => {
    const inputs = [...sample(0.01, 6.2, 300).map((v) => v * (1 + 2 ** -40)), 0.25, 3.9375, 5, 5.99, 6];
    const y = elements(erf(tensorOf(inputs, [inputs.length], Float64Array)));
    inputs.forEach((x, i) => {
      const truth = exactErf(x, 53);
      if (!(Math.abs(y[i] - truth) <= 3e-16)) throw new Error(`erf(${x}): expected ${truth}, got ${y[i]}`);
    });
  },
  'has the reference hash on every 4099th of the 2^32 inputs': (erf) => {
    assertHash(erf, 4099, 'e9759cd5');
  },
};
