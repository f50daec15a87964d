// The bits: float32 features against those that an independent implementation of the contract in C computed
// (fixtures/features).
// RN50 and ViT-B/32 are in test/clip/features.slow.test.ts.
//
// The C program's softmax calls the C library's expf, which is not correctly rounded; the contract asks for an
// exponential that is (test/support/c-library.ts). So each set is compared twice: with a model of that library's expf
// in our softmax every bit must be equal; with the contract's own exponential, the sets must be equal wherever no
// exponential of the library was wrong.

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
  /** Calls of the library's expf that are not correctly rounded, and all of them. */
  misrounded: [number, number];
}

const cases: Case[] = [
  {
    name: 'tiny-rn',
    weights: () => syntheticWeights('tiny-rn'),
    image: async () => syntheticImage(0, 2, 64),
    expected: bits.tensor('tiny-rn'),
    misrounded: [0, 40],
  },
  {
    name: 'tiny-vit',
    weights: () => syntheticWeights('tiny-vit'),
    image: async () => syntheticImage(0, 2, 32),
    expected: bits.tensor('tiny-vit'),
    misrounded: [1, 1224],
  },
  {
    name: 'mini-rn',
    weights: async () => weightsOf(await openBundled('mini-rn')),
    image: picturePixels,
    expected: miniBits.tensor('mini-rn'),
    misrounded: [0, 680],
  },
  {
    name: 'mini-vit',
    weights: async () => weightsOf(await openBundled('mini-vit')),
    image: picturePixels,
    expected: miniBits.tensor('mini-vit'),
    misrounded: [292, 433160],
  },
];

test.each(cases)(
  '$name: equal bit for bit to the C program, given its expf',
  async ({ name, weights, image, expected, misrounded }) => {
    let calls = 0;
    let wrong = 0;
    const one = ndarray(new Float32Array(1), [1]);
    const expf = (x: number): number => {
      calls++;
      one.data[0] = x;
      const value = glibcExpf(x);
      if (exp(one).data[0] !== value) wrong++;
      return value;
    };
    const ops = { ...reference, attention: attentionWith(expf) };
    const parameters = await weights();
    const pixels = await image();
    const Encoder = name.endsWith('rn') ? ModifiedResNet : VisionTransformer;
    expectSameBits(new Encoder(parameters, 'visual', { ops }).forward(pixels), expected);
    expect([wrong, calls]).toEqual(misrounded);

    // With the contract's exponential: the same bits if no call was misrounded, and not the same if one was.
    const ours = new Encoder(parameters, 'visual').forward(pixels);
    if (wrong === 0) expectSameBits(ours, expected);
    else expect(() => expectSameBits(ours, expected)).toThrow();
  },
);
