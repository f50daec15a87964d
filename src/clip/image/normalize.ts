// From 8-bit RGB to the tensor that the image towers take (spec/numerics.md, item 11).

import ndarray, { type NdArray } from 'ndarray';

// OpenAI's clip.py, _transform: Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711));
// PyTorch holds them in binary32.
export const MEAN = Float32Array.of(0.48145466, 0.4578275, 0.40821073);
export const STD = Float32Array.of(0.26862954, 0.26130258, 0.27577711);

/**
 * RN32(RN32(RN32(v / 255) - mean) / std) for each value, the same for all pipelines.
 * @param rgb n * n RGB triples, row by row (HW3)
 * @returns (1,3,n,n)
 */
export function normalize(rgb: Uint8Array, n: number): NdArray<Float32Array> {
  const plane = n * n;
  const out = new Float32Array(3 * plane);
  for (let c = 0; c < 3; c++) {
    // 256 possible values a channel: the three roundings are done once for each.
    const table = Float32Array.from({ length: 256 }, (_, v) => Math.fround(Math.fround(v / 255) - MEAN[c]) / STD[c]);
    for (let i = 0; i < plane; i++) out[c * plane + i] = table[rgb[i * 3 + c]]; // HW3 -> 3HW
  }
  return ndarray(out, [1, 3, n, n]);
}
