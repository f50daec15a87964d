// What the features must be before a time counts: PyTorch's float64 features within four times PyTorch's own float32 error.

import { readFileSync } from 'node:fs';
import { packageFile } from '../src/clip/package-file.ts';

export interface Expected {
  what: string;
  accepts(value: number, index: number): boolean;
}

export function expectedFeatures(model: string): Expected {
  const golden = read(`fixtures/features/${model.replace('/', '-')}.safetensors`);
  const truth = golden['f64/image_features'];
  const single = golden['f32/image_features'];
  const bound = 4 * Math.max(...Array.from(truth, (t, i) => Math.abs(single[i] - t)));
  return { what: 'PyTorch\'s float64 features within 4 times its float32 error', accepts: (value, i) => Math.abs(value - truth[i]) <= bound };
}

function read(relative: string): Record<string, Float32Array | Float64Array> {
  const file = readFileSync(packageFile(relative));
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + length).toString()) as Record<string, { dtype: string; data_offsets: [number, number] }>;
  const tensors: Record<string, Float32Array | Float64Array> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const bytes = Uint8Array.prototype.slice.call(file, 8 + length + entry.data_offsets[0], 8 + length + entry.data_offsets[1]);
    tensors[name] = entry.dtype === 'F64' ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer);
  }
  return tensors;
}
