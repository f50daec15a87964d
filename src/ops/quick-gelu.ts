// quickGelu: x·sigmoid(1.702·x), the activation of OpenAI's CLIP (model.py, QuickGELU).

import { requireTensor } from './checks.ts';
import { flat } from './contiguous.ts';
import { expCore } from './exp-core.ts';
import { elementwise } from './operation.ts';
import { zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

/**
 * Any shape -> the same. Numerics contract, item 8: y = x / (1 + exp(-1.702·x)) in float64, one rounding. NaN and
 * -Infinity give NaN.
 */
export function quickGelu(x: Tensor): Tensor {
  requireTensor('quickGelu', 'x', x);
  const y = zeros(x.shape, x.data);
  const from = flat(x);
  const to = y.data;
  // [1] y = RN32(x / (1 + exp(-1.702·x)))
  for (let i = 0; i < to.length; i++) to[i] = from[i] / (1 + expCore(-1.702 * from[i]));
  return y;
}

export const quickGeluOperation = elementwise(quickGelu, 'value');
