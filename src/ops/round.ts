// round: binary32 numbers to the nearest number of a smaller format, for the emulation of what computes or stores in
// it.
//
// float16 is IEEE 754 binary16; bfloat16 the upper half of a binary32; tf32 (NVIDIA's "TensorFloat-32") a binary32 with
// 10 fraction bits. Results are binary32 again, so that everything else stays as it is. To nearest, ties to even,
// subnormals and infinities as IEEE 754 has them (section 4.3.1: from half a unit beyond the largest finite number on,
// infinity). tf32-truncated drops the other 13 bits instead, as hardware does that is fed plain binary32.

import { describe, requireTensor } from './checks.ts';
import { flat } from './contiguous.ts';
import { operation } from './operation.ts';
import { zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

export type RoundFormat = 'float16' | 'bfloat16' | 'tf32' | 'tf32-truncated';

export const ROUND_FORMATS: readonly RoundFormat[] = ['float16', 'bfloat16', 'tf32', 'tf32-truncated'];

/** Bits of the fraction that a format does not have. */
export const DROPPED: Readonly<Record<RoundFormat, number>> = {
  float16: 13,
  bfloat16: 16,
  tf32: 13,
  'tf32-truncated': 13,
};

export const INFINITY = 0x7f800000;
/** 2^-14, the smallest normal binary16. */
export const SMALLEST_NORMAL_HALF = 0x38800000;
/** 2^16: what would be the next power of two beyond binary16. */
export const BEYOND_HALF = 0x47800000;
/** In [2^-1, 1) binary32 numbers lie 2^-24 apart, as binary16's subnormals do: adding this number rounds to them. */
export const SUBNORMAL_SHIFT = 0.5;

/**
 * x of any shape, every element rounded to `format`.
 * @throws TypeError for elements that are not float32; RangeError for an unknown format
 */
export function round(x: Tensor, format: RoundFormat): Tensor {
  requireTensor('round', 'x', x);
  if (!(x.data instanceof Float32Array))
    throw new TypeError(
      'round: "x" expected float32 elements, got float64; smaller formats are emulated in float32 mode only',
    );
  requireFormat(format);
  const y = zeros(x.shape, x.data) as Tensor<Float32Array>;
  roundInto(flat(x) as Float32Array, y.data, format);
  return y;
}

function requireFormat(format: unknown): asserts format is RoundFormat {
  if (!(ROUND_FORMATS as readonly unknown[]).includes(format))
    throw new RangeError(`round: "format" expected one of ${ROUND_FORMATS.join(', ')}, got ${describe(format)}`);
}

/** y[i] = x[i], rounded. They may be the same array. */
export function roundInto(x: Float32Array, y: Float32Array, format: RoundFormat): void {
  const from = new Uint32Array(x.buffer, x.byteOffset, x.length);
  const to = new Uint32Array(y.buffer, y.byteOffset, x.length);
  const dropped = DROPPED[format];
  const half = format === 'float16';
  const truncate = format === 'tf32-truncated';
  const single = new Float32Array(1);
  const bits = new Uint32Array(single.buffer);
  for (let i = 0; i < x.length; i++) {
    // [1] the magnitude as bits
    const sign = from[i] & 0x80000000;
    const a = from[i] & 0x7fffffff;
    // [2] its nearest in the format; NaN stays
    let r: number;
    if (a > INFINITY) {
      r = a; // NaN
    } else if (half && a < SMALLEST_NORMAL_HALF) {
      bits[0] = a;
      single[0] += SUBNORMAL_SHIFT;
      single[0] -= SUBNORMAL_SHIFT;
      r = bits[0];
    } else {
      // Half a unit less one, and one more where the last bit that stays is odd; a carry into the exponent is what it
      // should be.
      const up = truncate ? 0 : (1 << (dropped - 1)) - 1 + ((a >>> dropped) & 1);
      r = ((a + up) >>> dropped) << dropped;
      if (half && r >= BEYOND_HALF) r = INFINITY;
    }
    // [3] the sign again
    to[i] = (sign | r) >>> 0;
  }
}

export const roundOperation = operation({
  plain: round,
  record: (x, format) => ({ inputs: [x], attributes: { format } }),
  call: (f, [x], { format }) => f(x, format),
  shapes: ([x]) => [x.shape],
  layout: 'parameter',
  rounding: 'none',
});
