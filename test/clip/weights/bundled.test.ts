// The weights that come with the project. (What they compute is tested with the model.)

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test, vi } from 'vitest';
import { architectureFrom, checkParameters, modelNameFor } from '../../../src/clip/parameters.ts';
import { BUNDLED_MODELS, bundledFile, openBundled } from '../../../src/clip/weights/bundled.ts';
import * as packageFiles from '../../../src/clip/package-file.ts';
import { failure, temporaryFolder } from '../../support/checkpoints.ts';

const folder = temporaryFolder();

test.for(BUNDLED_MODELS)('%s is complete and finite', async (name) => {
  const checkpoint = await openBundled(name);
  const architecture = architectureFrom(checkpoint.tensors);
  checkParameters(checkpoint, architecture);
  expect(modelNameFor(architecture)).toBe(name);
  for (const [tensor, { shape }] of checkpoint.tensors)
    await checkpoint.read(tensor, new Float32Array(shape.reduce((a, b) => a * b, 1)));
  await checkpoint.close();
});

// SHA-256 of the originals before compression, as they were received
test.for([
  ['mini-vit.safetensors.gz', '61088a085888e05117a977e06466982e167360c599e6169587f9f78bdabfac9b'],
  ['mini-rn.visual.safetensors.gz', '08e66b50fa1e5fa981f1d82cad10f4444cf8bddb0529c8ab2409b2494ff8db0b'],
] as const)('%s unpacks to the original', ([file, digest]) => {
  expect(
    createHash('sha256')
      .update(gunzipSync(readFileSync(bundledFile(file))))
      .digest('hex'),
  ).toBe(digest);
});

test('what goes into the package is small: mini-vit, heads and labels', () => {
  expect(
    ['mini-vit.safetensors.gz', 'emoji-head.pth', 'face-head.pth', 'labels.json'].reduce(
      (sum, file) => sum + statSync(bundledFile(file)).size,
      0,
    ),
  ).toBeLessThan(2_700_000);
});

test('labels.json has a name for every class of the emoji head', () => {
  const labels = JSON.parse(readFileSync(bundledFile('labels.json'), 'utf8')) as {
    emoji: string;
    name: string;
    keywords: string[];
  }[];
  expect(labels.length).toBe(1427);
  expect(labels[0]).toEqual({ emoji: '😀', name: 'grinning face', keywords: ['face', 'grin'] });
  expect(new Set(labels.map(({ name }) => name)).size).toBe(1427);
});

test('where the package does not have mini-rn, the cache folder is looked into, and the error says what to do', async () => {
  const spy = vi
    .spyOn(packageFiles, 'packageFile')
    .mockImplementation((relative) => `${folder.path}/package/${relative}`);
  try {
    const cache = `${folder.path}/cache`;
    expect(await failure(openBundled('mini-rn', { cache }))).toMatch(
      /mini-rn do not come with the installed package; take fixtures\/bundled\/mini-rn\.visual\.safetensors\.gz from the repository of clip-oracle and put it into ".*\/cache", or pass its path as weights/,
    );
    mkdirSync(cache);
    spy.mockRestore();
    writeFileSync(`${cache}/mini-rn.visual.safetensors.gz`, readFileSync(bundledFile('mini-rn.visual.safetensors.gz')));
    vi.spyOn(packageFiles, 'packageFile').mockImplementation((relative) => `${folder.path}/package/${relative}`);
    const checkpoint = await openBundled('mini-rn', { cache });
    expect(checkpoint.origin).toBe(`${cache}/mini-rn.visual.safetensors.gz`);
    await checkpoint.close();
  } finally {
    vi.restoreAllMocks();
  }
});

test('another name is an error', async () => {
  await expect(openBundled('RN50')).rejects.toThrow(/expected mini-vit or mini-rn, got "RN50"/);
});
