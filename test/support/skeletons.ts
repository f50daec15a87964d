// The eleven tiny weight files, rebuilt: skeleton (everything but the tensors' bytes) plus synthetic:0 in the places
// that fixtures/checkpoints/make_skeletons.py found by searching. The SHA-256 says whether it is the original, to the
// last bit.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { parameterShapes } from '../../src/clip/parameters.ts';
import { fillSynthetic } from '../../src/clip/weights/synthetic.ts';
import { sizeOf } from '../../src/ops/tensor.ts';
import { MODELS } from '../../src/clip/models.ts';
import { fixture, fixtureJson } from './checkpoints.ts';

interface Region {
  offset: number;
  tensor: string;
  dtype: 'F32' | 'F16';
  transposed?: boolean;
  third?: number;
}
export const skeletons =
  fixtureJson<Record<string, { bytes: number; sha256: string; regions: Region[] }>>('skeletons.json');

/** float32 to the bits of the nearest half, ties to even (normal halves and zero; the tiny models have no others). */
export function halfBits(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0];
  const sign = (bits >>> 16) & 0x8000,
    exponent = ((bits >>> 23) & 255) - 112,
    fraction = bits & 0x7fffff;
  if (exponent <= 0) {
    // subnormal: value = m · 2^-24; the scaled value is exact in float64, and Math.round is mended for ties to even
    const scaled = Math.abs(value) * 2 ** 24,
      floor = Math.floor(scaled),
      rest = scaled - floor;
    return sign | (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
  }
  const kept = (exponent << 10) | (fraction >>> 13),
    lost = fraction & 0x1fff;
  return sign | (lost > 0x1000 || (lost === 0x1000 && kept & 1) ? kept + 1 : kept);
}

export function rebuild(name: string): Buffer {
  const file = gunzipSync(readFileSync(fixture(`${name}.skeleton.gz`)));
  const model = MODELS.find((entry) => entry.name === name.split('.')[0])!;
  const shapes = parameterShapes(model);
  for (const { offset, tensor, dtype, transposed, third } of skeletons[name].regions) {
    const { shape } = shapes.get(tensor)!;
    const all = new Float32Array(sizeOf(shape));
    fillSynthetic(0, tensor, shape, all);
    const values = third === undefined ? all : all.subarray((third * all.length) / 3, ((third + 1) * all.length) / 3);
    values.forEach((_, i) => {
      const value = transposed === true ? values[(i % shape[0]) * shape[1] + Math.floor(i / shape[0])] : values[i];
      if (dtype === 'F32') file.writeFloatLE(value, offset + 4 * i);
      else file.writeUInt16LE(halfBits(value), offset + 2 * i);
    });
  }
  return file;
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
