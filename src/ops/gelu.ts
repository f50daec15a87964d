// gelu: x·Φ(x), the exact form with erf, https://pytorch.org/docs/stable/generated/torch.nn.GELU.html

import { requireTensor } from './checks.ts';
import { flat } from './contiguous.ts';
import { erfCore32, erfCore64 } from './erf-core.ts';
import { elementwise } from './operation.ts';
import { zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

const ROOT_HALF = 0.7071067811865476;

/**
 * Any shape -> the same. Numerics contract, item 8: y = 0.5·x·(1 + erf(x·0.7071067811865476)) in float64, one rounding.
 * NaN and -Infinity give NaN.
 */
export function gelu(x: Tensor): Tensor {
  requireTensor('gelu', 'x', x);
  const y = zeros(x.shape, x.data);
  const from = flat(x);
  const to = y.data;
  // [1] y = RN32(0.5·x·(1 + erf(x·√½)))
  if (to instanceof Float32Array)
    for (let i = 0; i < to.length; i++) to[i] = 0.5 * from[i] * (1 + erfCore32(from[i] * ROOT_HALF));
  else for (let i = 0; i < to.length; i++) to[i] = 0.5 * from[i] * (1 + erfCore64(from[i] * ROOT_HALF));
  return y;
}

export const geluOperation = elementwise(gelu, 'value');
