// Inputs of the benchmarks.

import type { Tensor } from '../src/ops/tensor.ts';

/** (1,3,R,R) -> N times the same image in row-major order (N,3,R,R), so that every row has a known answer. */
export function repeatedBatch(image: Tensor, N: number): Float32Array {
  const data = new Float32Array(N * image.size);
  for (let n = 0; n < N; n++) data.set(image.data as Float32Array, n * image.size);
  return data;
}
