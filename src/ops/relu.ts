// relu: https://pytorch.org/docs/stable/generated/torch.nn.ReLU.html

import { requireTensor } from './checks.ts';
import { flat } from './contiguous.ts';
import { zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

/**
 * Any shape -> the same. Numerics contract, item 9: NaN stays NaN; else x > 0 ? x : +0, so that -0 becomes +0.
 * (A plain loop: of ndarray-ops, maxs loses the NaN, because NaN > 0 is false.)
 */
export function relu(x: Tensor): Tensor {
  requireTensor('relu', 'x', x);
  const y = zeros(x.shape, x.data);
  const from = flat(x);
  const to = y.data;
  for (let i = 0; i < to.length; i++) {
    const v = from[i];
    to[i] = v > 0 || v !== v ? v : 0;
  }
  return y;
}
