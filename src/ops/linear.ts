// linear: a fully connected layer, https://pytorch.org/docs/stable/generated/torch.nn.Linear.html

import { requireParameter, requireTensor } from './checks.ts';
import { flat } from './contiguous.ts';
import { rowProducts, type Summation } from './dot-products.ts';
import { operation, productInputs } from './operation.ts';
import { sizeOf, zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

/**
 * x (…,K), weight (O,K), bias (O) or null -> (…,O): y = x · weightᵀ + bias, each element one dot product of the
 * numerics contract, item 2.
 * @param summation another way to sum than the contract's, for the emulation of other backends
 * @throws TypeError, RangeError where a shape does not fit or a parameter is wider than x
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null, summation: Summation | null = null): Tensor {
  requireTensor('linear', 'x', x, 1, '(…, K)', true);
  requireTensor('linear', 'weight', weight, 2, '(O, K)');
  const K = x.shape[x.shape.length - 1];
  const O = weight.shape[0];
  requireParameter('linear', 'weight', weight, [O, K], `(O, K=${K})`, x);
  if (bias !== null) requireParameter('linear', 'bias', bias, [O], `(O=${O}) or null`, x);

  const leading = x.shape.slice(0, -1);
  const y = zeros([...leading, O], x.data);
  const rows = { data: weight.data, offset: weight.offset, strideO: weight.stride[0], strideK: weight.stride[1] };
  const out = { data: y.data, offset: 0, strideM: O, strideO: 1 };
  // [1] acc, k ascending in blocks of 128
  // [2] y = RN32(acc + bias)
  rowProducts(flat(x), 0, sizeOf(leading), K, rows, O, bias === null ? null : flat(bias), out, summation);
  return y;
}

export const linearOperation = operation({
  plain: linear,
  record: (x, weight, bias, summation = null) => ({
    inputs: productInputs(x, weight, bias),
    attributes: { summation },
  }),
  call: (f, [x, weight, bias = null], { summation }) => f(x, weight, bias, summation),
  shapes: ([x, weight]) => [[...x.shape.slice(0, -1), weight.shape[0]]],
  layout: 'columns',
  rounding: 'product',
});
