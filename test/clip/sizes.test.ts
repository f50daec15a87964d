// Input sizes other than the trained one, against PyTorch's F.interpolate. fixtures/adapters/README.md says where the
// numbers come from.

import ndarray from 'ndarray';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cubicTaps, resizeGrid } from '../../src/clip/weights/bicubic.ts';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import { load } from '../../src/clip/load.ts';
import { expectSameBits } from '../support/bits.ts';
import { maxAbs, readGolden, relRms } from '../support/golden.ts';

const golden = readGolden('fixtures/adapters/sizes.safetensors');
const grids = golden.names.flatMap(
  (name) => (/^grid\/(\d+)\/(\d+)$/.exec(name)?.slice(1).map(Number) as [number, number]) ?? [],
);
const pairs = Array.from(
  { length: grids.length / 2 },
  (_, i) => [grids[2 * i], grids[2 * i + 1]] as unknown as [number, number],
);

describe('a grid', () => {
  test.each(pairs)("%i to %i positions a side is PyTorch's in float64, rounded", (from, to) => {
    const input = golden.tensor(`grid/${from}/${to}/input`);
    const expected = golden.tensor(`grid/${from}/${to}`);
    const resized = resizeGrid(input.data as Float32Array, from, to);
    const rounded = Float32Array.from(expected.data);
    // Both sum in float64, in orders of their own: roundings may part by a unit where the truth lies between two.
    expect(maxAbs(ndarray(resized, [resized.length]), ndarray(rounded, [rounded.length]))).toBeLessThanOrEqual(1.2e-7);
    expect(relRms(ndarray(resized, [to * to, 3]), expected)).toBeLessThan(6e-8);
    // PyTorch's float32 keeps the centres, up to 24, in float32 (units of 1.9e-6), and the kernel's slope is at most 1.
    expect(maxAbs(ndarray(resized, [to * to, 3]), golden.tensor(`grid/${from}/${to}/f32`))).toBeLessThan(4e-6);
  });

  test('the golden grids are many, up and down', () => {
    expect(pairs.length).toBeGreaterThanOrEqual(9);
    expect(pairs.some(([from, to]) => from > to) && pairs.some(([from, to]) => from < to)).toBe(true);
  });

  test('weights add up to one, lie within the line, and mirror themselves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), (from, to) => {
        const taps = cubicTaps(from, to);
        expect(taps.length).toBe(to);
        taps.forEach(({ begin, weights }, i) => {
          expect(Math.abs(weights.reduce((sum, weight) => sum + weight, 0) - 1)).toBeLessThan(1e-14);
          expect(begin >= 0 && begin + weights.length <= from && weights.length > 0).toBe(true);
          const dense = (tap: { begin: number; weights: number[] }): number[] =>
            Array.from({ length: from }, (_, k) => tap.weights[k - tap.begin] ?? 0);
          const mirrored = dense(taps[to - 1 - i]).reverse();
          // one call of expect a row: they take longer than the arithmetic
          expect(Math.max(...dense(taps[i]).map((weight, k) => Math.abs(weight - mirrored[k])))).toBeLessThan(1e-12);
        });
      }),
      { numRuns: 50 },
    );
  });

  test('the same size is the same grid, and a constant stays constant', () => {
    const x = Float32Array.from({ length: 5 * 5 * 2 }, (_, i) => Math.fround(Math.sin(i)));
    expect(resizeGrid(x, 5, 5)).toEqual(x);
    for (const value of resizeGrid(new Float32Array(9).fill(0.375), 3, 8)) expect(value).toBeCloseTo(0.375, 7);
  });
});

describe('a model', () => {
  test.each([
    ['tiny-vit', 16],
    ['tiny-vit', 48],
    ['tiny-vit', 64],
    ['tiny-rn', 32],
    ['tiny-rn', 96],
  ])("%s at %i gives PyTorch's features", async (name, resolution) => {
    const expected = golden.tensor(`${name}/${resolution}`);
    const image = syntheticImage(0, 1, resolution);
    const { model, preprocess } = await load(name, { resolution });
    expect(model.architecture.vision!.resolution).toBe(resolution);
    const features = await model.encodeImage(image);
    expect(relRms(features, expected)).toBeLessThan(1e-6);
    expect(relRms(await model.encodeImage(image, { precision: 'float64' }), expected)).toBeLessThan(2e-7);
    const pixels = await preprocess({ data: new Uint8Array(300), width: 10, height: 10, channels: 3 });
    expect(pixels.shape).toEqual([1, 3, resolution, resolution]);
    await model.close();
    const { model: plain } = await load(name, { resolution, executor: 'reference' });
    expectSameBits(features, await plain.encodeImage(image), 'plain');
    await plain.close();
  });

  test('the trained resolution changes nothing', async () => {
    const image = syntheticImage(0, 1, 32);
    const { model } = await load('tiny-vit', { resolution: 32 });
    const { model: plain } = await load('tiny-vit');
    expectSameBits(await model.encodeImage(image), await plain.encodeImage(image), 'features');
    await Promise.all([model.close(), plain.close()]);
  });

  test('without the option another size is refused, and with it the trained one', async () => {
    const { model } = await load('tiny-vit');
    await expect(model.encodeImage(syntheticImage(0, 1, 48))).rejects.toThrow(/expected shape \(N, 3, 32, 32\)/);
    await model.close();
    const { model: other } = await load('tiny-vit', { resolution: 48 });
    await expect(other.encodeImage(syntheticImage(0, 1, 32))).rejects.toThrow(/expected shape \(N, 3, 48, 48\)/);
    await other.close();
  });

  test.each([
    [
      'tiny-vit',
      33,
      /"resolution" expected a multiple of 8 \(the side of a patch\), got 33; take 32, or leave it out for 32/,
    ],
    ['tiny-vit', 0, /got 0; take 8/],
    ['tiny-vit', -8, /got -8/],
    ['tiny-vit', 12.5, /got 12.5/],
    ['tiny-vit', NaN, /got NaN/],
    ['tiny-vit', '48', /got 48/],
    ['tiny-rn', 80, /"resolution" expected a multiple of 32 \(what a ResNet divides the side by\), got 80; take 96/],
  ])('%s at %s is refused', async (name, resolution, message) => {
    await expect(load(name, { resolution: resolution as number })).rejects.toThrow(message);
  });
});
