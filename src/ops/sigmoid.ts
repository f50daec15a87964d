// sigmoid: 1 / (1 + e^-x), correctly rounded in float32 mode.
// https://pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html

import { requireTensor } from './checks.ts';
import { flat } from './contiguous.ts';
import { expCore } from './exp-core.ts';
import { elementwise } from './operation.ts';
import { zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

const TINY = 0.000244140625; // 2^-12
const NUDGE = 2.220446049250313e-16; // 2^-52
const ODD_ONE = -0.001117885229177773; // 0xba928601 as binary32
const SIGMOID_OF_ODD_ONE = 0.4997205436229706;

/** Any shape -> the same. Numerics contract, item 8: in float64 with one rounding. NaN stays NaN. */
export function sigmoid(x: Tensor): Tensor {
  requireTensor('sigmoid', 'x', x);
  const y = zeros(x.shape, x.data);
  const from = flat(x);
  const to = y.data;
  // [1] y = RN32(1 / (1 + e^-x)), near 0 by the series
  if (to instanceof Float32Array)
    for (let i = 0; i < to.length; i++) to[i] = sigmoidCore32(from[i]); // the store rounds
  else for (let i = 0; i < to.length; i++) to[i] = 1 / (1 + expCore(-from[i]));
  return y;
}

/**
 * RN32 of the result is the correctly rounded sigmoid of every binary32 x. 1 / (1 + e^-x) alone would be wrong for 66
 * of them:
 * 65 exact ties at |x| < 2^-12, where sigmoid(x) = 1/2 + x/4 - x³/48 lies nearer to 1/2 than 1/2 + x/4 by less than
 * binary64 can hold, and 0xba928601.
 */
export function sigmoidCore32(x: number): number {
  if (x > -TINY && x < TINY) {
    const y = 0.5 + x / 4;
    return y > 0.5 ? y - NUDGE : y < 0.5 ? y + NUDGE : y;
  }
  if (x === ODD_ONE) return SIGMOID_OF_ODD_ONE;
  return 1 / (1 + expCore(-x));
}

export const sigmoidOperation = elementwise(sigmoid, 'value');
