// A backend whose layers are right and whose picture was made another way than it should have been.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CLIP } from '../../src/clip/clip.ts';
import { load } from '../../src/clip/load.ts';
import { preprocessor, type RawImage } from '../../src/clip/image/preprocess.ts';
import { PIPELINES } from '../../src/clip/image/pipelines.ts';
import { memoryDump } from '../../src/oracle/memory-dump.ts';
import { otherCrops } from '../../src/oracle/other-crops.ts';
import { trace } from '../../src/oracle/trace.ts';
import { verify } from '../../src/oracle/verify.ts';
import type { Values } from '../../src/formats/values.ts';
import type { Tensor } from '../../src/ops/tensor.ts';

/**
 * Three times as wide as the square and nine lines higher: openai's crop begins two lines down after the resize,
 * huggingface's one.
 */
function pictureFor(R: number): RawImage {
  const [width, height] = [3 * R, 3 * R + 9];
  return {
    width,
    height,
    channels: 3,
    data: Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * i * 7 + i * 31) % 251),
  };
}

const models: CLIP[] = [];
beforeAll(async () => {
  for (const name of ['tiny-rn', 'tiny-vit']) models.push((await load(name, { threads: 1 })).model);
});
afterAll(() => Promise.all(models.map((model) => model.close())));

async function dumpOf(model: CLIP, image: Tensor): Promise<Record<string, Values>> {
  const tensors: Record<string, Values> = {};
  await trace(model, image, {
    onTensor: (name, values) => {
      tensors[name] = { shape: values.shape, data: values.data.slice() };
    },
  });
  return tensors;
}

// immich's is huggingface's for this picture
const names = [
  'pipeline-huggingface',
  'pipeline-huggingface-torchvision',
  'pipeline-fake-detect',
  'squashed',
  'interpolation-bilinear',
  'interpolation-nearest',
];

test('the crops differ from the right one, and from one another', async () => {
  const picture = pictureFor(32);
  const right = await preprocessor(32)(picture);
  const others = await otherCrops(picture, 32, 'openai');
  expect(others.map(({ name }) => name)).toEqual(names);
  const all = [right, ...others.map(({ image }) => image)].map(({ data }) => String(data));
  expect(new Set(all).size).toBe(names.length + 1);
});

test.for(names)('%s is named', async (name) => {
  for (const model of models) {
    const R = model.architecture.vision!.resolution;
    const picture = pictureFor(R);
    const image = await preprocessor(R)(picture);
    const other = (await otherCrops(picture, R, 'openai')).find((one) => one.name === name)!;
    const dump = memoryDump(await dumpOf(model, other.image));
    const { firstWrong, causes } = await verify(model, dump, {
      image,
      otherImages: () => otherCrops(picture, R, 'openai'),
    });
    expect(firstWrong).toBe('visual.conv1');
    expect(causes[0]?.name).toBe(name);
    expect(causes[0].confidence).toBeGreaterThan(0.9);
  }
});

test('nothing is asked for where all is right', async () => {
  const [model] = models;
  const R = model.architecture.vision!.resolution;
  const image = await preprocessor(R)(pictureFor(R), { pipeline: PIPELINES[0] });
  const { verdict } = await verify(model, memoryDump(await dumpOf(model, image)), {
    image,
    otherImages: () => {
      throw new Error('asked for');
    },
  });
  expect(verdict).toBe('pass');
});

test("a model with another mean is not told to take CLIP's, and told its own where CLIP's was taken", async () => {
  const half = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
  const { model } = await load('tiny-vit', { threads: 1 });
  models.push(model);
  const halved = Object.assign(model, { preprocessing: { ...model.preprocessing, ...half } });
  const R = model.preprocessing!.resolution;
  const picture = pictureFor(R);
  const image = await preprocessor(R, half)(picture);
  const otherImages = () => otherCrops(picture, R, 'openai', half);
  const right = await verify(halved, memoryDump(await dumpOf(model, image)), { image, otherImages });
  expect(right.verdict).toBe('pass');
  const wrong = memoryDump(await dumpOf(model, await preprocessor(R)(picture)));
  const { causes } = await verify(halved, wrong, { image, otherImages });
  expect(causes[0]).toMatchObject({
    name: 'clip-mean-std',
    explanation:
      "The image is normalised with OpenAI's mean and std; take this model's (0.5, 0.5, 0.5) and (0.5, 0.5, 0.5).",
  });
});
