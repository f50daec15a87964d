// From 8-bit RGB to the tensor that the image towers take (spec/numerics.md, item 11).

import ndarray, { type NdArray } from 'ndarray';
import type { Pipeline } from './pipelines.ts';

// OpenAI's clip.py, _transform: Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711));
// PyTorch holds them in binary32.
export const MEAN: readonly number[] = [0.48145466, 0.4578275, 0.40821073];
export const STD: readonly number[] = [0.26862954, 0.26130258, 0.27577711];

export interface Normalization {
  /** Per channel. Default: CLIP's. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  /** Whose roundings. Default openai. */
  readonly pipeline?: Pipeline;
}

/**
 * (v / 255 - mean) / std for each value v, rounded as the pipeline's program rounds it:
 * RN32(RN32(RN32(v / 255) - mean) / std), but huggingface-torchvision scales mean and std by 255 instead, and immich
 * multiplies by 1 / std and subtracts mean / std. All begin with mean and std in binary32.
 * @param rgb n * n RGB triples, row by row (HW3)
 * @returns (1,3,n,n)
 */
export function normalize(
  rgb: Uint8Array,
  n: number,
  { mean = MEAN, std = STD, pipeline = 'openai' }: Normalization = {},
): NdArray<Float32Array> {
  const plane = n * n;
  const out = new Float32Array(3 * plane);
  for (let c = 0; c < 3; c++) {
    // 256 possible values a channel: the roundings are done once for each.
    const value = valueOf(pipeline, Math.fround(mean[c]), Math.fround(std[c]));
    const table = Float32Array.from({ length: 256 }, (_, v) => value(v));
    for (let i = 0; i < plane; i++) out[c * plane + i] = table[rgb[i * 3 + c]]; // HW3 -> 3HW
  }
  return ndarray(out, [1, 3, n, n]);
}

/** The pixel of a gray level. @param mean @param std in binary32 */
function valueOf(pipeline: Pipeline, mean: number, std: number): (v: number) => number {
  if (pipeline === 'huggingface-torchvision') {
    const [scaledMean, scaledStd] = [Math.fround(mean * 255), Math.fround(std * 255)];
    return (v) => Math.fround(Math.fround(v - scaledMean) / scaledStd);
  }
  if (pipeline === 'immich') {
    const [factor, shift] = [Math.fround(1 / std), Math.fround(mean / std)];
    return (v) => Math.fround(Math.fround(Math.fround(v / 255) * factor) - shift);
  }
  return (v) => Math.fround(Math.fround(Math.fround(v / 255) - mean) / std);
}
