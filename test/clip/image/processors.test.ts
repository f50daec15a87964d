// What transformers', open_clip's and immich's preprocessing make of the same pictures under the same configurations:
// every float32 value. The judges are the programs themselves (fixtures/images/processors.py).

import { describe, expect, test } from 'vitest';
import { toRGB, type DecodedImage, type ImageMode } from '../../../src/clip/image/image.ts';
import { normalize } from '../../../src/clip/image/normalize.ts';
import { cropPixels, type Pipeline } from '../../../src/clip/image/pipelines.ts';
import { preprocessor } from '../../../src/clip/image/preprocess.ts';
import { resize } from '../../../src/clip/image/resample.ts';
import type { PixelRules } from '../../../src/clip/image/preprocessing.ts';
import { bytesOf, IMAGES, randomPicture, readJson, sha256 } from './support.ts';

type Config = Record<string, unknown>;
type Case = [
  judge: 'torchvision' | 'pil' | 'open_clip' | 'immich',
  config: number,
  mode: ImageMode,
  width: number,
  height: number,
  seed: number,
  hash: string,
];
const golden = readJson<{ configs: Config[]; cases: Case[] }>(`${IMAGES}processors.json`);
const PIPELINE = {
  torchvision: 'huggingface-torchvision',
  pil: 'huggingface',
  open_clip: 'openai',
  immich: 'immich',
} as const;

/** The configuration in our words, written out here: how files are read is tested where they are read. */
function rulesOf(config: Config): [resolution: number, rules: PixelRules] {
  const size = config.size as { shortest_edge?: number; height?: number } | number;
  if (typeof size === 'number') {
    const { interpolation, resize_mode, mean, std, fill_color } = config;
    return [size, { interpolation, resize: resize_mode, mean, std, fill: fill_color } as PixelRules];
  }
  const { resample, image_mean: mean, image_std: std, crop_size } = config;
  return [
    (crop_size as { height: number }).height,
    {
      interpolation: ({ 0: 'nearest', 2: 'bilinear', 3: 'bicubic' } as const)[resample as 0 | 2 | 3],
      resize: size.height === undefined ? 'shortest' : 'squash',
      scaledTo: size.shortest_edge,
      ...(mean !== undefined && ({ mean, std } as PixelRules)),
    },
  ];
}

function pixelsOf(image: DecodedImage, R: number, pipeline: Pipeline, rules: PixelRules): Float32Array {
  return normalize(cropPixels(image, R, pipeline, rules), R, { ...rules, pipeline }).data;
}

const groups = new Map<string, Case[]>();
for (const one of golden.cases) {
  const name = `${one[0]} ${JSON.stringify(golden.configs[one[1]])}`;
  groups.set(name, [...(groups.get(name) ?? []), one]);
}

test.each([...groups])('%s', (_, cases) => {
  const wrong = cases.filter(([judge, config, mode, width, height, seed, hash]) => {
    const [R, rules] = rulesOf(golden.configs[config]);
    const found = pixelsOf(randomPicture(mode, width, height, seed), R, PIPELINE[judge], rules);
    return sha256(found).slice(0, 16) !== hash;
  });
  expect(wrong).toEqual([]);
});

test('the cases are many, and of all kinds', () => {
  const count = (judge: string): number => golden.cases.filter(([by]) => by === judge).length;
  expect([count('torchvision'), count('pil'), count('open_clip'), count('immich')]).toEqual([164, 164, 260, 28]);
});

describe('the cases catch', () => {
  const differing = (
    judge: Case[0],
    pipeline: Pipeline,
    change: (rules: PixelRules) => PixelRules = (r) => r,
  ): number =>
    golden.cases.filter(([by, config, mode, width, height, seed, hash]) => {
      if (by !== judge || width * height > 8_000) return false;
      const [R, rules] = rulesOf(golden.configs[config]);
      const found = pixelsOf(randomPicture(mode, width, height, seed), R, pipeline, change(rules));
      return sha256(found).slice(0, 16) !== hash;
    }).length;

  test("Pillow's weights and roundings for torchvision's, and the reverse", () => {
    expect(differing('torchvision', 'huggingface')).toBeGreaterThan(60);
    expect(differing('pil', 'huggingface-torchvision')).toBeGreaterThan(60);
  });
  test("OpenAI's crop for transformers'", () => {
    expect(differing('pil', 'openai')).toBeGreaterThan(5);
  });
  test("transformers' long side and roundings for immich's", () => {
    expect(differing('immich', 'huggingface')).toBeGreaterThan(5);
  });
  test('a rule that is left out', () => {
    for (const left of ['interpolation', 'resize', 'mean', 'std', 'fill'] as const)
      expect(differing('open_clip', 'openai', (rules) => ({ ...rules, [left]: undefined }))).toBeGreaterThan(1);
    expect(differing('pil', 'huggingface', (rules) => ({ ...rules, scaledTo: undefined }))).toBeGreaterThan(5);
  });
});

describe('small.png of fixtures/cases', () => {
  const cases = `${IMAGES}../cases/`;
  test.each([
    ['huggingface-torchvision', 'torchvision'],
    ['huggingface', 'pillow'],
  ] as const)('%s is %s', async (pipeline, name) => {
    const x = await preprocessor(32)(`${cases}small.png`, { pipeline });
    const bytes = bytesOf(`${cases}small.${name}.npy`);
    expect(Buffer.from(x.data.buffer).equals(Buffer.from(bytes.subarray(bytes.length - 4 * 3 * 32 * 32)))).toBe(true);
  });
});

test("torchvision's resize of a window is that part of the whole", () => {
  const image = toRGB(randomPicture('RGB', 83, 61, 5));
  for (const interpolation of ['bicubic', 'bilinear', 'nearest'] as const) {
    const how = { interpolation, arithmetic: 'torch' } as const;
    const whole = resize(image, 47, 90, undefined, how);
    const part = resize(image, 47, 90, { left: 11, top: 20, width: 30, height: 7 }, how);
    const expected = Array.from({ length: 7 * 30 * 3 }, (_, i) => {
      const [c, x, y] = [i % 3, Math.floor(i / 3) % 30, Math.floor(i / 90)];
      return whole.data[((y + 20) * 47 + x + 11) * 3 + c];
    });
    expect([...part.data]).toEqual(expected);
  }
});

describe('misuse', () => {
  const image = { data: new Uint8Array(12), width: 2, height: 2, channels: 3 };
  test.each<[object, string]>([
    [{ interpolation: 'lanczos' }, '"interpolation" expected one of bicubic, bilinear, nearest, got lanczos'],
    [{ resize: 'fit' }, '"resize" expected one of shortest, squash, longest, got fit'],
    [{ mean: [1, 2] }, '"mean" expected three finite numbers, got 1, 2'],
    [{ mean: 0.5 }, '"mean" expected an array of three numbers, got number'],
    [{ std: [1, 0, 1] }, '"std" expected three positive numbers, got 1, 0, 1'],
    [{ std: [1, NaN, 1] }, '"std" expected three finite numbers, got 1, NaN, 1'],
    [{ scaledTo: 0 }, '"scaledTo" expected an integer of at least 1, got 0'],
    [{ fill: 256 }, '"fill" expected a gray level from 0 to 255, got 256'],
    [
      { resize: 'longest', pipeline: 'immich' },
      '"pipeline" expected openai where the long side is resized (resize: \'longest\'), got immich, which cannot do ' +
        'that; leave the pipeline out',
    ],
  ])('%o is refused, early and late', async (rules, message) => {
    expect(() => preprocessor(16, rules)).toThrow(`preprocessor: ${message}`);
    await expect(preprocessor(16)(image, rules)).rejects.toThrow(`preprocess: ${message}`);
  });
  test('a picture that would have no height', async () => {
    await expect(
      preprocessor(32, { resize: 'longest' })({ data: new Uint8Array(300), width: 100, height: 1, channels: 3 }),
    ).rejects.toThrow(
      'image: 100 x 1 pixels, whose long side becomes 32, would have no height; crop the picture first',
    );
  });
});
