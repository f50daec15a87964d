// Feature files that a second run continues: after any interruption, with changed pictures, and never with another
// model.

import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import ndarray from 'ndarray';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AtomicFile } from '../../src/formats/atomic-file.ts';
import { imageSource, openFeatures, ResumableFeatures, type FeatureHead, type Tensor } from '../../src/index.ts';

const HEAD: FeatureHead = { model: 'm', weights: 'w', pipeline: 'openai' };
const E = 3;
let folder: string;
const at = (name: string): string => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'clip-oracle-resume-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Stands for a model: a feature is made of the file's bytes. */
function featureOf(path: string, factor: number): Tensor {
  const bytes = readFileSync(path);
  return ndarray(Float32Array.of(bytes.length * factor, bytes[0] ?? 0, Math.PI), [1, E]) as Tensor;
}

interface Run {
  /** Stops after this many features, as an error or an interruption does. */
  most?: number;
  head?: FeatureHead;
  /** Other weights under the same name. */
  factor?: number;
  precision?: 'float32' | 'float64';
}

/** A run of embed over files. @returns the paths that were computed, and how many were known */
async function run(
  paths: readonly string[],
  { most = Infinity, head = HEAD, factor = 1, precision }: Run = {},
): Promise<{ computed: string[]; kept: number }> {
  const features = await ResumableFeatures.open(at('x.safetensors'), head, E, precision ?? 'float32');
  const computed: string[] = [];
  try {
    const source = await features.remaining((await imageSource(paths)) as never);
    for await (const { path } of (source as { paths: AsyncIterable<{ path: string }> }).paths) {
      if (computed.length >= most) throw new Error('interrupted');
      if (/bad/.test(path)) await features.failure(path);
      else await features.feature(path, featureOf(path, factor), 0);
      computed.push(path);
    }
    const output = await AtomicFile.create(at('x.safetensors'));
    await features.complete(output);
    await output.finish();
  } catch (error) {
    await features.close(true);
    throw error;
  }
  await features.close(false);
  return { computed, kept: features.kept };
}

const interrupted = (paths: readonly string[], most: number): Promise<void> =>
  expect(run(paths, { most })).rejects.toThrow('interrupted');

async function rows(): Promise<{ paths: (string | null)[]; rows: number[][] }> {
  const file = await openFeatures(at('x.safetensors'));
  const all: number[] = [];
  for await (const part of file.rows()) all.push(...part);
  return { paths: file.paths, rows: file.paths.map((_, n) => all.slice(n * E, (n + 1) * E)) };
}

function files(count: number): string[] {
  return Array.from({ length: count }, (_, n) => {
    writeFileSync(at(`${n}.jpg`), Buffer.alloc(n + 1, n));
    return at(`${n}.jpg`);
  });
}

const expectRows = async (paths: readonly string[]): Promise<void> =>
  expect(await rows()).toEqual({
    paths,
    rows: paths.map((path) => (/bad/.test(path) ? [NaN, NaN, NaN] : [...featureOf(path, 1).data])),
  });
const parts = (): string[] => readdirSync(folder).filter((name) => name.endsWith('.part'));

test('a second run computes one known row for comparison and the new ones', async () => {
  const paths = files(5);
  expect(await run(paths.slice(0, 3))).toEqual({ computed: paths.slice(0, 3), kept: 0 });
  expect(await run(paths)).toEqual({ computed: [paths[0], paths[3], paths[4]], kept: 2 });
  await expectRows(paths);
  expect(await run([...paths].reverse())).toEqual({ computed: [paths[4]], kept: 4 });
  await expectRows([...paths].reverse());
  expect(parts()).toEqual([]);
});

test('after interruptions the whole file is that of one run, byte for byte', async () => {
  const paths = files(6);
  await run(paths);
  const whole = readFileSync(at('x.safetensors'));
  rmSync(at('x.safetensors'));
  await interrupted(paths, 2);
  await interrupted(paths, 3);
  expect(parts()).toHaveLength(2);
  expect((await run(paths)).kept).toBe(3);
  expect(readFileSync(at('x.safetensors')).equals(whole)).toBe(true);
  expect(parts()).toEqual([]);
});

test('nothing is left of a run that had no feature', async () => {
  await interrupted(files(2), 0);
  expect(readdirSync(folder).sort()).toEqual(['0.jpg', '1.jpg']);
});

test('wherever a journal is cut off or damaged, the rows before it are kept and the file is right', async () => {
  const paths = files(5);
  await interrupted(paths, 4);
  const [name] = parts();
  const bytes = readFileSync(at(name));
  rmSync(at(name));
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length), fc.option(fc.nat(bytes.length - 1)), async (end, damaged) => {
      const cut = Buffer.from(bytes.subarray(0, end));
      if (damaged !== null && damaged < end) cut[damaged] ^= 0x55;
      writeFileSync(at(name), cut);
      rmSync(at('x.safetensors'), { force: true });
      const { computed, kept } = await run(paths);
      expect(computed.length + kept).toBe(5);
      await expectRows(paths);
      expect(parts()).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

test('a picture that changed, and one that failed, are computed again', async () => {
  const paths = [...files(3), at('bad.jpg')];
  writeFileSync(at('bad.jpg'), 'x');
  await run(paths);
  await expectRows(paths);
  writeFileSync(paths[1], 'another picture');
  utimesSync(paths[2], new Date(), new Date(2020, 1));
  expect((await run(paths)).computed).toEqual([paths[0], paths[1], paths[2], at('bad.jpg')]);
  await expectRows(paths);
});

test('a journal of a run that still goes on is left alone', async () => {
  const paths = files(3);
  await interrupted(paths, 2);
  const [name] = parts();
  const theirs = name.replace(`.${process.pid}.`, `.${process.ppid}.`);
  copyFileSync(at(name), at(theirs));
  rmSync(at(name));
  expect((await run(paths)).kept).toBe(0);
  expect(parts()).toEqual([theirs]);
});

describe('refused by name, and the file stays', () => {
  test.each<[string, Run, RegExp]>([
    [
      'model',
      { head: { ...HEAD, model: 'n' } },
      /x\.safetensors" has features with model m, which features with model n/,
    ],
    ['weights', { head: { ...HEAD, weights: 'v' } }, /weights w, which features with weights v cannot continue; name/],
    ['pipeline', { head: { ...HEAD, pipeline: 'huggingface' } }, /pipeline openai, which features with pipeline hugg/],
    ['adapter', { head: { ...HEAD, adapter: 'a' } }, /adapter none, which features with adapter a/],
    ['resolution', { head: { ...HEAD, resolution: 64 } }, /resolution none, which features with resolution 64/],
    ['normalized', { head: { ...HEAD, normalized: true } }, /normalized none, which features with normalized true/],
    [
      'EXIF',
      { head: { ...HEAD, exifOrientation: true } },
      /exifOrientation none, which features with exifOrientation true/,
    ],
    ['texts', { head: { ...HEAD, of: 'texts' } }, /of none, which features with of texts/],
    ['precision', { precision: 'float64' }, /dtype F32, which features with dtype F64/],
    [
      'other weights under the same name',
      { factor: 2 },
      /has another feature of .*0\.jpg than these weights and options/,
    ],
  ])('%s', async (_name, change, message) => {
    const paths = files(2);
    await run(paths);
    const before = readFileSync(at('x.safetensors'));
    await expect(run(paths, change)).rejects.toThrow(message);
    expect(readFileSync(at('x.safetensors')).equals(before)).toBe(true);
    rmSync(at('x.safetensors'));
    await interrupted(paths, 1);
    await expect(run(paths, change)).rejects.toThrow(message.source.startsWith('x') ? /has features with/ : message);
  });
});

test('a file of another kind is overwritten like any other', async () => {
  const [path] = files(1);
  for (const text of ['old', '']) {
    writeFileSync(at('x.safetensors'), text);
    await run([path]);
    await expectRows([path]);
  }
  copyFileSync(
    fileURLToPath(new URL('../../fixtures/tiny/tiny-vit.trace.safetensors', import.meta.url)),
    at('x.safetensors'),
  );
  await run([path]);
  await expectRows([path]);
});
