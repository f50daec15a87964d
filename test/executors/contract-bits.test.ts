// The bits: float32 features against those that an independent implementation of the contract in C computed
// (fixtures/features). All must be equal. RN50 and ViT-B/32 are in test/clip/features.slow.test.ts.

import { fileURLToPath } from 'node:url';
import ndarray from 'ndarray';
import { expect, test } from 'vitest';
import { openBundled } from '../../src/clip/weights/bundled.ts';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import { preprocessor } from '../../src/clip/image/preprocess.ts';
import { ModifiedResNet, VisionTransformer, type Weights } from '../../src/layers/index.ts';
import { exp } from '../../src/ops/exp.ts';
import { reference } from '../../src/ops/reference.ts';
import { zeros, type Tensor } from '../../src/ops/tensor.ts';
import { expectSameBits } from '../support/bits.ts';
import { attentionWith, glibcExpf } from '../support/c-library.ts';
import { readGolden } from '../support/golden.ts';
import { syntheticWeights, weightsOf } from '../support/weights.ts';

const bits = readGolden('fixtures/features/contract-bits-0.safetensors');
const miniBits = readGolden('fixtures/features/contract-bits-mini.safetensors');

// In the order of the golden file's metadata.
const pictures = [
  'automobile.jpg',
  'birthday-cake.png',
  'butterfly.jpg',
  'cat-face.png',
  'dog-face.png',
  'guitar.png',
  'octopus.jpg',
  'penguin.png',
  'pizza.jpg',
  'red-heart.jpg',
  'rocket.png',
  'sailboat.jpg',
  'snowman.png',
  'strawberry.jpg',
  'sunflower.jpg',
  'two-dog-and-ball.png',
  'two-rocket-and-tractor.png',
];

async function picturePixels(): Promise<Tensor> {
  const preprocess = preprocessor(64);
  const batch = zeros([17, 3, 64, 64], new Float32Array());
  for (const [n, picture] of pictures.entries()) {
    const pixels = await preprocess(fileURLToPath(new URL(`../../fixtures/pictures/${picture}`, import.meta.url)));
    batch.data.set(pixels.data, n * 3 * 64 * 64);
  }
  return batch;
}

interface Case {
  name: string;
  weights: () => Promise<Weights>;
  image: () => Promise<Tensor>;
  expected: Tensor;
}

const cases: Case[] = [
  {
    name: 'tiny-rn',
    weights: () => syntheticWeights('tiny-rn'),
    image: async () => syntheticImage(0, 2, 64),
    expected: bits.tensor('tiny-rn'),
  },
  {
    name: 'tiny-vit',
    weights: () => syntheticWeights('tiny-vit'),
    image: async () => syntheticImage(0, 2, 32),
    expected: bits.tensor('tiny-vit'),
  },
  {
    name: 'mini-rn',
    weights: async () => weightsOf(await openBundled('mini-rn')),
    image: picturePixels,
    expected: miniBits.tensor('mini-rn'),
  },
  {
    name: 'mini-vit',
    weights: async () => weightsOf(await openBundled('mini-vit')),
    image: picturePixels,
    expected: miniBits.tensor('mini-vit'),
  },
];

const encoderOf = (name: string): typeof ModifiedResNet | typeof VisionTransformer =>
  name.endsWith('rn') ? ModifiedResNet : VisionTransformer;

test.each(cases)('$name: equal bit for bit to the C program', async ({ name, weights, image, expected }) => {
  expectSameBits(new (encoderOf(name))(await weights(), 'visual').forward(await image()), expected);
});

// The warning of docs/numerics.md, "Where a C library differs": such an `expf` is found by the test above.
test.each([
  { name: 'tiny-vit', misrounded: 1, calls: 1224 },
  { name: 'mini-vit', misrounded: 292, calls: 433_160 },
])('$name: the expf of a C library changes $misrounded of $calls exponentials, and the features', async (expected) => {
  const { name, weights, image, expected: features } = cases.find((one) => one.name === expected.name)!;
  let [calls, misrounded] = [0, 0];
  const one = ndarray(new Float32Array(1), [1]);
  const expf = (x: number): number => {
    calls++;
    one.data[0] = x;
    const value = glibcExpf(x);
    if (exp(one).data[0] !== value) misrounded++;
    return value;
  };
  const ops = { ...reference, attention: attentionWith(expf) };
  const others = new (encoderOf(name))(await weights(), 'visual', { ops }).forward(await image());
  expect({ name, misrounded, calls }).toEqual(expected);
  expect(() => expectSameBits(others, features)).toThrow();
});
