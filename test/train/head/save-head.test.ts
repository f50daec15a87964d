// Written heads: PyTorch read head.pth (fixtures/training/torch.json says what it found), and what is written now are
// the same bytes.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ndarray from 'ndarray';
import { expect, test } from 'vitest';
import { CLIPModel } from '../../../src/clip/clip-model.ts';
import { loadHead, type Head } from '../../../src/clip/head.ts';
import { headBytes, saveHead } from '../../../src/train/head/save-head.ts';
import { temporaryFolder } from '../../support/checkpoints.ts';

const folder = temporaryFolder();
const fixture = (name: string): Buffer => readFileSync(new URL(`../../../fixtures/training/${name}`, import.meta.url));
/** The head in head.pth: two outputs on features of width 3. */
const head: Head = {
  weight: ndarray(Float32Array.of(0.5, -1.25, 3, 1e-40, 65504, -0.1), [2, 3]),
  bias: ndarray(Float32Array.of(-2, 0.25), [2]),
  labels: ['cat', 'dög "x"'],
};
const single: Head = {
  weight: ndarray(Float32Array.of(1, 2), [1, 2]),
  bias: ndarray(Float32Array.of(3), [1]),
  labels: ['real', 'fake'],
  threshold: 0.1 + 0.2,
  normalized: true,
};

test('PyTorch finds the head in head.pth, as an OrderedDict that nn.Linear takes', () => {
  const found = JSON.parse(fixture('torch.json').toString()) as {
    type: string;
    names: string[];
    tensors: Record<string, unknown>;
  };
  const tensor = (shape: number[], stride: number[], values: Float32Array): object => ({
    shape,
    stride,
    dtype: 'torch.float32',
    values: [...values],
  });
  expect(found).toEqual({
    type: 'OrderedDict',
    names: ['weight', 'bias'],
    tensors: { weight: tensor([2, 3], [3, 1], head.weight.data), bias: tensor([2], [1], head.bias.data) },
  });
});

test('what is written as .pth is that file, byte for byte, whatever its name', async () => {
  const file = join(folder.path, 'fc ä\\.weights.PTH');
  await saveHead(head, file);
  expect(readFileSync(file).equals(fixture('head.pth'))).toBe(true);
  expect(Buffer.from(await headBytes(head, 'x.pt')).equals(fixture('head.pth'))).toBe(true);
});

test.for(['pth', 'pt', 'safetensors'])('.%s is read back by loadHead, bit for bit', async (ending) => {
  for (const one of [head, single]) {
    const file = join(folder.path, `head.${ending}`);
    await saveHead(one, file, { model: 'ViT-B/32' });
    const { weight, bias, ...rest } = await loadHead(file);
    expect([weight.shape, weight.data, bias.shape, bias.data]).toEqual([
      one.weight.shape,
      one.weight.data,
      one.bias.shape,
      one.bias.data,
    ]);
    expect({ weight: one.weight, bias: one.bias, ...rest }).toEqual(
      ending === 'safetensors' ? one : { weight: one.weight, bias: one.bias },
    );
  }
});

test('a safetensors file has its data at a multiple of 8 and the metadata that was given', async () => {
  const bytes = Buffer.from(
    await headBytes(single, 'x.safetensors', { model: 'ViT-B/32', threshold: 'not mine to give' }),
  );
  const length = Number(bytes.readBigUInt64LE(0));
  expect(length % 8).toBe(0);
  expect(JSON.parse(bytes.subarray(8, 8 + length).toString())).toEqual({
    __metadata__: {
      model: 'ViT-B/32',
      threshold: '0.30000000000000004',
      labels: '["real","fake"]',
      normalized: 'true',
    },
    weight: { dtype: 'F32', shape: [1, 2], data_offsets: [0, 8] },
    bias: { dtype: 'F32', shape: [1], data_offsets: [8, 12] },
  });
});

test('a head that lies transposed in memory is written in order', async () => {
  const transposed = {
    ...head,
    weight: ndarray(Float32Array.of(0.5, 1e-40, -1.25, 65504, 3, -0.1), [3, 2]).transpose(1, 0) as Head['weight'],
  };
  expect(Buffer.from(await headBytes(transposed, 'x.pth')).equals(fixture('head.pth'))).toBe(true);
});

test.for(['head.bin', 'head', 'head.npz'])('%s: another ending is an error', async (name) => {
  await expect(saveHead(head, join(folder.path, name))).rejects.toThrow(
    /"file" expected a name that ends in \.safetensors, \.pth or \.pt, got ".*"; rename it/,
  );
});

test('CLIPModel takes a written head, and divides features by their length for one that was trained on such', async () => {
  const wide = (more: Partial<Head>): Head => ({
    weight: ndarray(new Float32Array(128).fill(0.5), [1, 128]),
    bias: ndarray(Float32Array.of(1), [1]),
    ...more,
  });
  const [raw, normalized] = [join(folder.path, 'raw.safetensors'), join(folder.path, 'normalized.safetensors')];
  await saveHead(wide({ threshold: 0.4 }), raw);
  await saveHead(wide({ normalized: true }), normalized);
  for (const [head, logit] of [
    [raw, 129],
    [normalized, 1 + 64 / Math.sqrt(128)],
  ] as const) {
    const model = await CLIPModel.load('mini-vit', { head, executor: 'reference' });
    expect(model.classify(ndarray(new Float32Array(128).fill(2), [1, 128])).data[0]).toBeCloseTo(logit, 5);
    await model.close();
  }
});
