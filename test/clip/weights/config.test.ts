// Configurations beside the weights, read to the end: what each field does to a model, or the sentence that refuses it.

import { describe, expect, test } from 'vitest';
import { configured, type Configuration } from '../../../src/clip/weights/config.ts';
import { preprocessingOf } from '../../../src/clip/weights/configured.ts';
import { load } from '../../../src/clip/load.ts';
import { tokenize } from '../../../src/clip/tokenizer/tokenize.ts';
import { inspectFile } from '../../../src/clip/inspect.ts';
import type { ImageMode } from '../../../src/clip/image/image.ts';
import { pixelsOf, preprocessor } from '../../../src/clip/image/preprocess.ts';
import { IMAGES, randomPicture, readJson, sha256 } from '../image/support.ts';
import { mkdirSync, writeFileSync } from 'node:fs';
import { failure, temporaryFolder } from '../../support/checkpoints.ts';
import { rebuild } from '../../support/skeletons.ts';

type Json = Record<string, unknown>;
const read = (files: Record<string, unknown>, layout?: 'huggingface' | 'open_clip'): Promise<Configuration> =>
  configured(
    (file) => file,
    async (file) => (file in files ? JSON.stringify(files[file]) : null),
    layout,
  );
const openClip = (model_cfg: object, preprocess_cfg?: object) =>
  read({ 'open_clip_config.json': { model_cfg, preprocess_cfg } });
const pixels = (processor: object) => read({ 'preprocessor_config.json': processor });

describe('fields that change what is computed are refused by name', () => {
  test.each<[object, RegExp]>([
    [{ vision_cfg: { pool_type: 'avg' } }, /"avg" in the field "model_cfg\.vision_cfg\.pool_type", expected "tok"/],
    [{ vision_cfg: { no_ln_pre: true } }, /true in the field "model_cfg\.vision_cfg\.no_ln_pre", expected false/],
    [{ vision_cfg: { ls_init_value: 0.1 } }, /0\.1 in the field "model_cfg\.vision_cfg\.ls_init_value"/],
    [
      { vision_cfg: { norm_kwargs: { eps: 1e-6 } } },
      /\{"eps":0\.000001\} in the field ".*norm_kwargs", expected \{\} or/,
    ],
    [{ vision_cfg: { act_kwargs: { approximate: 'tanh' } } }, /act_kwargs/],
    [{ vision_cfg: { surprise: 1 } }, /has the field "model_cfg\.vision_cfg\.surprise" \(1\), which is not known here/],
    [{ vision_cfg: { timm_model_name: 'vit' } }, /timm_model_name/],
    [{ new_loss: 1, vision_cfg: {} }, /the field "model_cfg\.new_loss"/],
  ])('image tower of open_clip: %o', async (model, sentence) => {
    const { refused } = await openClip(model);
    expect(refused.vision).toMatch(sentence);
    expect(refused.text).toBeNull();
  });

  test('a field beside model_cfg and preprocess_cfg', async () => {
    const { refused } = await read({ 'open_clip_config.json': { model_cfg: {}, pooling: 'mean' } });
    expect(refused.vision).toMatch(/"open_clip_config\.json" has the field "pooling" \("mean"\), which is not known/);
  });
  test.each<[object, RegExp]>([
    [{ text_cfg: { pool_type: 'last' } }, /"last" in the field "model_cfg\.text_cfg\.pool_type", expected "argmax"/],
    [{ text_cfg: { hf_tokenizer_name: 'bert' } }, /hf_tokenizer_name/],
    [{ text_cfg: { proj_bias: true } }, /proj_bias/],
    [{ multimodal_cfg: { width: 1 } }, /multimodal_cfg/],
  ])('text tower of open_clip: %o', async (model, sentence) => {
    const { refused } = await openClip(model);
    expect(refused.text).toMatch(sentence);
    expect(refused.vision).toBeNull();
  });
  test.each<[object, 'vision' | 'text', RegExp]>([
    [{ vision_config: { layer_norm_eps: 1e-6 } }, 'vision', /0\.000001 in the field "vision_config\.layer_norm_eps"/],
    [{ vision_config: { num_channels: 4 } }, 'vision', /num_channels", expected 3/],
    [{ vision_config: { window: 7 } }, 'vision', /the field "vision_config\.window"/],
    [{ vision_config: {}, rope: 1 }, 'vision', /the field "rope"/],
    [{ vision_config: {}, text_config: { layer_norm_eps: 1e-6 } }, 'text', /text_config\.layer_norm_eps/],
    [
      { vision_config: {}, text_config: { eos_token_id: 7 } },
      'text',
      /7 in the field "text_config\.eos_token_id", expected 49407/,
    ],
    [
      { vision_config: {}, text_config: { hidden_act: 'relu' } },
      'text',
      /"relu" in the field "text_config\.hidden_act"/,
    ],
    [{ vision_config: {}, model_type: 'chinese_clip' }, 'text', /"chinese_clip" in the field "model_type"/],
  ])('config.json: %o', async (config, tower, sentence) => {
    const { refused } = await read({ 'config.json': config });
    expect(refused[tower]).toMatch(sentence);
    expect(refused[tower === 'vision' ? 'text' : 'vision']).toBeNull();
  });
});

describe('how pixels are made', () => {
  const half = [0.5, 0.5, 0.5];
  test.each<[object, object]>([
    [{}, {}],
    [
      { size: 32, mean: half, std: half, interpolation: 'bilinear', resize_mode: 'squash', mode: 'RGB' },
      { mean: half, std: half, interpolation: 'bilinear', resize: 'squash' },
    ],
    [{ size: [32, 32], mean: 0.5, std: null, interpolation: 'random' }, { mean: half }],
    [
      { size: 32, resize_mode: 'longest', fill_color: 128 },
      { resize: 'longest', fill: 128 },
    ],
    [{ size: 32, fill_color: 128 }, {}],
  ])('preprocess_cfg %o', async (config, expected) => {
    const found = preprocessingOf(await openClip({}, config), 32, false);
    expect(found).toEqual({ ...preprocessingOf(await openClip({}), 32, false), ...expected });
  });
  test.each<[object, object]>([
    // what CLIPFeatureExtractor wrote
    [
      {
        feature_extractor_type: 'CLIPFeatureExtractor',
        crop_size: 32,
        size: 32,
        resample: 3,
        image_mean: half,
        image_std: half,
        do_center_crop: true,
        do_normalize: true,
        do_resize: true,
      },
      { mean: half, std: half },
    ],
    [
      {
        image_processor_type: 'CLIPImageProcessor',
        size: { shortest_edge: 36 },
        crop_size: { height: 32, width: 32 },
        resample: 2,
        rescale_factor: 1 / 255,
      },
      { scaledTo: 36, interpolation: 'bilinear' },
    ],
    [
      { size: { height: 32, width: 32 }, do_center_crop: false, resample: 0 },
      { resize: 'squash', interpolation: 'nearest' },
    ],
    [
      { image_processor_type: 'CLIPImageProcessorFast', size: { shortest_edge: 32 }, crop_size: [32, 32] },
      { pipeline: 'huggingface-torchvision' },
    ],
    [{ size: 32, default_to_square: true, do_center_crop: false }, { resize: 'squash' }],
  ])('preprocessor_config.json %o', async (config, expected) => {
    const own = { ...preprocessingOf(await openClip({}), 32, false), pipeline: 'huggingface' };
    expect(preprocessingOf(await pixels(config), 32, false)).toEqual({ ...own, ...expected });
  });
  test("processor_config.json is transformers 5's place for it", async () => {
    const files = {
      'processor_config.json': { image_processor: { size: { shortest_edge: 32 }, crop_size: 32, image_mean: half } },
    };
    expect(preprocessingOf(await read(files), 32, false).mean).toEqual(half);
  });

  test.each<[object, RegExp]>([
    [{ interpolation: 'lanczos' }, /"lanczos" in the field "preprocess_cfg\.interpolation"/],
    [{ resize_mode: 'crop' }, /preprocess_cfg\.resize_mode/],
    [{ mode: 'L' }, /preprocess_cfg\.mode/],
    [{ blur: 1 }, /the field "preprocess_cfg\.blur"/],
    [{ size: [32, 64] }, /\[32,64\] in the field "preprocess_cfg\.size", expected the side of a square/],
    [{ std: [1, 0, 1] }, /open_clip_config\.json": "std" expected three positive numbers/],
    [{ mean: [1, 2] }, /open_clip_config\.json": "mean" expected three finite numbers/],
  ])('preprocess_cfg %o is refused', async (config, sentence) => {
    expect(await failure(openClip({}, config))).toMatch(sentence);
  });
  test.each<[object, RegExp]>([
    [{ do_resize: false }, /false in the field "do_resize", expected true/],
    [{ do_normalize: false }, /do_normalize/],
    [{ do_convert_rgb: false }, /do_convert_rgb/],
    [{ rescale_factor: 1 / 127.5 }, /rescale_factor/],
    [{ resample: 1 }, /1 in the field "resample", expected 0 or 2 or 3/],
    [{ do_center_crop: false, size: 224 }, /false in the field "do_center_crop", expected true where "size"/],
    [{ size: { shortest_edge: 224, longest_edge: 300 } }, /in the field "size", expected the side of a square/],
    [{ image_processor_type: 'SiglipImageProcessor' }, /"SiglipImageProcessor" in the field "image_processor_type"/],
    [{ do_split: true }, /the field "do_split"/],
  ])('preprocessor_config.json %o is refused', async (config, sentence) => {
    expect(await failure(pixels(config))).toMatch(sentence);
  });
  test('another size than that of the input is refused, unless it is asked for', async () => {
    const configuration = await openClip({}, { size: 64 });
    expect(() => preprocessingOf(configuration, 32, false)).toThrow(
      '"open_clip_config.json" makes pictures of 64 x 64, expected 32 x 32, which the weights beside it take; say ' +
        '--resolution 64 (load: { resolution: 64 }) or correct the file',
    );
    expect(preprocessingOf(configuration, 64, true).resolution).toBe(64);
  });
});

// The judges of test/clip/image/processors.test.ts, whose configurations are read as files here.
const golden = readJson<{ configs: Json[]; cases: [string, number, ImageMode, number, number, number, string][] }>(
  `${IMAGES}processors.json`,
);
const judged = golden.configs
  .map((config, i) => {
    const judge = 'crop_size' in config ? 'pil' : 'open_clip';
    const cases = golden.cases.filter(([by, n]) => by === judge && n === i).slice(0, 8);
    return [JSON.stringify(config), config, cases] as const;
  })
  .filter(([, , cases]) => cases.length > 0);
test.each(judged)("%s: the judge's pixels", async (_, config, cases) => {
  const configuration = await ('crop_size' in config ? pixels(config) : openClip({}, config));
  const rules = preprocessingOf(configuration, configuration.pixels!.resolution!, false);
  for (const [, , mode, width, height, seed, hash] of cases)
    expect(sha256(pixelsOf(randomPicture(mode, width, height, seed), rules).data).slice(0, 16)).toBe(hash);
});

test("the configuration of the weights' own layout goes first", async () => {
  const files = {
    'config.json': { vision_config: { hidden_act: 'quick_gelu' } },
    'open_clip_config.json': { model_cfg: { quick_gelu: false } },
  };
  expect((await read(files, 'huggingface')).metadata.hidden_act).toBe('quick_gelu');
  expect((await read(files, 'open_clip')).metadata.hidden_act).toBe('gelu');
});

describe('a model with its configuration', () => {
  const folder = temporaryFolder();
  const place = (name: string, config: object): string => {
    mkdirSync(`${folder.path}/${name}`);
    writeFileSync(`${folder.path}/${name}/open_clip_model.safetensors`, rebuild('tiny-vit.safetensors'));
    writeFileSync(`${folder.path}/${name}/open_clip_config.json`, JSON.stringify(config));
    return `${folder.path}/${name}/open_clip_model.safetensors`;
  };
  const half = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
  const picture = {
    data: Uint8Array.from({ length: 3 * 50 * 40 }, (_, i) => (i * 37) % 251),
    width: 50,
    height: 40,
    channels: 3,
  };

  test('makes its pixels, says how, and inspect does too', async () => {
    const path = place('half', {
      model_cfg: { quick_gelu: true },
      preprocess_cfg: { size: 32, ...half, resize_mode: 'squash' },
    });
    const { model, preprocess } = await load(path, { threads: 1 });
    const expected = { pipeline: 'openai', resolution: 32, ...half, interpolation: 'bicubic', resize: 'squash' };
    expect(model.preprocessing).toEqual(expected);
    expect((await preprocess(picture)).data).toEqual(
      (await preprocessor(32, { ...half, resize: 'squash' })(picture)).data,
    );
    expect((await inspectFile(path)).preprocessing).toEqual(expected);
    await model.close();
  });
  test('that is of other weights is refused', async () => {
    const path = place('other', { model_cfg: { vision_cfg: { width: 768 } } });
    await expect(load(path, { threads: 1 })).rejects.toThrow(
      /"model_cfg\.vision_cfg\.width" expected 128, the size of the image tower's width in the weights beside it, got 768; put/,
    );
  });
  test('whose tower cannot be computed is refused where that tower is used', async () => {
    await expect(
      load(place('avg', { model_cfg: { vision_cfg: { pool_type: 'avg' } } }), { threads: 1 }),
    ).rejects.toThrow(/pool_type/);
    const { model } = await load(place('bert', { model_cfg: { text_cfg: { hf_tokenizer_name: 'bert' } } }), {
      threads: 1,
    });
    await expect(model.encodeText(tokenize('a'))).rejects.toThrow(
      /"bert" in the field "model_cfg\.text_cfg\.hf_tokenizer_name"/,
    );
    await model.close();
  });
});
