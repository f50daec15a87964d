// quantize: a weight as it comes back from 8-bit integers with one scale per output, the usual weight-only
// quantisation: symmetric, from -127 to 127 (-128 is not used). It is for the emulation of backends that keep their
// weights so.

import { requireTensor } from './checks.ts';
import { flat } from './contiguous.ts';
import { MAGIC } from './exp-core.ts';
import { operation } from './operation.ts';
import { zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

const LEVELS = 127;

/** RN32(largest / 127) */
export const scaleOf = (largest: number): number => Math.fround(largest / LEVELS);

/** RN32(q · scale), q the integer nearest to w / scale. */
export function quantized(w: number, scale: number): number {
  if (scale === 0) return 0;
  const q = w / scale + MAGIC - MAGIC;
  return Math.fround(Math.max(-LEVELS, Math.min(LEVELS, q)) * scale);
}

/**
 * weight (O,…), or (K,O) with `outputs` 'last', to the same shape. For each output: scale = RN32(max |w| / 127), each
 * weight RN32(scale · RNI(w / scale)).
 * @throws TypeError for elements that are not float32; RangeError for a tensor without axes
 */
export function quantize(weight: Tensor, outputs: 'first' | 'last' = 'first'): Tensor {
  requireTensor('quantize', 'weight', weight, 1, '(O, …)', true);
  if (!(weight.data instanceof Float32Array))
    throw new TypeError('quantize: "weight" expected float32 elements, got float64; weights are float32 in all modes');
  if (outputs !== 'first' && outputs !== 'last')
    throw new RangeError(`quantize: "outputs" expected 'first' or 'last', got ${String(outputs)}`);
  const y = zeros(weight.shape, weight.data);
  const O = weight.shape[outputs === 'first' ? 0 : weight.shape.length - 1];
  const K = O === 0 ? 0 : weight.size / O;
  const w = flat(weight);
  const [strideO, strideK] = outputs === 'first' ? [K, 1] : [1, O];
  for (let o = 0; o < O; o++) {
    // [1] largest = max |w|
    let largest = 0;
    for (let k = 0; k < K; k++) largest = Math.max(largest, Math.abs(w[o * strideO + k * strideK]));
    // [2] scale = RN32(largest / 127)
    const scale = scaleOf(largest);
    // [3] y = RN32(q · scale), q the integer nearest to w / scale
    for (let k = 0; k < K; k++) y.data[o * strideO + k * strideK] = quantized(w[o * strideO + k * strideK], scale);
  }
  return y;
}

export const quantizeOperation = operation({
  plain: quantize,
  record: (weight, outputs = 'first') => ({ inputs: [weight], attributes: { outputs } }),
  call: (f, [weight], { outputs }) => f(weight, outputs),
  shapes: ([weight]) => [weight.shape],
  layout: 'parameter',
  rounding: 'none',
});
