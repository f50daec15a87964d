// layerNorm: normalisation over the last axis, https://pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html

import { requireEps, requireParameter, requireTensor } from './checks.ts';
import { flat } from './contiguous.ts';
import { total, totalOfSquares } from './stripes.ts';
import { operation } from './operation.ts';
import { zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

/**
 * x (…,D), weight and bias (D) -> the shape of x. Numerics contract, item 5, all in float64 with one rounding at the
 * end:
 *
 *     mean = total(x) / D,   var = total((x - mean)²) / D,   r = 1 / sqrt(var + eps),   y = ((x - mean)·r)·weight +
 * bias
 * @throws TypeError, RangeError where a shape does not fit, eps is wrong or a parameter is wider than x
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, eps = 1e-5): Tensor {
  requireTensor('layerNorm', 'x', x, 1, '(…, D)', true);
  const D = x.shape[x.shape.length - 1];
  requireParameter('layerNorm', 'weight', weight, [D], `(D=${D})`, x);
  requireParameter('layerNorm', 'bias', bias, [D], `(D=${D})`, x);
  requireEps('layerNorm', eps);

  const g = flat(weight);
  const b = flat(bias);
  const y = zeros(x.shape, x.data);
  const from = flat(x);
  const to = y.data;
  for (let row = 0; row < to.length; row += D) {
    // [1] mean
    const mean = total(from, row, D) / D;
    // [2] variance
    const variance = totalOfSquares(from, row, D, mean) / D;
    // [3] y = ((x - mean)·r)·weight + bias
    const r = 1 / Math.sqrt(variance + eps);
    for (let i = 0; i < D; i++) to[row + i] = (from[row + i] - mean) * r * g[i] + b[i];
  }
  return y;
}

export const layerNormOperation = operation({
  plain: layerNorm,
  record: (x, weight, bias, eps = 1e-5) => ({ inputs: [x, weight, bias], attributes: { eps } }),
  call: (f, [x, weight, bias], { eps }) => f(x, weight, bias, eps),
  shapes: ([x]) => [x.shape],
  layout: 'rows',
  parameters: ['weight', 'bias'],
  rounding: 'value',
});
