// W + scale · B · A, in float64 and rounded once: what float32 can hold of the sum, whatever the order in which others
// multiply.

import type { LoraPart } from './lora.ts';

/**
 * Adds the changes of a parameter to it.
 * @param into the parameter, row-major; every element becomes RN32(w + scale · Σ_j b_j·a_j), the sum in float64 with j
 *   ascending
 * @param parts those with this parameter as their target; where several change the same element, one after the other
 */
export function addChanges(parts: readonly LoraPart[], into: Float32Array): void {
  for (const { target, rank, A, B, scale } of parts) {
    const { inputs, outputs, begin, count, transposed } = target;
    const sum = new Float64Array(inputs);
    const [strideO, strideK] = transposed ? [1, outputs] : [inputs, 1];
    for (let o = 0; o < count; o++) {
      // [1] one row of B · A, four lines of A at a time
      sum.fill(0);
      let j = 0;
      for (; j + 4 <= rank; j += 4) addFour(sum, A, j, B, o * rank + j);
      for (; j < rank; j++) {
        const b = B[o * rank + j];
        for (let k = 0; k < inputs; k++) sum[k] += b * A[j * inputs + k];
      }
      // [2] scaled, added, rounded
      let at = (begin + o) * strideO;
      for (let k = 0; k < inputs; k++, at += strideK) into[at] = into[at] + scale * sum[k];
    }
  }
}

function addFour(sum: Float64Array, A: Float32Array, j: number, B: Float32Array, at: number): void {
  const K = sum.length;
  const b0 = B[at],
    b1 = B[at + 1],
    b2 = B[at + 2],
    b3 = B[at + 3];
  let a0 = j * K,
    a1 = a0 + K,
    a2 = a1 + K,
    a3 = a2 + K;
  for (let k = 0; k < K; k++) sum[k] = sum[k] + b0 * A[a0++] + b1 * A[a1++] + b2 * A[a2++] + b3 * A[a3++];
}
