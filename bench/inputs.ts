// Inputs of the benchmarks.

import ndarray from 'ndarray';
import type { Tensor } from '../src/ops/tensor.ts';

/** (1,3,R,R) -> (N,3,R,R), the same image N times, so that every row has a known answer. */
export function repeatedBatch(image: Tensor, N: number): Tensor {
  const size = image.size;
  const data = new Float32Array(N * size);
  for (let n = 0; n < N; n++) data.set(image.data as Float32Array, n * size);
  return ndarray(data, [N, ...image.shape.slice(1)]);
}
