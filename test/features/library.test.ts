// Collections through the package's entry, without a terminal: pictures to features, feature files, labels, search.

import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  ArgumentError,
  CosineSearch,
  createFeatureFile,
  embedImages,
  fromFiles,
  fromImages,
  imageSource,
  load,
  openFeatures,
  readLabelFile,
  sourceOf,
  type FeatureFile,
  type Loaded,
} from '../../src/index.ts';

const picture = (name: string): string => fileURLToPath(new URL(`../../fixtures/pictures/${name}`, import.meta.url));
const PICTURES = ['octopus.jpg', 'nothing.jpg', 'pizza.jpg'].map(picture);
let folder: string;
let loaded: Loaded;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clip-oracle-features-'));
  loaded = await load('mini-vit', { threads: 1 });
});
afterAll(async () => {
  await loaded.model.close();
  await rm(folder, { recursive: true, force: true });
});
const at = (name: string): string => join(folder, name);

async function written(name: string): Promise<{ count: number; failed: number }> {
  const { name: model, weights, architecture } = loaded.model;
  const file: FeatureFile = await createFeatureFile(
    at(name),
    { model, weights, pipeline: 'openai' },
    architecture.embed,
  );
  const done = await embedImages(await imageSource(PICTURES), loaded, file, { batch: 2 });
  await file.finish();
  return done;
}

test.each(['f.npy', 'f.safetensors', 'f.jsonl'])('%s: written and read again, bit for bit', async (name) => {
  const out = vi.spyOn(process.stdout, 'write');
  const err = vi.spyOn(process.stderr, 'write');
  try {
    expect(await written(name)).toEqual({ count: 3, failed: 1 });
    expect([out.mock.calls, err.mock.calls]).toEqual([[], []]);
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
  const file = await openFeatures(at(name));
  expect(file.width).toBe(128);
  const rows: number[] = [];
  for await (const part of file.rows()) rows.push(...part);
  const one = await loaded.model.encodeImage(await loaded.preprocess(PICTURES[2]));
  expect(rows.slice(0, 128)).not.toEqual(rows.slice(256));
  expect(rows.slice(256)).toEqual([...one.data]);
  expect(rows.slice(128, 256).every(Number.isNaN)).toBe(true);
  if (name.endsWith('.npy')) return;
  expect(file.model).toBe('mini-vit');
  expect(file.paths).toEqual(PICTURES);
});

test('search: a picture is nearest to itself, a failed one is passed over', async () => {
  await written('s.safetensors');
  const query = await loaded.model.encodeImage(await loaded.preprocess(PICTURES[2]));
  const search = new CosineSearch(query.data, 5);
  for await (const rows of (await openFeatures(at('s.safetensors'))).rows()) search.add(rows);
  expect(search.best().map(({ index }) => index)).toEqual([2, 0]);
  expect([search.rows, search.skipped]).toEqual([3, 1]);
});

test('progress after each batch; a signal cancels between two', async () => {
  const seen: [number, number | null][] = [];
  const controller = new AbortController();
  const sink = { feature: async () => undefined, failure: async () => undefined };
  const paths = sourceOf(PICTURES.map((path) => ({ path })));
  const run = embedImages(paths, loaded, sink, {
    signal: controller.signal,
    onProgress({ done, total }) {
      seen.push([done, total]);
      if (done === 2) controller.abort(new Error('enough'));
    },
  });
  await expect(run).rejects.toThrow('enough');
  expect(seen).toEqual([
    [1, 3],
    [2, 3],
  ]);
});

test('a list of paths is read as it comes; "-" without one is refused', async () => {
  const source = await imageSource(['-'], Readable.from([`${PICTURES[0]}\n${PICTURES[2]}\n`]));
  expect('total' in source && source.total).toBe(null);
  const paths: string[] = [];
  if ('paths' in source) for await (const { path } of source.paths) paths.push(path);
  expect(paths).toEqual([PICTURES[0], PICTURES[2]]);
  const none = async (): Promise<void> => {
    const empty = await imageSource(['-']);
    if ('paths' in empty) for await (const path of empty.paths) paths.push(path.path);
  };
  await expect(none()).rejects.toThrow(/"-" stands for a list of paths/);
});

test('labels: of rows, by path, of images', async () => {
  await written('l.safetensors');
  await writeFile(at('l.txt'), 'sea\nnothing\nfood\n');
  expect(await readLabelFile(at('l.txt'))).toEqual({ list: ['sea', 'nothing', 'food'] });
  const files = await fromFiles([at('l.safetensors')], at('l.txt'));
  const images = { inputs: PICTURES.map((path) => ({ path })), labels: ['sea', 'nothing', 'food'] };
  const failures: string[] = [];
  const same = await fromImages(images, loaded, { onFailure: (path) => failures.push(path) });
  expect(failures).toEqual([PICTURES[1]]);
  for (const data of [files, same]) {
    expect([data.labels, data.failed, data.features.shape]).toEqual([['sea', 'food'], 1, [2, 128]]);
    expect(data.origin.model).toBe('mini-vit');
  }
  expect(same.features.data).toEqual(files.features.data);
});

describe('errors name the argument', () => {
  test.each<[string, () => Promise<unknown>, string, RegExp]>([
    ['labels', () => readLabelFile(at('none.txt')), 'labels', /^"labels" cannot read .*none\.txt \(ENOENT\)/],
    [
      'out',
      () => createFeatureFile(at('f.csv'), { model: 'x', weights: 'y', pipeline: null }, 1),
      'out',
      /^"out" expected a name that ends in \.jsonl, \.npy or \.safetensors/,
    ],
  ])('%s', async (_name, make, argument, message) => {
    const error: unknown = await make().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ArgumentError);
    expect((error as ArgumentError).argument).toBe(argument);
    expect((error as ArgumentError).message).toMatch(message);
  });

  test('what is no feature file', async () => {
    await expect(openFeatures(at('nothing.npy'))).rejects.toThrow(/"[^"]*nothing\.npy" is not a feature file/);
  });

  test('a feature file that is discarded leaves nothing', async () => {
    const before = await readdir(folder);
    const file = await createFeatureFile(at('gone.npy'), { model: 'x', weights: 'y', pipeline: null }, 1);
    await file.failure('a', 'b');
    await file.discard();
    expect(await readdir(folder)).toEqual(before);
  });
});
