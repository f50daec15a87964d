// The bits: float32 features equal to those of an independent implementation of the contract in C (fixtures/features).
// RN50 and ViT-B/32 are in test/slow/features.test.ts.

import { test } from 'vitest';
import { load } from '../../src/clip/load.ts';
import { preprocessor } from '../../src/clip/image/preprocess.ts';
import { readGolden } from '../support/golden.ts';
import { expectSameBits } from '../support/bits.ts';
import { fileURLToPath } from 'node:url';
import ndarray from 'ndarray';

const bits = readGolden('fixtures/features/contract-bits-0.safetensors');
const miniBits = readGolden('fixtures/features/contract-bits-mini.safetensors');

test.each(['tiny-rn', 'tiny-vit'])('%s: features of the synthetic images equal the contract, bit for bit', async (name) => {
  const { model } = await load(name, { weights: 'synthetic:0', threads: 1 });
  const image = readGolden(`fixtures/tiny/${name}.trace.safetensors`).tensor('input/image');
  expectSameBits(await model.encodeImage(image), bits.tensor(name));
  await model.close();
});

// In the order of the golden file's metadata.
const pictures = ['automobile.jpg', 'birthday-cake.png', 'butterfly.jpg', 'cat-face.png', 'dog-face.png', 'guitar.png', 'octopus.jpg', 'penguin.png',
  'pizza.jpg', 'red-heart.jpg', 'rocket.png', 'sailboat.jpg', 'snowman.png', 'strawberry.jpg', 'sunflower.jpg', 'two-dog-and-ball.png', 'two-rocket-and-tractor.png'];

test.each(['mini-vit', 'mini-rn'])('%s: features of the 17 pictures, from their files, equal the contract, bit for bit', async (name) => {
  const { model } = await load(name, { threads: 1 });
  const preprocess = preprocessor(64);
  const pixels = await Promise.all(pictures.map((picture) => preprocess(fileURLToPath(new URL(`../../fixtures/pictures/${picture}`, import.meta.url)))));
  const batch = new Float32Array(17 * 3 * 64 * 64);
  pixels.forEach((tensor, n) => batch.set(tensor.data as Float32Array, n * 3 * 64 * 64));
  expectSameBits(await model.encodeImage(ndarray(batch, [17, 3, 64, 64])), miniBits.tensor(name));
  await model.close();
});
