// attention with the heads of ViT-H (80 columns), ViT-g (88) and ViT-bigG (104), and with widths that are not whole
// panels of 8: the SIMD kernels have the bits of the plain definition, in float32 and float64, with masks, any number
// of threads.

import { describe, test } from 'vitest';
import { reference } from '../../src/ops/reference.ts';
import { reference64 } from '../../src/ops/reference64.ts';
import type { Tensor } from '../../src/ops/tensor.ts';
import { unitTensor } from '../support/arbitraries.ts';
import { sameBitsAs, simdExecutors, type Compute } from '../support/simd-cases.ts';

const executors = simdExecutors();
const WIDTHS = [40, 64, 80, 81, 88, 99, 104, 130];
const [T, S] = [43, 50];

/** Two images, heads of d columns; `first`: tokens first, as between the layers of a transformer. */
const attention =
  (
    d: number,
    heads: number,
    masked: boolean,
    first: boolean,
    Type: typeof Float32Array | typeof Float64Array,
  ): Compute =>
  (ops) => {
    const D = heads * d;
    const of = (tokens: number, seed: number): Tensor =>
      first ? unitTensor([tokens, 2, D], seed, Type).transpose(1, 0, 2) : unitTensor([2, tokens, D], seed, Type);
    const mask = masked ? unitTensor([T, S], 4, Type) : null;
    return ops.attention(of(T, 1), of(S, 2), of(S, 3), { heads, mask });
  };

describe.each([
  ['float32', reference, Float32Array],
  ['float64', reference64, Float64Array],
] as const)('%s', (precision, plain, Type) => {
  const sameBits = sameBitsAs(plain, executors, precision);
  describe.each(WIDTHS)('heads of %i columns', (d) => {
    test.each([1, 2, 3, 7])('%i threads', async (threads) => {
      await sameBits(threads, attention(d, 2, false, false, Type));
      await sameBits(threads, attention(d, 2, true, true, Type));
    });
  });
});
