// Class features over templates. Truth: open_clip's text tower and the lines of OpenAI's notebook, in PyTorch's float64
// (fixtures/text/templates.json).

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { classFeatures, load, tokenize, type CLIP } from '../../src/index.ts';
import { reference } from '../../src/ops/reference.ts';
import { expectSameBits } from '../support/bits.ts';

const truth = JSON.parse(readFileSync(new URL('../../fixtures/text/templates.json', import.meta.url), 'utf8')) as {
  names: string[];
  templates: string[];
  features: number[][];
};
let model: CLIP;
beforeAll(async () => {
  ({ model } = await load('mini-vit', { threads: 1 }));
});
afterAll(() => model.close());

const far = (features: { get(...at: number[]): number }): number =>
  Math.max(...truth.features.flatMap((row, n) => row.map((value, i) => Math.abs(features.get(n, i) - value))));

test("three templates: the notebook's class features", async () => {
  const features = await classFeatures(model, truth.names, { templates: truth.templates });
  expect(features.shape).toEqual([3, 128]);
  expect(far(features)).toBeLessThan(1e-6);
  // Not what another order of averaging and normalising gives, nor one template alone.
  const raw = await model.encodeText(tokenize(truth.templates.map((text) => text.replaceAll('{}', truth.names[0]))));
  const mean = Array.from({ length: 128 }, (_, i) => (raw.get(0, i) + raw.get(1, i) + raw.get(2, i)) / 3);
  const length = Math.hypot(...mean);
  expect(Math.max(...mean.map((x, i) => Math.abs(x / length - truth.features[0][i])))).toBeGreaterThan(1e-4);
  expect(far(await classFeatures(model, truth.names, { templates: truth.templates.slice(0, 1) }))).toBeGreaterThan(
    1e-2,
  );
});

test('in float64', async () => {
  const { model: wide } = await load('mini-vit', { threads: 1, precision: 'float64' });
  const features = await classFeatures(wide, truth.names, { templates: truth.templates });
  expect(features.data).toBeInstanceOf(Float64Array);
  expect(far(features)).toBeLessThan(1e-13);
  await wide.close();
});

test('one template: the unit feature of the text, bit for bit', async () => {
  const features = await classFeatures(model, ['pizza'], { templates: ['a picture of {}'] });
  expectSameBits(features, reference.l2Normalize(await model.encodeText(tokenize('a picture of pizza'))));
  expectSameBits(await classFeatures(model, ['a picture of pizza']), features);
});

test('a name that looks like a replacement pattern stands as it is', async () => {
  const features = await classFeatures(model, ['$& $1'], { templates: ['a {}'] });
  expectSameBits(features, reference.l2Normalize(await model.encodeText(tokenize('a $& $1'))));
});

describe('refused', () => {
  test.each<[string, string[], RegExp]>([
    ['no template', [], /^"template" expected at least one text with \{\}, got none; leave it out/],
    ['one without a place', ['a {}', 'a picture'], /^"template" expected a text with \{\} where .* got "a picture"$/],
  ])('%s', async (_name, templates, message) => {
    await expect(classFeatures(model, ['x'], { templates })).rejects.toThrow(message);
  });

  test('a text that is too long, unless it may be cut', async () => {
    const name = 'octopus '.repeat(80);
    await expect(classFeatures(model, [name])).rejects.toThrow(/at most 77 tokens/);
    expect((await classFeatures(model, [name], { truncate: true })).shape).toEqual([1, 128]);
  });
});
