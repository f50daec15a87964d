// What the checks of exp, erf, sigmoid, gelu, quickGelu and relu share.

import fc from 'fast-check';
import type { Tensor } from '../../src/ops/index.ts';
import { laidOut, layout, seed, tensorOf, unitTensor } from './arbitraries.ts';
import { expectSameBits, elements, float32FromBits, fnv1a, hex, withBits } from './bits.ts';
import { U } from './judges.ts';
import type { Checks } from './checks.ts';

export type Activation = (x: Tensor) => Tensor;

export const F32 = new Float32Array(0);

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

export function assertHash(activation: Activation, stride: number, expected: string): void {
  const hash = stridedHash(activation, stride);
  if (hash !== expected)
    throw new Error(`every ${stride}th of the 2^32 inputs: expected hash ${expected}, got ${hash}`);
}

/** Throws unless activation(x) has the bits of exact(x), for all x. */
export function assertExact(activation: Activation, inputs: readonly number[], exact: (x: number) => number): void {
  const y = elements(activation(tensorOf(inputs)));
  inputs.forEach((x, i) => {
    const expected = exact(Math.fround(x));
    if (!Object.is(y[i], expected))
      throw new Error(`of ${withBits(x, F32)}: expected ${withBits(expected, F32)}, got ${withBits(y[i], F32)}`);
  });
}

/** The binary32 numbers around the given bits. */
export function neighbours(bits: number, reach = 3): number[] {
  return Array.from({ length: 2 * reach + 1 }, (_, i) => float32FromBits(bits - reach + i));
}

/** Random binary32 numbers between two positive bounds, all exponents alike, of both signs. */
export function sample(low: number, high: number, count: number): number[] {
  const words = new Uint32Array(new Float32Array([low, high]).buffer);
  let state = 12345;
  return Array.from({ length: count }, (_, i) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (i % 2 ? -1 : 1) * float32FromBits(words[0] + Math.floor((state / 2 ** 32) * (words[1] - words[0])));
  });
}

export const elementwise = (name: string): Checks<Activation> => ({
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

/**
 * Throws where a float32 result is more than half a unit in the last place (and a hair for the cancellation in 1 + erf)
 * off a float64 truth.
 */
export function assertOneRounding(
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
