// The golden data of texts where it lies: every sentence, RN50x4 besides ViT-B/32, all 1,427 names. CLIP_ORACLE_SHARED
// names the folder.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { syntheticImage } from '../../../src/clip/weights/synthetic.ts';
import { load, tokenize } from '../../../src/index.ts';
import { flat, maxAbs, readGolden, relRms } from '../../support/golden.ts';

const shared = resolve(process.env.CLIP_ORACLE_SHARED ?? fileURLToPath(new URL('../../../../shared', import.meta.url)));
const golden = (file: string): ReturnType<typeof readGolden> =>
  readGolden(pathToFileURL(join(shared, 'golden', file)).href);

test('token ids of all sentences', () => {
  const sentences = JSON.parse(readFileSync(join(shared, 'golden', 'text', 'tokens.json'), 'utf8')) as {
    text: string;
    ids: number[];
    fits: boolean;
  }[];
  for (const { text, ids, fits } of sentences) {
    expect(flat(tokenize(text, { contextLength: ids.length }) as never), text).toEqual(ids);
    if (!fits) expect(() => tokenize(text), text).toThrow(RangeError);
  }
});

describe.each(['ViT-B/32', 'RN50x4'])('%s with synthetic:0', (name) => {
  test('text features and logits', async () => {
    const file = golden(`text/${name.replace('/', '-')}.text.safetensors`);
    const tokens = file.integers('input/tokens');
    const { model } = await load(name, { weights: 'synthetic:0' });
    const truth = file.tensor('f64/text_features');
    expect(relRms(await model.encodeText(tokens, { precision: 'float64' }), truth)).toBeLessThanOrEqual(1e-12);
    expect(relRms(await model.encodeText(tokens), truth)).toBeLessThanOrEqual(
      4 * relRms(file.tensor('f32/text_features'), truth),
    );
    const image = syntheticImage(0, 2, model.architecture.vision!.resolution);
    expect(
      maxAbs(
        (await model.forward(image, tokens, { precision: 'float64' })).logitsPerImage,
        file.tensor('f64/logits_per_image'),
      ),
    ).toBeLessThanOrEqual(1e-11);
    await model.close();
  });
});

test('mini-vit: ids, text features and logits of all names and pictures', async () => {
  const file = golden('mini/golden.safetensors');
  const labels = (
    JSON.parse(readFileSync(join(shared, 'golden', 'mini', 'labels.json'), 'utf8')) as { name: string }[]
  ).map(({ name }) => name);
  const tokens = tokenize(labels.map((name) => `a picture of ${name}`));
  expect(flat(tokens as never)).toEqual(flat(file.integers('tokens') as never));
  const { model } = await load('mini-vit');
  expect(
    relRms(await model.encodeText(tokens, { precision: 'float64' }), file.tensor('text_features')),
  ).toBeLessThanOrEqual(1e-13);
  expect(relRms(await model.encodeText(tokens), file.tensor('text_features'))).toBeLessThanOrEqual(2e-6);
  const { logitsPerImage } = await model.forward(file.tensor('pixels'), tokens, { precision: 'float64' });
  expect(maxAbs(logitsPerImage, file.tensor('logits.vit'))).toBeLessThanOrEqual(1e-11);
  await model.close();
});
