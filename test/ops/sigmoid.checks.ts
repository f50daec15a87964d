// What an implementation of sigmoid must keep; the test of it and planted wrong ones run these checks.

import { tensorOf } from '../support/arbitraries.ts';
import { expectSameBits, elements, float32FromBits } from '../support/bits.ts';
import { exactExp, exactSigmoid } from '../support/exact.ts';
import type { Checks } from '../support/checks.ts';
import type { Activation } from '../support/activations-checks.ts';
import { assertHash, assertExact, neighbours, sample, elementwise } from '../support/activations-checks.ts';

export const sigmoidChecks: Checks<Activation> = {
  ...elementwise('sigmoid'),
  'is correctly rounded at the 66 inputs where 1 / (1 + e^-x) is not, and beside them': (sigmoid) => {
    // Ties: 1/2 + x/4 halfway between two binary32, |x| < 2^-12: odd multiples of 2^-23 (above 1/2) and of 2^-24
    // (below), the ones that binary64 cannot tell from a tie.
    const ties: number[] = [];
    for (let i = 1; i < 2 ** 11; i += 2) ties.push(i * 2 ** -23, -i * 2 ** -24);
    const plainlyWrong = ties.filter((x) => Math.fround(1 / (1 + Math.exp(-x))) !== exactSigmoid(x));
    if (plainlyWrong.length < 30) throw new Error(`the check itself: only ${plainlyWrong.length} hard ties found`);
    assertExact(sigmoid, ties, exactSigmoid);
    assertExact(
      sigmoid,
      [0xba928601, 0x39800000, 0xb9800000, 0x3a800000].flatMap((bits) => neighbours(bits)),
      exactSigmoid,
    );
  },
  'is correctly rounded on two thousand numbers of all sizes': (sigmoid) => {
    assertExact(sigmoid, sample(1e-9, 110, 2000), exactSigmoid);
  },
  'NaN, infinities and zeros': (sigmoid) => {
    expectSameBits(sigmoid(tensorOf([NaN, Infinity, -Infinity, 0, -0])), tensorOf([NaN, 1, 0, 0.5, 0.5]));
    expectSameBits(
      sigmoid(tensorOf([NaN, Infinity, -Infinity, 0], [4], Float64Array)),
      tensorOf([NaN, 1, 0, 0.5], [4], Float64Array),
    );
  },
  'in float64 sigmoid(x) = 1 / (1 + e^-x) to 4 ulp, ties of float32 or not': (sigmoid) => {
    const inputs = [...sample(1e-6, 700, 300), 2 ** -23, float32FromBits(0xba928601)];
    const y = elements(sigmoid(tensorOf(inputs, [inputs.length], Float64Array)));
    inputs.forEach((x, i) => {
      const truth = 1 / (1 + exactExp(-x, 53));
      if (!(Math.abs(y[i] - truth) <= 2 ** -50 * truth))
        throw new Error(`sigmoid(${x}): expected ${truth}, got ${y[i]}`);
    });
  },
  'has the reference hash on every 4099th of the 2^32 inputs': (sigmoid) => {
    assertHash(sigmoid, 4099, 'a4a06ccb');
  },
};
