// Every value of golden/preprocess and golden/mini, read where they lie: what the hashes of fixtures/images say in sum,
// with the first difference named.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { decodeImage } from '../../../src/clip/image/decode.ts';
import { cropPixels, type Pipeline } from '../../../src/clip/image/pipelines.ts';
import { preprocessor } from '../../../src/clip/image/preprocess.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const golden = join(process.env.CLIP_ORACLE_SHARED ?? resolve(root, '../shared'), 'golden');

interface Entry {
  shape: number[];
  data_offsets: [number, number];
}

/** Names, shapes and bytes of a safetensors file. */
function read(path: string): {
  metadata: Record<string, string>;
  tensors: Map<string, { shape: number[]; bytes: Uint8Array }>;
} {
  const file = new Uint8Array(readFileSync(path));
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  const { __metadata__: metadata = {}, ...entries } = JSON.parse(
    new TextDecoder().decode(file.subarray(8, 8 + length)),
  ) as Record<string, never>;
  const tensors = new Map(
    Object.entries(entries as Record<string, Entry>).map(
      ([
        name,
        {
          shape,
          data_offsets: [from, to],
        },
      ]) => [name, { shape, bytes: file.slice(8 + length + from, 8 + length + to) }],
    ),
  );
  return { metadata, tensors };
}

const crops = new Map([
  ...[...read(join(golden, 'preprocess/expected.safetensors')).tensors].map(
    ([name, tensor]) => [`openai/${name}`, tensor] as const,
  ),
  ...read(join(golden, 'preprocess/expected-pipelines.safetensors')).tensors,
]);

/** Where two pictures differ: how often, by how much, and where first. */
function difference(
  got: Uint8Array,
  expected: Uint8Array,
  n: number,
): { differing: number; most: number; first: string } {
  let differing = 0,
    most = 0,
    first = 'nowhere';
  for (let i = 0; i < expected.length; i++) {
    const d = Math.abs(got[i] - expected[i]);
    if (d === 0) continue;
    if (differing++ === 0)
      first =
        `row ${Math.floor(i / (3 * n))}, column ${Math.floor(i / 3) % n}, channel ${i % 3}: expected ` +
        `${expected[i]}, got ${got[i]}`;
    most = Math.max(most, d);
  }
  return { differing, most, first };
}

describe('golden/preprocess', () => {
  test('holds 16 pictures in 80 crops', () => {
    expect(crops.size).toBe(80);
  });
  for (const [name, { shape, bytes }] of crops) {
    test(name, async () => {
      const [, pipeline, file, side] = /^(.+)\/(.+)@(\d+)$/.exec(name)!;
      const n = Number(side);
      expect(shape).toEqual([n, n, 3]);
      const image = await decodeImage(new Uint8Array(readFileSync(join(golden, 'preprocess/images', file))));
      expect(difference(cropPixels(image, n, pipeline as Pipeline), bytes, n)).toEqual({
        differing: 0,
        most: 0,
        first: 'nowhere',
      });
    });
  }
});

describe('golden/mini', () => {
  const { metadata, tensors } = read(join(golden, 'mini/golden.safetensors'));
  const pixels = new Float32Array(tensors.get('pixels')!.bytes.buffer);
  const preprocess = preprocessor(64);
  const names = JSON.parse(metadata.pictures) as string[];
  test.each(names.map((name, i) => [name, i] as const))('%s: every float32 equal', async (name, i) => {
    const x = await preprocess(join(golden, 'mini/pictures', name));
    const expected = pixels.subarray(i * x.size, (i + 1) * x.size);
    const at = x.data.findIndex((value, j) => !Object.is(value, expected[j]));
    expect(at, at < 0 ? '' : `at ${at} expected ${expected[at]}, got ${x.data[at]}`).toBe(-1);
  });
});
