// What a tap hands back, on both executors: the same tensors are taken, the same are refused, with the same sentence.

import ndarray from 'ndarray';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import type { CLIP, EncodeOptions } from '../../src/clip/clip.ts';
import { load } from '../../src/clip/load.ts';
import type { Tensor } from '../../src/ops/tensor.ts';
import { expectSameBits } from '../support/bits.ts';

const MODULE = 'visual.layer1.0.conv1';
const image = syntheticImage(0, 1, 64);
let models: CLIP[] = [];
beforeAll(async () => {
  models = await Promise.all(
    (['reference', 'simd'] as const).map(
      async (executor) => (await load('tiny-rn', { weights: 'synthetic:0', executor, threads: 1 })).model,
    ),
  );
});
afterAll(() => Promise.all(models.map((model) => model.close())));

/** The network with something else after MODULE. */
const going = (model: CLIP, instead: (output: Tensor) => unknown, options: EncodeOptions = {}): Promise<Tensor> =>
  model.encodeImage(image, {
    ...options,
    tap: (name, output) => (name === MODULE ? (instead(output) as Tensor) : undefined),
  });
const filled = (shape: readonly number[], array: Float32Array | Float64Array): Tensor =>
  ndarray(array.fill(0.25), [...shape]) as Tensor;

describe('a tensor that does not fit is refused by both executors, in the same words', () => {
  test.each<[string, (output: Tensor) => unknown, string, RegExp]>([
    [
      'another shape',
      ({ shape: [n, c, h, w] }) => filled([n, c, w * h], new Float32Array(n * c * h * w)),
      'RangeError',
      /^tap: expected a tensor of shape \(1, \d+, \d+, \d+\) for the output of visual\.layer1\.0\.conv1, got \(1, \d+, \d+\); return the output's shape$/,
    ],
    [
      'fewer elements',
      ({ shape: [n, c, h] }) => filled([n, c, h, 1], new Float32Array(n * c * h)),
      'RangeError',
      /got \(1, \d+, \d+, 1\)/,
    ],
    [
      'float64 elements in a float32 run',
      ({ shape, size }) => filled(shape, new Float64Array(size)),
      'TypeError',
      /^tap: expected float32 elements for the output of visual\.layer1\.0\.conv1, got float64; round them yourself, or compute with precision float64$/,
    ],
    [
      'a promise',
      async () => undefined,
      'TypeError',
      /expected a tensor that replaces the output of visual\.layer1\.0\.conv1, or nothing, got a promise; taps .* cannot wait/,
    ],
    ['a number', () => 1, 'TypeError', /or nothing, got number/],
    ['bare numbers', ({ size }) => new Float32Array(size), 'TypeError', /or nothing, got object/],
  ])('%s', async (_what, instead, kind, message) => {
    const errors = await Promise.all(
      models.map((model) =>
        going(model, instead).then(
          () => null,
          (error: Error) => error,
        ),
      ),
    );
    for (const error of errors) expect([error?.name, error?.message]).toEqual([kind, expect.stringMatching(message)]);
    expect(errors[0]!.message).toBe(errors[1]!.message);
  });
});

describe('a tensor that fits is gone on with, in the same bits', () => {
  test.each<[string, (output: Tensor) => unknown, EncodeOptions]>([
    ['the same shape', ({ shape, size }) => filled(shape, new Float32Array(size)), {}],
    [
      'a strided view',
      ({ shape: [n, c, h, w], size }) => filled([n, h, w, c], new Float32Array(size)).transpose(0, 3, 1, 2),
      {},
    ],
    ['float64 in a float64 run', ({ shape, size }) => filled(shape, new Float64Array(size)), { precision: 'float64' }],
    [
      'float32 in a float64 run, which is widened',
      ({ shape, size }) => filled(shape, new Float32Array(size)),
      { precision: 'float64' },
    ],
    ['null, which is nothing', () => null, {}],
  ])('%s', async (_what, instead, options) => {
    const [plain, simd] = await Promise.all(models.map((model) => going(model, instead, options)));
    expectSameBits(simd, plain);
    const untouched = await models[0].encodeImage(image, options);
    expect(plain.data.some((x, i) => x !== untouched.data[i])).toBe(instead(plain) !== null);
    expect(plain.data).toBeInstanceOf(options.precision === 'float64' ? Float64Array : Float32Array);
  });

  test('float32 and float64 numbers that are equal give the same truth', async () => {
    const [narrow, wide] = await Promise.all(
      [Float32Array, Float64Array].map((Type) =>
        going(models[0], ({ shape, size }) => filled(shape, new Type(size)), { precision: 'float64' }),
      ),
    );
    expectSameBits(narrow, wide);
  });
});
