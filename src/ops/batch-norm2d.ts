// batchNorm2d: batch normalisation in evaluation, https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html

import { describe, requireEps, requireParameter, requireTensor } from './checks.ts';
import { flat } from './contiguous.ts';
import { operation } from './operation.ts';
import { sizeOf, zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

export interface BatchNormParameters {
  weight: Tensor;
  bias: Tensor;
  runningMean: Tensor;
  runningVar: Tensor;
}

/**
 * x (N,C,…), parameters (C) each -> the shape of x. Numerics contract, item 4:
 *
 *     a = weight / sqrt(runningVar + eps),   c = bias - runningMean·a      (float64, and kept so)
 *     y = x·a + c                                                          (one rounding)
 * @throws TypeError, RangeError where a shape does not fit, eps is wrong or a parameter is wider than x
 */
export function batchNorm2d(x: Tensor, parameters: BatchNormParameters, eps = 1e-5): Tensor {
  requireTensor('batchNorm2d', 'x', x, 2, '(N, C, …)', true);
  if (typeof parameters !== 'object' || parameters === null) {
    throw new TypeError(
      `batchNorm2d: "parameters" expected { weight, bias, runningMean, runningVar }, got ${describe(parameters)}`,
    );
  }
  const [N, C] = x.shape;
  for (const name of ['weight', 'bias', 'runningMean', 'runningVar'] as const)
    requireParameter('batchNorm2d', name, parameters[name], [C], `(C=${C})`, x);
  requireEps('batchNorm2d', eps);

  const weight = flat(parameters.weight);
  const bias = flat(parameters.bias);
  const mean = flat(parameters.runningMean);
  const variance = flat(parameters.runningVar);
  const y = zeros(x.shape, x.data);
  const from = flat(x);
  const to = y.data;
  const plane = sizeOf(x.shape.slice(2));
  for (let ch = 0; ch < C; ch++) {
    // [1] a and c
    const a = weight[ch] / Math.sqrt(variance[ch] + eps);
    const c = bias[ch] - mean[ch] * a;
    // [2] y = x·a + c
    for (let n = 0; n < N; n++) {
      const start = (n * C + ch) * plane;
      for (let i = start; i < start + plane; i++) to[i] = from[i] * a + c; // float64, rounded by the store
    }
  }
  return y;
}

export const batchNorm2dOperation = operation({
  plain: batchNorm2d,
  record: (x, { weight, bias, runningMean, runningVar }, eps = 1e-5) => ({
    inputs: [x, weight, bias, runningMean, runningVar],
    attributes: { eps },
  }),
  call: (f, [x, weight, bias, runningMean, runningVar], { eps }) =>
    f(x, { weight, bias, runningMean, runningVar }, eps),
  shapes: ([x]) => [x.shape],
  layout: 'like',
  rounding: 'value',
});
