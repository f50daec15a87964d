// The half-precision checkpoint of the benchmarks: its rounding against the definition, its mix and its numbers against
// the rebuilt original files.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toHalf, writeHalfCheckpoint } from '../../bench/half-checkpoint.ts';
import { openCheckpoint } from '../../src/clip/weights/open.ts';
import { rebuild } from '../support/skeletons.ts';

/** The value of a half's bits by IEEE 754, table 3.5. */
function valueOf(half: number): number {
  const exponent = (half >>> 10) & 31,
    fraction = half & 1023;
  return (
    (half & 0x8000 ? -1 : 1) *
    (exponent === 0 ? (fraction / 1024) * 2 ** -14 : (1 + fraction / 1024) * 2 ** (exponent - 15))
  );
}

test('a rounded number is the nearest half, the even one of two', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0x7bfe }),
      fc.constantFrom(0, 0.25, 0.5, 0.75),
      fc.boolean(),
      (half, part, negative) => {
        const lower = valueOf(half),
          upper = valueOf(half + 1);
        const x = Math.fround(lower + part * (upper - lower));
        const expected = half + (part > 0.5 || (part === 0.5 && half % 2 === 1) ? 1 : 0);
        expect(toHalf(negative ? -x : x)).toBe(expected | (negative ? 0x8000 : 0));
      },
    ),
    { numRuns: 5000 },
  );
});

test.each(['tiny-vit', 'tiny-rn'])(
  '%s has the types and the numbers of the original half-precision archive',
  async (model) => {
    const folder = await mkdtemp(join(tmpdir(), 'clip-oracle-half-'));
    try {
      await writeFile(join(folder, 'original.pt'), rebuild(`${model}.jit.pt`));
      writeHalfCheckpoint(model, join(folder, 'ours.safetensors'));
      const [ours, original] = await Promise.all(
        ['ours.safetensors', 'original.pt'].map((file) => openCheckpoint(join(folder, file))),
      );
      expect([...ours.tensors.keys()].sort()).toEqual(
        [...original.tensors.keys()].filter((name) => name.startsWith('visual.')).sort(),
      );
      for (const [name, { dtype, shape }] of ours.tensors) {
        expect([name, original.tensors.get(name)]).toEqual([name, expect.objectContaining({ dtype, shape })]);
        const [a, b] = [ours, original].map(
          () => new Float32Array(shape.reduce((product, extent) => product * extent, 1)),
        );
        await ours.read(name, a);
        await original.read(name, b);
        expect(Buffer.from(a.buffer).equals(Buffer.from(b.buffer)), name).toBe(true);
      }
      await Promise.all([ours.close(), original.close()]);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
