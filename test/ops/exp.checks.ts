// What an implementation of exp must keep; the test of it and planted wrong ones run these checks.

import { tensorOf } from '../support/arbitraries.ts';
import { expectSameBits, elements } from '../support/bits.ts';
import { exactExp } from '../support/exact.ts';
import type { Checks } from '../support/checks.ts';
import type { Activation } from '../support/activations-checks.ts';
import { assertHash, assertExact, neighbours, sample, elementwise } from '../support/activations-checks.ts';

export const expChecks: Checks<Activation> = {
  ...elementwise('exp'),
  'is correctly rounded where rounding is hard: next to 1, at the end of the subnormals, at overflow': (exp) => {
    const hard = [
      0x33000000, 0x33000001, 0xb3000000, 0xb2800000, 0x42b17217, 0x42b17218, 0x42b20000, 0xc2aeac50, 0xc2cff1b4,
      0xc2cff1b5, 0xc2d00000, 0x00000001, 0x80000001,
    ];
    assertExact(
      exp,
      hard.flatMap((bits) => neighbours(bits)).filter((x) => !Number.isNaN(x)),
      exactExp,
    );
  },
  'is correctly rounded on two thousand numbers of all sizes': (exp) => {
    assertExact(exp, sample(1e-9, 104, 2000), exactExp);
  },
  'NaN, infinities and zeros': (exp) => {
    expectSameBits(
      exp(tensorOf([NaN, Infinity, -Infinity, 0, -0, 89, -105])),
      tensorOf([NaN, Infinity, 0, 1, 1, Infinity, 0]),
    );
    expectSameBits(
      exp(tensorOf([NaN, Infinity, -Infinity, 0, -0, 710, -746], [7], Float64Array)),
      tensorOf([NaN, Infinity, 0, 1, 1, Infinity, 0], [7], Float64Array),
    );
  },
  'in float64 is within 1 ulp over the whole range': (exp) => {
    const inputs = [...sample(1e-6, 709.7, 300).map((v) => v * (1 + 2 ** -40)), 709.78, -708, -745, -745.13];
    const y = elements(exp(tensorOf(inputs, [inputs.length], Float64Array)));
    inputs.forEach((x, i) => {
      const truth = exactExp(x, 53);
      if (!(Math.abs(y[i] - truth) <= Math.max(2 ** -52 * truth, 2 ** -1074)))
        throw new Error(`exp(${x}): expected ${truth}, got ${y[i]}`);
    });
  },
  'has the reference hash on every 4099th and every 257th of the 2^32 inputs': (exp) => {
    assertHash(exp, 4099, '1b09dde4');
    assertHash(exp, 257, '4d61d06b'); // a planted fault of one ulp around 1 escapes the other stride
  },
};
