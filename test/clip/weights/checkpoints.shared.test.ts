// The original weight files where they lie, and UniversalFakeDetect's published head. CLIP_ORACLE_SHARED names the
// folder (default ../shared).

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { architectureFrom, checkParameters, modelNameFor } from '../../../src/clip/parameters.ts';
import { openCheckpoint } from '../../../src/clip/weights/open.ts';
import { checkHeadFits, loadHead } from '../../../src/clip/head.ts';
import { inspectFile } from '../../../src/clip/inspect.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const golden = join(resolve(root, process.env.CLIP_ORACLE_SHARED ?? '../shared'), 'golden');
const files = readdirSync(join(golden, 'tiny')).filter((name) => !/trace|features/.test(name));

test('there are five weight files of tiny-rn and six of tiny-vit', () => {
  expect([
    files.filter((name) => name.startsWith('tiny-rn')).length,
    files.filter((name) => name.startsWith('tiny-vit')).length,
  ]).toEqual([5, 6]);
});

describe.for(files)('%s', (file) => {
  const model = file.split('.')[0];

  test('is equal to synthetic:0, bit for bit, but for the rounding of its halves', async () => {
    const checkpoint = await openCheckpoint(join(golden, 'tiny', file));
    const synthetic = await openCheckpoint('synthetic:0', { model });
    const architecture = architectureFrom(checkpoint.tensors);
    checkParameters(checkpoint, architecture);
    expect(modelNameFor(architecture)).toBe(model);
    for (const [name, { shape }] of synthetic.tensors) {
      const size = shape.reduce((a, b) => a * b, 1);
      const got = new Float32Array(size),
        expected = new Float32Array(size);
      await checkpoint.read(name, got);
      await synthetic.read(name, expected);
      if (checkpoint.tensors.get(name)!.dtype === 'F32')
        expect(Buffer.from(got.buffer).equals(Buffer.from(expected.buffer)), name).toBe(true);
      // half an ulp of a half
      else
        got.forEach((value, i) => {
          if (Math.abs(value - expected[i]) > Math.max(Math.abs(expected[i]) * 2 ** -11, 2 ** -25))
            throw new Error(`${name}[${i}]: ${value} for ${expected[i]}`);
        });
    }
    await checkpoint.close();
  });

  test('inspect finds nothing wrong', async () => {
    expect(await inspectFile(join(golden, 'tiny', file))).toMatchObject({ kind: 'CLIP', model, problems: [] });
  });
});

describe("UniversalFakeDetect's fc_weights.pth", () => {
  const file = join(golden, 'fc_weights.pth');

  test('is the published file', () => {
    expect(createHash('sha256').update(readFileSync(file)).digest('hex')).toBe(
      '477100745713bcc957beb2b40859536859b6483fd6301b3b9293151b194c7847',
    );
  });

  test('gives the published numbers', async () => {
    const { weight, bias } = await loadHead(file);
    expect([weight.shape, bias.shape]).toEqual([[1, 768], [1]]);
    expect([...weight.data.subarray(0, 4)].map((value) => value.toFixed(7))).toEqual([
      '-0.3195792',
      '-0.1133109',
      '-0.1783901',
      '0.0396921',
    ]);
    expect(bias.data[0].toFixed(7)).toBe('-0.5166999');
  });

  test('fits ViT-L/14 and says so to RN50', async () => {
    const head = await loadHead(file);
    checkHeadFits(head, { name: 'ViT-L/14', embed: 768 });
    expect(() => checkHeadFits(head, { name: 'RN50', embed: 1024 })).toThrow(
      /fits RN50x16, ViT-L\/14, ViT-L\/14@336px/,
    );
  });
});
