// Which activation a file was trained with, and what is said where nothing says it.

import ndarray from 'ndarray';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { load } from '../../../src/clip/load.ts';
import { activationsOf, type AboutActivation } from '../../../src/clip/weights/activation.ts';
import { releasedActivation, releasedPixels } from '../../../src/clip/weights/releases.ts';
import { MODELS } from '../../../src/clip/models.ts';
import { readTensorInput } from '../../../src/features/tensor-input.ts';
import type { Tensor } from '../../../src/ops/tensor.ts';
import { relRms } from '../../support/golden.ts';
import { fixtureJson } from '../../support/checkpoints.ts';

const cases = fileURLToPath(new URL('../../../fixtures/cases/', import.meta.url));

describe("epoch_3.pt of open_clip's trainer, which nothing says to be GELU", () => {
  const expected = JSON.parse(readFileSync(`${cases}expected.json`, 'utf8'))[
    'epoch_3.pt on input16.safetensors'
  ] as Record<string, number[][]>;
  const loaded: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const model of loaded.splice(0)) await model.close();
  });
  const features = async (activation?: 'gelu' | 'quick_gelu'): Promise<[Tensor, readonly string[]]> => {
    const { model } = await load(`${cases}epoch_3.pt`, { threads: 1, precision: 'float64', activation });
    loaded.push(model);
    const { x } = await readTensorInput(`${cases}input16.safetensors`, 'float64');
    return [await model.encodeImage(x), model.warnings];
  };
  const truth = (name: string): Tensor => ndarray(Float64Array.from(expected[name].flat()), [2, 16]);

  test("has open_clip's features with activation gelu, and nothing is said", async () => {
    const [found, warnings] = await features('gelu');
    expect(relRms(found, truth('gelu'))).toBeLessThan(1e-12);
    expect(warnings).toEqual([]);
  });
  test('is computed with QuickGELU without it, with a warning that names the option', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    const [found, warnings] = await features();
    expect(relRms(found, truth('quick_gelu (wrong for this file)'))).toBeLessThan(1e-12);
    expect(warnings).toEqual([
      `"${cases}epoch_3.pt": nothing says which activation these weights were trained with, and no tensor shows it. ` +
        "QuickGELU is computed, as OpenAI's models have it; LAION's, DataComp's and what open_clip trains by default " +
        "have GELU: say --activation gelu or quick_gelu (load: { activation: 'gelu' }), or put the model's " +
        'open_clip_config.json or config.json beside the weights',
    ]);
    expect(await warned).toMatchObject({
      name: 'ClipOracleWarning',
      code: 'CLIP_ORACLE_ACTIVATION',
      message: warnings[0],
    });
  });
  test('says nothing where QuickGELU is asked for', async () => {
    expect((await features('quick_gelu'))[1]).toEqual([]);
  });
  test.each(['relu', 'GELU', '', 7, null])('load refuses the activation %o', async (activation) => {
    await expect(load(`${cases}epoch_3.pt`, { threads: 1, activation: activation as 'gelu' })).rejects.toThrow(
      new RangeError(`load: "activation" expected quick_gelu or gelu, got ${String(activation)}`),
    );
  });
});

describe('the activation', () => {
  const told = (
    origin: string,
    format: string,
    metadata: Record<string, string> = {},
    about: AboutActivation = {},
  ): [string, string, string[]] => {
    const said: string[] = [];
    const { vision, text } = activationsOf({ origin, format, metadata }, about, (message) => said.push(message));
    return [vision, text, said];
  };
  const gelu = { hidden_act: 'gelu' };

  test("is the configuration's, of each tower", () => {
    expect(told('a/model.safetensors', 'safetensors', gelu)).toEqual(['gelu', 'gelu', []]);
    expect(told('a/model.safetensors', 'safetensors', { hidden_act: 'quick_gelu' })).toEqual([
      'quick_gelu',
      'quick_gelu',
      [],
    ]);
    expect(told('a/model.safetensors', 'safetensors', { ...gelu, text_hidden_act: 'quick_gelu' })).toEqual([
      'gelu',
      'quick_gelu',
      [],
    ]);
  });

  test('that a file names itself is checked', () => {
    expect(() => told('a/model.safetensors', 'safetensors', { hidden_act: 'gelu_new' })).toThrow(
      new Error(
        '"a/model.safetensors" names the activation "gelu_new", expected "quick_gelu" or "gelu"; only those can be ' +
          'computed',
      ),
    );
  });

  test("of OpenAI's files is QuickGELU, with a warning where the configuration says GELU", () => {
    expect(told('a/ViT-B-32.pt', 'TorchScript archive')).toEqual(['quick_gelu', 'quick_gelu', []]);
    for (const [origin, format] of [
      ['a/some.pt', 'TorchScript archive'],
      ['a/ViT-L-14.pt', 'PyTorch zip'],
    ]) {
      const [activation, , said] = told(origin, format, gelu);
      expect(activation).toBe('quick_gelu');
      expect(said.join()).toMatch(
        /one of OpenAI's files, trained with QuickGELU, but the configuration beside it says GELU.*--activation.*correct or move the configuration$/,
      );
      expect(told(origin, format, gelu, { asked: 'gelu' })).toEqual(['gelu', 'gelu', []]);
    }
  });

  test.each([
    ['a/model.safetensors', 'safetensors'],
    ['a/open_clip_pytorch_model.bin', 'PyTorch zip'],
    ['epoch_latest.pt', 'PyTorch zip'],
    ['ViT-B-32/weights.pt', 'PyTorch zip'],
  ])('is guessed, with a warning, for %s without a configuration', (origin, format) => {
    const [vision, , said] = told(origin, format);
    expect(vision).toBe('quick_gelu');
    expect(said.join()).toMatch(/^".*": nothing says which activation .* --activation gelu or quick_gelu/);
    // OpenAI's name for the architecture does not say who trained the file
    expect(told(origin, format, {}, { entry: MODELS.find(({ name }) => name === 'ViT-B/32') })[2]).toEqual(said);
  });

  test("needs no saying for synthetic weights, this project's models, and a ResNet without a text tower", () => {
    const rn = MODELS.find(({ name }) => name === 'mini-rn')!;
    expect(told('synthetic:0', 'synthetic')[2]).toEqual([]);
    expect(
      told('x.safetensors', 'safetensors', {}, { entry: MODELS.find(({ name }) => name === 'tiny-vit') })[2],
    ).toEqual([]);
    expect(told('x.safetensors', 'safetensors', {}, { architecture: rn })[2]).toEqual([]);
    expect(told('https://a.b/mini-vit.safetensors.gz', 'safetensors')).toEqual(['quick_gelu', 'quick_gelu', []]);
  });
});

// open_clip 3.3.0's own table (fixtures/checkpoints/open_clip_releases.py).
const releases = fixtureJson<
  Record<
    string,
    {
      quick_gelu: boolean;
      names: string[];
      pixels?: { mean?: number[]; std?: number[]; interpolation?: string; resize_mode?: string };
    }
  >
>('open_clip_releases.json');

describe("published models are known by open_clip's table", () => {
  test.each(Object.entries(releases))('%s', (release, { quick_gelu, names }) => {
    const expected = quick_gelu ? 'quick_gelu' : 'gelu';
    const [model, tag] = release.split('/');
    // OpenAI's own file names are known elsewhere: a folder may be called like an architecture
    for (const name of names.filter((name) => tag !== 'openai' || name.includes('.'))) {
      expect(releasedActivation(`/a/${name}.pt`)).toBe(expected);
      expect(releasedActivation(`https://huggingface.co/laion/${name}/resolve/main/open_clip_model.safetensors`)).toBe(
        expected,
      );
      expect(releasedActivation(`c:\\hub\\models--laion--${name}\\snapshots\\0123\\open_clip_pytorch_model.bin`)).toBe(
        expected,
      );
    }
    expect(releasedActivation(`${model}-${tag}.safetensors`)).toBe(expected);
    expect(releasedActivation(`${model}__${tag.replaceAll('_', '-')}/visual.pth`)).toBe(expected);
  });
  test.each(['/a/ViT-B-32/model.bin', 'laion2b.pt', 'CLIP-ViT-B-32-laion2B-s34B-b79K-finetuned.pt', '', '/'])(
    '%s is not',
    (path) => {
      expect(releasedActivation(path)).toBeNull();
    },
  );
});

describe("pixels of published models are made as open_clip's table says", () => {
  // CLIPA's models cannot be computed here
  test.each(Object.entries(releases).filter(([release]) => !release.includes('CLIPA')))(
    '%s',
    (release, { names, pixels = null }) => {
      const { resize_mode: resize, ...others } = pixels ?? {};
      const expected = pixels && { ...others, ...(resize !== undefined && { resize }) };
      for (const name of [...names.filter((name) => !/^RN|^ViT/.test(name)), release.replace('/', '-')])
        expect(releasedPixels(`/models/${name}.safetensors`)).toEqual(expected);
    },
  );
});
