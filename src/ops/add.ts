// add: the residual sum.

import ndarray from 'ndarray';
import ops from 'ndarray-ops';
import { requireNoWider, requireTensor, shapeText } from './checks.ts';
import { operation } from './operation.ts';
import { zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

/**
 * a + b -> the shape of a. Numerics contract, item 9: RN32(a + b). ndarray-ops adds in binary64 and the store rounds
 * once, which is the exact binary32 sum (10 ms for 4 million elements, a plain loop 8 ms).
 * @param b of a's shape, or of the shape of a's last axes, and then repeated over the others
 * @throws TypeError, RangeError where the shapes do not fit or b is wider than a
 */
export function add(a: Tensor, b: Tensor): Tensor {
  requireTensor('add', 'a', a);
  requireTensor('add', 'b', b);
  requireNoWider('add', 'b', b, a);
  const repeated = a.shape.length - b.shape.length;
  if (repeated < 0 || b.shape.some((extent, axis) => extent !== a.shape[repeated + axis])) {
    throw new RangeError(
      `add: "b" expected shape ${shapeText(a.shape)} or that of its last axes, got ${shapeText(b.shape)}`,
    );
  }
  const y = zeros(a.shape, a.data);
  if (y.size === 0) return y;
  // [1] y = RN32(a + b)
  // A stride of 0 repeats b over the leading axes without a copy.
  const strides = [...new Array<number>(repeated).fill(0), ...b.stride];
  ops.add(y as ndarray.NdArray, a as ndarray.NdArray, ndarray(b.data, a.shape, strides, b.offset) as ndarray.NdArray);
  return y;
}

export const addOperation = operation({
  plain: add,
  record: (a, b) => ({ inputs: [a, b], attributes: {} }),
  call: (f, [a, b]) => f(a, b),
  shapes: ([a]) => [a.shape],
  layout: ([a, b]) => (a.shape.length === b.shape.length ? 'like' : 'dense'),
  rounding: 'value',
});
