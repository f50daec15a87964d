// A checkpoint in half precision as OpenAI's are, made of synthetic:0 rounded to nearest: convolutions, linear layers,
// attention and projections F16; normalisation and embeddings F32 (openai/CLIP, model.py, convert_weights). The image
// tower only.
// By hand: node dist/bench/half-checkpoint.js ViT-L/14 /tmp/ViT-L-14.half.safetensors

import { fileURLToPath } from 'node:url';
import { parameterShapes } from '../src/clip/parameters.ts';
import { fillSynthetic } from '../src/clip/weights/synthetic.ts';
import { MODELS } from '../src/clip/models.ts';
import { littleEndian } from '../src/formats/little-endian.ts';
import { safetensorsHeader, SafetensorsWriter } from '../src/formats/safetensors-writer.ts';
import { sizeOf } from '../src/ops/tensor.ts';

/** Whether convert_weights leaves a parameter of the image tower in float32. */
const staysSingle = (name: string): boolean => /embedding$|\.ln_\w+\.|\.bn\d\.|\.downsample\.1\./.test(name);

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/**
 * float32 to the bits of the nearest half, ties to even. For |x| below 65520 that is a multiple of 2^-48, as all
 * synthetic weights are.
 */
export function toHalf(x: number): number {
  float[0] = x;
  const sign = (bits[0] >>> 16) & 0x8000;
  const magnitude = bits[0] & 0x7fffffff;
  // Normal: bias 127 -> 15, and what is added before 13 bits are cut off rounds to nearest, ties to even.
  if (magnitude >= 0x38800000) return sign | ((magnitude - (112 << 23) + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  // Subnormal: in [0.5, 1) a unit in the last place of float32 is 2^-24, the step of these halves.
  float[0] = Math.abs(x) + 0.5;
  return sign | (bits[0] - 0x3f000000);
}

/** @returns bytes of the tensors */
export function writeHalfCheckpoint(model: string, file: string): number {
  const entry = MODELS.find(({ name }) => name === model);
  if (entry === undefined)
    throw new RangeError(
      `half-checkpoint: unknown model ${model}; expected one of ${MODELS.map(({ name }) => name).join(', ')}`,
    );
  const shapes = parameterShapes(entry, { vision: true, text: false });
  const dtypeOf = (name: string): 'F32' | 'F16' => (staysSingle(name) ? 'F32' : 'F16');
  const tensors = [...shapes].map(([name, { shape }]) => [name, { dtype: dtypeOf(name), shape }] as const);
  const writer = new SafetensorsWriter(file, safetensorsHeader(tensors).length);
  let bytes = 0;
  try {
    for (const [name, { shape }] of shapes) {
      const values = new Float32Array(sizeOf(shape));
      fillSynthetic(0, name, shape, values);
      const data = littleEndian(dtypeOf(name) === 'F32' ? values : Uint16Array.from(values, toHalf));
      writer.add(name, dtypeOf(name), shape, data);
      bytes += data.length;
    }
    writer.finish();
  } catch (error) {
    writer.discard();
    throw error;
  }
  return bytes;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , model, file] = process.argv;
  process.stdout.write(`${file}: ${(writeHalfCheckpoint(model, file) / 1e6).toFixed(1)} MB\n`);
}
