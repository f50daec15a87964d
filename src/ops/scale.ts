// scale: a tensor times a number.

import type ndarray from 'ndarray';
import ops from 'ndarray-ops';
import { describe, requireTensor } from './checks.ts';
import { operation } from './operation.ts';
import { zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

/**
 * x·factor of any shape: RN32(x·factor) in float32 mode, where the factor must be a binary32 itself.
 * @throws TypeError, RangeError where x is no tensor, or the factor no number or wider than x
 */
export function scale(x: Tensor, factor: number): Tensor {
  requireTensor('scale', 'x', x);
  if (typeof factor !== 'number') throw new TypeError(`scale: "factor" expected a number, got ${describe(factor)}`);
  if (x.data instanceof Float32Array && !Object.is(Math.fround(factor), factor)) {
    throw new RangeError(
      `scale: "factor" expected a float32 number beside float32 tensors, got ${factor}; round it with Math.fround`,
    );
  }
  const y = zeros(x.shape, x.data);
  // [1] y = RN32(x·factor)
  if (y.size > 0) ops.muls(y as ndarray.NdArray, x as ndarray.NdArray, factor);
  return y;
}

export const scaleOperation = operation({
  plain: scale,
  record: (x, factor) => ({ inputs: [x], attributes: { factor } }),
  call: (f, [x], { factor }) => f(x, factor),
  shapes: ([x]) => [x.shape],
  layout: 'elements',
  rounding: 'value',
});
