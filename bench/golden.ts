// What the features must be before a time counts: PyTorch's float64 features, within bounds set by PyTorch's own
// float32 error.

import { readFileSync } from 'node:fs';
import { packageFile } from '../src/clip/package-file.ts';

export interface Expected {
  /** Relative root mean square error of the features (E) of one image against float64. */
  error(features: ArrayLike<number>): number;
  /** The largest difference of a feature from float64. */
  difference(features: ArrayLike<number>): number;
  /** PyTorch's float32 features measured the same way. */
  pytorch: { error: number; difference: number };
}

export function expectedFeatures(model: string): Expected {
  const golden = readGoldenFile(`fixtures/features/${model.replace('/', '-')}.safetensors`);
  const truth = golden['f64/image_features'] as Float64Array;
  const error = (features: ArrayLike<number>): number => relativeRms(features, truth);
  const difference = (features: ArrayLike<number>): number =>
    Math.max(...Array.from(truth, (t, i) => Math.abs(features[i] - t)));
  const single = golden['f32/image_features'] as Float32Array;
  return { error, difference, pytorch: { error: error(single), difference: difference(single) } };
}

/** ‖b - t‖ / ‖t‖ */
export function relativeRms(features: ArrayLike<number>, truth: ArrayLike<number>): number {
  let square = 0,
    norm = 0;
  for (let i = 0; i < truth.length; i++) {
    square += (features[i] - truth[i]) * (features[i] - truth[i]);
    norm += truth[i] * truth[i];
  }
  return Math.sqrt(square / norm);
}

/** All tensors of a golden file in the package's repository. */
export function readGoldenFile(relative: string): Record<string, Float32Array | Float64Array | BigInt64Array> {
  const file = readFileSync(packageFile(relative));
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + length).toString()) as Record<
    string,
    { dtype: string; data_offsets: [number, number] }
  >;
  const tensors: Record<string, Float32Array | Float64Array | BigInt64Array> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const bytes = Uint8Array.prototype.slice.call(
      file,
      8 + length + entry.data_offsets[0],
      8 + length + entry.data_offsets[1],
    );
    tensors[name] =
      entry.dtype === 'F64'
        ? new Float64Array(bytes.buffer)
        : entry.dtype === 'I64'
          ? new BigInt64Array(bytes.buffer)
          : new Float32Array(bytes.buffer);
  }
  return tensors;
}
