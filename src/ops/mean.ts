// mean: over the last axis. CLIP's attention pool begins with the mean of its tokens.

import { requireTensor } from './checks.ts';
import { flat } from './contiguous.ts';
import { total } from './stripes.ts';
import { operation } from './operation.ts';
import { zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

/**
 * x (…,D) -> (…). Numerics contract, item 3: the float64 sum in four stripes, divided by D, one rounding. The mean of
 * nothing is NaN.
 */
export function mean(x: Tensor): Tensor {
  requireTensor('mean', 'x', x, 1, '(…, D)', true);
  const D = x.shape[x.shape.length - 1];
  const y = zeros(x.shape.slice(0, -1), x.data);
  const from = flat(x);
  const to = y.data;
  // [1] y = RN32(total(x) / D)
  for (let i = 0; i < to.length; i++) to[i] = total(from, i * D, D) / D;
  return y;
}

export const meanOperation = operation({
  plain: mean,
  record: (x) => ({ inputs: [x], attributes: {} }),
  call: (f, [x]) => f(x),
  shapes: ([x]) => [x.shape.slice(0, -1)],
  layout: 'rows',
  rounding: 'value',
});
