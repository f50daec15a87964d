// erf: the error function, correctly rounded in float32 mode. The method is in erf-core.ts.

import { requireTensor } from './checks.ts';
import { flat } from './contiguous.ts';
import { erfCore32, erfCore64 } from './erf-core.ts';
import { zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

/**
 * erf of any shape. float32: the correctly rounded value of every input; float64: within 1 ulp or so of 1. NaN stays
 * NaN.
 */
export function erf(x: Tensor): Tensor {
  requireTensor('erf', 'x', x);
  const y = zeros(x.shape, x.data);
  const from = flat(x);
  const to = y.data;
  // [1] y = RN32(erf(x))
  if (to instanceof Float32Array)
    for (let i = 0; i < to.length; i++) to[i] = erfCore32(from[i]); // the store rounds
  else for (let i = 0; i < to.length; i++) to[i] = erfCore64(from[i]);
  return y;
}
