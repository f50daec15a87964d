// softmax: exponentials that sum to 1, https://pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html

import { requireTensor } from './checks.ts';
import { flat } from './contiguous.ts';
import { expCore } from './exp-core.ts';
import { total } from './stripes.ts';
import { rowwise } from './operation.ts';
import { sizeOf, zeros } from './tensor.ts';
import type { FloatArray, Tensor } from './tensor.ts';

/**
 * x (…,D) -> the shape of x, over the last axis. Numerics contract, item 6:
 *
 *     m = maximum;   e = expf(RN32(x - m));   p = RN32(e / S),   S the float64 sum of the e in four stripes
 *
 * A row that holds NaN or +Infinity, or nothing but -Infinity, becomes NaN, as in PyTorch.
 */
export function softmax(x: Tensor): Tensor {
  requireTensor('softmax', 'x', x, 1, '(…, D)', true);
  const D = x.shape[x.shape.length - 1];
  const y = zeros(x.shape, x.data);
  y.data.set(flat(x));
  softmaxRows(y.data, sizeOf(x.shape.slice(0, -1)), D);
  return y;
}

/** Softmax of `rows` rows of D elements each, in place. */
export function softmaxRows(data: FloatArray, rows: number, D: number): void {
  for (let row = 0; row < rows * D; row += D) {
    // [1] maximum
    let m = -Infinity;
    // a NaN is passed over here and makes S a NaN below
    for (let i = row; i < row + D; i++) if (data[i] > m) m = data[i];
    // [2] e = expf(x - m), S
    for (let i = row; i < row + D; i++) {
      data[i] -= m; // RN32 by the store
      data[i] = expCore(data[i]); // and again: expf
    }
    const S = total(data, row, D);
    // [3] p = e / S
    for (let i = row; i < row + D; i++) data[i] /= S;
  }
}

export const softmaxOperation = rowwise(softmax);
