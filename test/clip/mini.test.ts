// The two bundled models that were really trained: features of the 17 pictures against PyTorch in float64, and what the
// heads answer.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { CLIPModel, load } from '../../src/index.ts';
import { sigmoid } from '../../src/ops/sigmoid.ts';
import { softmax } from '../../src/ops/softmax.ts';
import { readGolden, relRms } from '../support/golden.ts';

const file = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const golden = readGolden('fixtures/features/mini.safetensors');
const pictures = JSON.parse(golden.metadata.pictures) as string[];
const labels = (JSON.parse(readFileSync(file('fixtures/bundled/labels.json'), 'utf8')) as { name: string }[]).map(
  (label) => label.name,
);
const { answers } = JSON.parse(readFileSync(file('fixtures/features/mini-heads.json'), 'utf8')) as {
  answers: Record<string, { top: [string, number][]; face: number }>;
};

describe.each([
  ['mini-vit', 'vit'],
  ['mini-rn', 'rn'],
])('%s', (name, key) => {
  test.each(['float32', 'float64'] as const)("features of the pictures in %s are PyTorch's", async (precision) => {
    const { model, preprocess } = await load(name, { precision, threads: 1 });
    for (const [n, picture] of pictures.entries()) {
      const feature = await model.encodeImage(await preprocess(file(`fixtures/pictures/${picture}`)));
      const truth = golden.tensor(`image_features.${key}`).lo(n).hi(1);
      expect(relRms(feature, truth), picture).toBeLessThanOrEqual(precision === 'float64' ? 1e-13 : 2e-6);
    }
    await model.close();
  });
});

test('the emoji head names all 15 pictures of one emoji, with the golden probabilities', async () => {
  const model = await CLIPModel.load('mini-vit', {
    numClasses: 1427,
    head: file('fixtures/bundled/emoji-head.pth'),
    threads: 1,
  });
  let right = 0;
  for (const picture of pictures) {
    const probabilities = softmax(
      await model.forward(await model.preprocess(file(`fixtures/pictures/${picture}`))),
    ).data;
    const ranked = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
    answers[picture].top.forEach(([label, probability], rank) => {
      expect(labels[ranked[rank]], picture).toBe(label);
      // printed with three digits
      expect(Math.abs(probabilities[ranked[rank]] - probability), picture).toBeLessThanOrEqual(0.0005 + 1e-6);
    });
    const expected = picture.replace(/\.(png|jpg)$/, '').replaceAll('-', ' ');
    if (
      !picture.startsWith('two-') &&
      (labels[ranked[0]] === expected || (expected === 'snowman' && labels[ranked[0]] === 'snowman without snow'))
    )
      right++;
  }
  expect(right).toBe(15);
  await model.close();
});

test('the face head says the golden probabilities', async () => {
  const model = await CLIPModel.load('mini-vit', { head: file('fixtures/bundled/face-head.pth'), threads: 1 });
  for (const picture of pictures) {
    const logits = await model.forward(await model.preprocess(file(`fixtures/pictures/${picture}`)));
    expect(logits.shape).toEqual([1, 1]);
    expect(Math.abs(sigmoid(logits).data[0] - answers[picture].face), picture).toBeLessThanOrEqual(0.0005 + 1e-6);
  }
  await model.close();
});

test('returnFeature gives the feature that the head is applied to', async () => {
  const model = await CLIPModel.load('mini-vit', { head: file('fixtures/bundled/face-head.pth'), threads: 1 });
  const x = await model.preprocess(file('fixtures/pictures/pizza.jpg'));
  const feature = await model.forward(x, { returnFeature: true });
  const logit = (await model.forward(x)).data[0];
  const { weight, bias } = model.fc;
  const truth = Array.from(feature.data).reduce((sum, value, i) => sum + value * weight.data[i], bias.data[0]);
  expect(Math.abs(logit - truth)).toBeLessThanOrEqual(1e-5);
  await model.close();
});

test('without a file the head is synthetic, of the asked size, and the same every time', async () => {
  const [first, second] = [
    await CLIPModel.load('tiny-vit', { numClasses: 3, threads: 1 }),
    await CLIPModel.load('tiny-vit', { numClasses: 3, threads: 1 }),
  ];
  expect(first.fc.weight.shape).toEqual([3, 32]);
  expect(first.fc.weight.data).toEqual(second.fc.weight.data);
  await first.close();
  await second.close();
});

describe('misuse is named', () => {
  const head = file('fixtures/bundled/face-head.pth');
  test.each([
    ['a head of another width', () => CLIPModel.load('tiny-vit', { head }), RangeError, /fits mini-vit, mini-rn/],
    [
      'numClasses against the file',
      () => CLIPModel.load('mini-vit', { head, numClasses: 2 }),
      RangeError,
      /"numClasses" expected 1/,
    ],
    ['numClasses 0', () => CLIPModel.load('mini-vit', { numClasses: 0 }), RangeError, /positive integer/],
    ['an unknown model', () => load('ViT-B-32'), RangeError, /unknown model ViT-B-32; expected one of RN50/],
    ['a missing file', () => load('./no-such-file.safetensors'), Error, /no-such-file/],
    ['threads 0', () => load('tiny-vit', { threads: 0 }), RangeError, /"threads" expected a positive integer/],
    [
      'an unknown precision',
      () => load('tiny-vit', { precision: 'float16' as 'float32' }),
      RangeError,
      /"precision" expected one of float32, float64/,
    ],
    [
      'weights of another model',
      () => load('tiny-rn', { weights: file('fixtures/bundled/mini-rn.visual.safetensors.gz') }),
      Error,
      /expected weights of tiny-rn, got those of mini-rn/,
    ],
    [
      'weights that are not cached',
      () => load('RN50x64', { weights: undefined }),
      Error,
      /clip-oracle download RN50x64/,
    ],
  ] as const)('%s', async (_, call, kind, message) => {
    const error = await call().then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toMatch(message);
  });

  test('tensors of another shape or kind', async () => {
    const { model, preprocess } = await load('tiny-vit', { threads: 1 });
    const x = await preprocess({ data: new Uint8Array(3 * 40 * 40), width: 40, height: 40, channels: 3 });
    await expect(model.encodeImage(x.hi(1, 3, 31, 32))).rejects.toThrow(/expected shape \(N, 3, 32, 32\)/);
    await expect(model.encodeImage([1, 2, 3] as never)).rejects.toThrow(TypeError);
    await expect(model.encodeText({ ...x, shape: [1, 2] } as never)).rejects.toThrow(/"tokens"/);
    await model.close();
    await expect(model.encodeImage(x)).rejects.toThrow(/closed/);
  });
});
