// Models of other families, built by open_clip and transformers themselves (fixtures/families/make.py): the towers that
// load have their features, the others are refused in a sentence.

import { mkdirSync, writeFileSync } from 'node:fs';
import ndarray from 'ndarray';
import { describe, expect, test } from 'vitest';
import { load } from '../../../src/clip/load.ts';
import { fillSynthetic, syntheticImage } from '../../../src/clip/weights/synthetic.ts';
import { sizeOf } from '../../../src/ops/tensor.ts';
import { fixtureJson, safetensors, temporaryFolder } from '../../support/checkpoints.ts';

interface Case {
  readonly files: Readonly<Record<string, unknown>>;
  readonly shapes: Readonly<Record<string, number[]>>;
  readonly image?: number[][];
  readonly text?: number[][];
}
const golden = fixtureJson<{ tokens: number[][]; cases: Record<string, Case> }>('../families/features.json');
const tokens = ndarray(Int32Array.from(golden.tokens.flat()), [golden.tokens.length, golden.tokens[0].length]);
const folder = temporaryFolder();

/** The folder of a case: its configuration, and weights that are `synthetic:0` under the names of the file. */
function placed(name: string, { files, shapes }: Case): string {
  const path = `${folder.path}/${name.replaceAll(/\W+/g, '-')}`;
  mkdirSync(path, { recursive: true });
  for (const [file, content] of Object.entries(files)) writeFileSync(`${path}/${file}`, JSON.stringify(content));
  const header: Record<string, unknown> = {};
  const parts: Buffer[] = [];
  let at = 0;
  for (const [tensor, shape] of Object.entries(shapes)) {
    const data = new Float32Array(sizeOf(shape));
    fillSynthetic(0, tensor, shape, data);
    header[tensor] = { dtype: 'F32', shape, data_offsets: [at, at + data.byteLength] };
    at += data.byteLength;
    parts.push(Buffer.from(data.buffer));
  }
  writeFileSync(`${path}/model.safetensors`, safetensors(header, Buffer.concat(parts)));
  return path;
}

function expectNear(actual: { shape: number[]; data: ArrayLike<number> }, expected: number[][], bound: number): void {
  expect(actual.shape).toEqual([expected.length, expected[0].length]);
  const largest = Math.max(...expected.flat().map(Math.abs));
  expected.flat().forEach((value, i) => expect(Math.abs(actual.data[i] - value)).toBeLessThan(bound * largest));
}

describe.each(Object.entries(golden.cases))('%s', (name, golden) => {
  test('the towers that load have the features of the library that it is from', async () => {
    const { model } = await load(placed(name, golden), { precision: 'float64', executor: 'reference' });
    const R = model.architecture.vision?.resolution ?? 0;
    if (golden.image !== undefined) expectNear(await model.encodeImage(syntheticImage(0, 1, R)), golden.image, 1e-11);
    else await expect(model.encodeImage(syntheticImage(0, 1, 16))).rejects.toThrow(/has a text tower only/);
    if (golden.text !== undefined) expectNear(await model.encodeText(tokens), golden.text, 1e-11);
    else await expect(model.encodeText(tokens)).rejects.toThrow(/tower (only|cannot be computed here)/);
    await model.close();
  });

  test("float32 is near them, with the plain loops' bits", async () => {
    const path = placed(name, golden);
    const features = [];
    for (const executor of ['reference', 'simd'] as const) {
      const { model } = await load(path, { executor, threads: 1 });
      const R = model.architecture.vision?.resolution;
      features.push([
        ...(R === undefined ? [] : (await model.encodeImage(syntheticImage(0, 2, R))).data),
        ...(golden.text === undefined ? [] : (await model.encodeText(tokens)).data),
      ]);
      await model.close();
    }
    expect(features[1]).toEqual(features[0]);
    const expected = golden.image?.[0] ?? golden.text![0];
    expectNear({ shape: [1, expected.length], data: features[0] }, [expected], 1e-4);
  });
});

describe('tower', () => {
  const at = (name: string): string => placed(name, golden.cases[name]);

  test('one of the two: the other is neither there nor read', async () => {
    const vision = await load(at('CLIPModel'), { tower: 'vision', executor: 'reference' });
    expect(vision.model.architecture.text).toBeNull();
    await expect(vision.model.encodeText(tokens)).rejects.toThrow(
      /encodeText: the model was loaded without its text tower; leave out tower/,
    );
    await vision.model.close();
    const text = await load(at('CLIPModel'), { tower: 'text', precision: 'float64', executor: 'reference' });
    expect(text.model.architecture.vision).toBeNull();
    expectNear(await text.model.encodeText(tokens), golden.cases.CLIPModel.text!, 1e-11);
    await expect(text.model.encodeImage(syntheticImage(0, 1, 16))).rejects.toThrow(/text tower only/);
    await expect(text.preprocess('x.png')).rejects.toThrow(/text tower only, which takes no pictures/);
    await text.model.close();
  });

  test('the image tower of a file whose text tower is foreign, and not the reverse', async () => {
    for (const [name, called] of [
      ['CoCa', 'a CoCa model'],
      ['XLM-RoBERTa', 'a CLIP whose text tower is a model of transformers'],
      ['ChineseCLIP', 'a ChineseCLIP model'],
      ['MetaCLIP 2', 'a MetaCLIP 2 model'],
      ['AltCLIP', 'an AltCLIP model'],
    ]) {
      const { model } = await load(at(name), { tower: 'vision', precision: 'float64', executor: 'reference' });
      expectNear(await model.encodeImage(syntheticImage(0, 1, 16)), golden.cases[name].image!, 1e-11);
      await model.close();
      await expect(load(at(name), { tower: 'text' })).rejects.toThrow(
        new RegExp(`holds ${called}, whose text tower cannot be computed here: .*; .*--tower vision`),
      );
    }
  });

  test('a tower that is not there, another value', async () => {
    await expect(load(at('CLIPTextModel'), { tower: 'vision' })).rejects.toThrow(/holds a text tower only; take/);
    await expect(load(at('CLIPVisionModel'), { tower: 'text' })).rejects.toThrow(/holds an image tower only; take/);
    await expect(load('mini-rn', { tower: 'text' })).rejects.toThrow(/holds an image tower only|with a text tower/);
    await expect(load('tiny-vit', { tower: 'image' as 'vision' })).rejects.toThrow(
      'load: "tower" expected both, vision or text, got image',
    );
  });

  test('a projection that is missing beside another tower is an error', async () => {
    const shapes = { ...golden.cases.CLIPModel.shapes };
    Reflect.deleteProperty(shapes, 'visual_projection.weight');
    await expect(load(placed('cut', { ...golden.cases.CLIPModel, shapes }))).rejects.toThrow(
      /has no "visual_projection\.weight", but another tower; the file is incomplete/,
    );
  });
});
