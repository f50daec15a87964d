// Checks of exp, erf, sigmoid, gelu, quickGelu and relu.

import fc from 'fast-check';
import type { Tensor } from '../../../src/ops/index.ts';
import { anyFloat32, laidOut, layout, seed, tensorOf, unitTensor } from '../arbitraries.ts';
import { expectSameBits, elements, float32FromBits, fnv1a, hex, withBits } from '../bits.ts';
import { exactErf, exactExp, exactSigmoid } from '../exact.ts';
import { U, judgeErf } from '../judges.ts';
import type { Checks } from './checks.ts';

type Activation = (x: Tensor) => Tensor;
const F32 = new Float32Array(0);

/** The hash of the results on every `stride`-th of the 2^32 patterns, from 0 on. */
export function stridedHash(activation: Activation, stride: number): string {
  const words = new Uint32Array(1 << 16);
  let hash: number | undefined;
  for (let pattern = 0; pattern <= 0xffffffff;) {
    let count = 0;
    for (; count < words.length && pattern <= 0xffffffff; pattern += stride) words[count++] = pattern;
    const y = activation(tensorOf(new Float32Array(words.buffer, 0, count).slice()));
    const data = elements(y);
    hash = fnv1a(new Uint32Array(data.buffer, data.byteOffset, count), hash);
  }
  return hex(hash!);
}

function assertHash(activation: Activation, stride: number, expected: string): void {
  const hash = stridedHash(activation, stride);
  if (hash !== expected)
    throw new Error(`every ${stride}th of the 2^32 inputs: expected hash ${expected}, got ${hash}`);
}

/** Throws unless activation(x) has the bits of exact(x), for all x. */
function assertExact(activation: Activation, inputs: readonly number[], exact: (x: number) => number): void {
  const y = elements(activation(tensorOf(inputs)));
  inputs.forEach((x, i) => {
    const expected = exact(Math.fround(x));
    if (!Object.is(y[i], expected))
      throw new Error(`of ${withBits(x, F32)}: expected ${withBits(expected, F32)}, got ${withBits(y[i], F32)}`);
  });
}

/** The binary32 numbers around the given bits. */
function neighbours(bits: number, reach = 3): number[] {
  return Array.from({ length: 2 * reach + 1 }, (_, i) => float32FromBits(bits - reach + i));
}

/** Random binary32 numbers between two positive bounds, all exponents alike, of both signs. */
function sample(low: number, high: number, count: number): number[] {
  const words = new Uint32Array(new Float32Array([low, high]).buffer);
  let state = 12345;
  return Array.from({ length: count }, (_, i) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (i % 2 ? -1 : 1) * float32FromBits(words[0] + Math.floor((state / 2 ** 32) * (words[1] - words[0])));
  });
}

const elementwise = (name: string): Checks<Activation> => ({
  [`${name} of a strided view equals that of a contiguous copy, in float32 and float64, and every element is alone`]: (
    activation,
  ) => {
    fc.assert(
      fc.property(
        seed,
        layout,
        fc.constantFrom([], [0], [5], [2, 0, 3], [3, 4], [2, 3, 2, 2]),
        fc.boolean(),
        (s, lie, shape, double) => {
          const x = unitTensor(shape, s, double ? Float64Array : Float32Array);
          const y = activation(x);
          expectSameBits(activation(laidOut(x, lie)), y);
          elements(y).forEach((v, i) => {
            expectSameBits(
              activation(tensorOf([elements(x)[i]], [1], double ? Float64Array : Float32Array)),
              tensorOf([v], [1], double ? Float64Array : Float32Array),
            );
          });
        },
      ),
      { numRuns: 30 },
    );
  },
});

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
    assertHash(exp, 257, '4d61d06b');
  },
};

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
  'has the reference hash on every 4099th and every 257th of the 2^32 inputs': (erf) => {
    assertHash(erf, 4099, 'e9759cd5');
    assertHash(erf, 257, '1860a50f');
  },
};

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
  'has the reference hash on every 4099th and every 257th of the 2^32 inputs': (sigmoid) => {
    assertHash(sigmoid, 4099, 'a4a06ccb');
    assertHash(sigmoid, 257, '031819e2');
  },
};

/**
 * Throws where a float32 result is more than half a unit in the last place (and a hair for the cancellation in 1 + erf)
 * off a float64 truth.
 */
function assertOneRounding(
  activation: Activation,
  inputs: readonly number[],
  truth: (x: number) => number,
  hair: number,
): void {
  const y = elements(activation(tensorOf(inputs)));
  inputs.forEach((given, i) => {
    const expected = truth(Math.fround(given));
    if (!(Math.abs(y[i] - expected) <= U * (1 + 1e-6) * Math.abs(expected) + hair))
      throw new Error(`of ${given}: expected ${expected}, got ${y[i]}`);
  });
}

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
