// exp: the exponential, correctly rounded in float32 mode. The method is in exp-core.ts.

import { requireTensor } from './checks.ts';
import { flat } from './contiguous.ts';
import { expCore } from './exp-core.ts';
import { zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

/** eˣ of any shape. float32: the correctly rounded value of every input; float64: within 1 ulp or so. NaN stays NaN. */
export function exp(x: Tensor): Tensor {
  requireTensor('exp', 'x', x);
  const y = zeros(x.shape, x.data);
  const from = flat(x);
  const to = y.data;
  // [1] y = RN32(eˣ)
  for (let i = 0; i < to.length; i++) to[i] = expCore(from[i]); // the store rounds
  return y;
}
