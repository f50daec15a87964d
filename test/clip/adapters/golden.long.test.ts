// Adapters against PyTorch, in every layout, merged and unmerged, plain and SIMD. fixtures/adapters/README.md says
// where the numbers come from.

import ndarray from 'ndarray';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { syntheticImage } from '../../../src/clip/weights/synthetic.ts';
import type { AdapterSource } from '../../../src/clip/adapters/open.ts';
import type { CLIP } from '../../../src/clip/clip.ts';
import { load } from '../../../src/clip/load.ts';
import type { Tensor } from '../../../src/ops/tensor.ts';
import { expectSameBits } from '../../support/bits.ts';
import { readGolden, relRms } from '../../support/golden.ts';
import { fixture } from './support.ts';

const golden = readGolden('fixtures/adapters/golden.safetensors');
const tokens = golden.integers('tokens');
const image = syntheticImage(0, 2, 32);

const NAMES = ['peft', 'peft-rslora', 'peft-openai', 'clip-lora.pt', 'clip-lora-vision.pt', 'loralib.pt'];
const sourceOf = (name: string): AdapterSource =>
  name !== 'loralib.pt' ? fixture(name) : { path: fixture(name), alpha: 16, enableLora: [true, false, true] };
const SOURCES = NAMES.map(sourceOf);
const shortName = (name: string): string => name.replace('.pt', '');

test("the judge's base is OpenAI's own PyTorch code", () => {
  const trace = readGolden('fixtures/tiny/tiny-vit.trace.safetensors');
  expect(relRms(golden.tensor('base/image'), trace.tensor('f64/visual'))).toBeLessThan(1e-14);
});

test('the adapters change the features: a model that ignored them would not pass', () => {
  for (const name of NAMES)
    expect(relRms(golden.tensor(`${name}/image`), golden.tensor('base/image')), name).toBeGreaterThan(0.05);
});

/** The truth of merged weights is that of their float32 roundings. */
const BOUNDS = { float32: { merged: 1e-6, unmerged: 1e-6 }, float64: { merged: 2e-7, unmerged: 1e-13 } };

describe.each([
  ['reference', 'float32', 'merged'],
  ['reference', 'float32', 'unmerged'],
  ['simd', 'float32', 'merged'],
  ['simd', 'float32', 'unmerged'],
  ['reference', 'float64', 'unmerged'],
  ['simd', 'float64', 'merged'],
  ['simd', 'float64', 'unmerged'],
] as const)('%s, %s, %s', (executor, precision, adapterMode) => {
  let model: CLIP;
  beforeAll(async () => {
    ({ model } = await load('tiny-vit', {
      executor,
      precision,
      adapter: SOURCES,
      adapterMode,
      threads: executor === 'simd' ? 2 : 1,
    }));
  });
  afterAll(() => model.close());

  test('the first adapter is in force after loading', async () => {
    expect(model.adapters).toEqual(NAMES.map(shortName));
    expect(model.adapter).toBe('peft');
    expect(relRms(await model.encodeImage(image), golden.tensor('peft/image'))).toBeLessThan(
      BOUNDS[precision][adapterMode],
    );
  });

  test.each([...NAMES].reverse())("%s: the features are PyTorch's, whatever was in force before", async (name) => {
    await model.setAdapter(shortName(name));
    expect(model.adapter).toBe(shortName(name));
    expect(relRms(await model.encodeImage(image), golden.tensor(`${name}/image`)), 'image').toBeLessThan(
      BOUNDS[precision][adapterMode],
    );
    expect(relRms(await model.encodeText(tokens), golden.tensor(`${name}/text`)), 'text').toBeLessThan(
      BOUNDS[precision][adapterMode],
    );
  });

  test('null gives the bits of the model without adapters', async () => {
    await model.setAdapter(null);
    const { model: plain } = await load('tiny-vit', { executor: 'reference', precision });
    expectSameBits(await model.encodeImage(image), await plain.encodeImage(image), 'image');
    expectSameBits(await model.encodeText(tokens), await plain.encodeText(tokens), 'text');
    await plain.close();
  });
});

test.each(['merged', 'unmerged'] as const)(
  '%s: SIMD on any number of threads gives the bits of the plain loops',
  async (adapterMode) => {
    const options = { adapter: SOURCES, adapterMode };
    const { model: plain } = await load('tiny-vit', { executor: 'reference', ...options });
    for (const threads of [1, 3]) {
      const { model } = await load('tiny-vit', { executor: 'simd', threads, ...options });
      for (const name of plain.adapters) {
        await Promise.all([plain.setAdapter(name), model.setAdapter(name)]);
        expectSameBits(await model.encodeImage(image), await plain.encodeImage(image), `${name} image`);
        expectSameBits(await model.encodeText(tokens), await plain.encodeText(tokens), `${name} text`);
      }
      await model.close();
    }
  },
);

test('merged and unmerged agree within float32', async () => {
  const { model: merged } = await load('tiny-vit', { adapter: SOURCES });
  const { model: unmerged } = await load('tiny-vit', { adapter: SOURCES, adapterMode: 'unmerged' });
  for (const name of merged.adapters) {
    await Promise.all([merged.setAdapter(name), unmerged.setAdapter(name)]);
    const [a, b] = [await merged.encodeImage(image), await unmerged.encodeImage(image)];
    expect(relRms(a, b), name).toBeLessThan(1e-6);
    expect(relRms(a, b), `${name}: two ways of computing`).toBeGreaterThan(0);
  }
  await Promise.all([merged.close(), unmerged.close()]);
});

test.each(['merged', 'unmerged'] as const)('%s: an adapter of the attention pool of a ResNet', async (adapterMode) => {
  const { model } = await load('tiny-rn', { adapter: fixture('peft-pool'), adapterMode });
  const features = await model.encodeImage(syntheticImage(0, 2, 64));
  expect(relRms(features, golden.tensor('peft-pool/image'))).toBeLessThan(1e-6);
  await model.setAdapter(null);
  expect(relRms(await model.encodeImage(syntheticImage(0, 2, 64)), golden.tensor('peft-pool/image'))).toBeGreaterThan(
    0.01,
  );
  await model.close();
});

test.each(['merged', 'unmerged'] as const)(
  '%s: out_proj of nn.MultiheadAttention twice, as PEFT had it',
  async (adapterMode) => {
    const { model } = await load('tiny-vit', {
      adapter: { path: fixture('peft-openai'), peftAsIs: true },
      adapterMode,
    });
    expect(relRms(await model.encodeImage(image), golden.tensor('peft-openai as is/image'))).toBeLessThan(1e-6);
    expect(relRms(golden.tensor('peft-openai/image'), golden.tensor('peft-openai as is/image'))).toBeGreaterThan(0.1);
    await model.close();
  },
);

test('traced modules have an unmerged adapter in them', async () => {
  const { model } = await load('tiny-vit', { adapter: fixture('peft'), adapterMode: 'unmerged' });
  const seen = new Map<string, Tensor>();
  const tap = (name: string, x: Tensor): void => {
    seen.set(name, ndarray(x.data.slice(), [...x.shape]));
  };
  const features = await model.encodeImage(image, { tap });
  expectSameBits(features, await model.encodeImage(image), 'with and without a tap');
  const changed = seen.get('visual.transformer.resblocks.0.mlp.c_fc')!;
  await model.setAdapter(null);
  await model.encodeImage(image, { tap });
  expect(relRms(seen.get('visual.transformer.resblocks.0.mlp.c_fc')!, changed)).toBeGreaterThan(0.01);
  await model.close();
});
