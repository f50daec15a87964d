// matmul: products of matrices, https://pytorch.org/docs/stable/generated/torch.matmul.html without broadcasting and
// without vectors.

import { requireNoWider, requireTensor, shapeText } from './checks.ts';
import { flat } from './contiguous.ts';
import { rowProducts, type Summation } from './dot-products.ts';
import { operation } from './operation.ts';
import { sizeOf, zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

/**
 * a (…,M,K) x b (…,K,O) -> (…,M,O), the leading axes equal; each element one dot product of the numerics contract, item
 * 2.
 * @throws TypeError, RangeError where the shapes do not fit or b is wider than a
 */
export function matmul(a: Tensor, b: Tensor, summation: Summation | null = null): Tensor {
  requireTensor('matmul', 'a', a, 2, '(…, M, K)', true);
  requireTensor('matmul', 'b', b, 2, '(…, K, O)', true);
  requireNoWider('matmul', 'b', b, a);
  const leading = a.shape.slice(0, -2);
  const [M, K] = a.shape.slice(-2);
  const O = b.shape[b.shape.length - 1];
  const expected = [...leading, K, O];
  if (b.shape.length !== expected.length || expected.some((extent, axis) => b.shape[axis] !== extent)) {
    throw new RangeError(
      `matmul: "b" expected shape ${shapeText([...leading, `K=${K}`, 'O'])}, got ${shapeText(b.shape)}`,
    );
  }

  const y = zeros([...leading, M, O], a.data);
  const x = flat(a);
  const data = flat(b);
  const products = sizeOf(leading);
  for (let n = 0; n < products; n++) {
    rowProducts(
      x,
      n * M * K,
      M,
      K,
      { data, offset: n * K * O, strideO: 1, strideK: O },
      O,
      null,
      { data: y.data, offset: n * M * O, strideM: O, strideO: 1 },
      summation,
    );
  }
  return y;
}

export const matmulOperation = operation({
  plain: matmul,
  record: (a, b, summation = null) => ({ inputs: [a, b], attributes: { summation } }),
  call: (f, [a, b], { summation }) => f(a, b, summation),
  shapes: ([a, b]) => [[...a.shape.slice(0, -1), b.shape[b.shape.length - 1]]],
  layout: 'columns',
  rounding: 'matrix',
});
