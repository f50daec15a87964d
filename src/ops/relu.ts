// relu: https://pytorch.org/docs/stable/generated/torch.nn.ReLU.html

import type ndarray from 'ndarray';
import ops from 'ndarray-ops';
import { requireTensor } from './checks.ts';
import { elementwise } from './operation.ts';
import { zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

/**
 * Any shape -> the same. Numerics contract, item 9: NaN stays NaN; else x > 0 ? x : +0, so that -0 becomes +0.
 * That is Math.max(x, +0), where NaN wins and +0 is larger than -0 by ECMA-262, and so it is ndarray-ops' maxs.
 */
export function relu(x: Tensor): Tensor {
  requireTensor('relu', 'x', x);
  const y = zeros(x.shape, x.data);
  // [1] y = max(x, +0); NaN stays
  if (y.size > 0) ops.maxs(y as ndarray.NdArray, x as ndarray.NdArray, 0);
  return y;
}

export const reluOperation = elementwise(relu, 'moves');
