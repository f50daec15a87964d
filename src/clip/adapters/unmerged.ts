// Adapters beside the weights: y = W x + B (scale · (A x)). An operation set that adds this where a product takes an
// adapted parameter; layers and executors do not know about it.

import ndarray from 'ndarray';
import { wrap } from '../../graph/wrap.ts';
import type { Operations } from '../../ops/operations.ts';
import type { Tensor } from '../../ops/tensor.ts';

/** A change, in the executor's memory. */
export interface PlacedPart {
  /** The rows that it changes. */
  readonly begin: number;
  readonly end: number;
  /** (r, inputs) */
  readonly A: Tensor;
  /**
   * (outputs, r): all of the parameter's, zeros where nothing changes, so that a layer that takes some of the rows
   * takes the same ones here.
   */
  readonly B: Tensor;
  readonly scale: number;
}

/**
 * `ops`, with changes of parameters.
 * @param changes by the memory of their parameter (an ndarray's `data`), which its views share
 * @param precision of `ops`: in float32 the scale is rounded as every number is
 */
export function adapting(
  ops: Operations,
  changes: ReadonlyMap<object, readonly PlacedPart[]>,
  precision: 'float32' | 'float64',
): Operations {
  /** y + the changes of the outputs from `begin` on, as many as y has. */
  const changed = (y: Tensor, x: Tensor, parts: readonly PlacedPart[], begin: number): Tensor => {
    const outputs = y.shape[y.shape.length - 1];
    return parts
      .filter((part) => part.begin < begin + outputs && part.end > begin)
      .reduce((sum, { A, B, scale }) => {
        const low = ops.scale(ops.linear(x, A, null), precision === 'float32' ? Math.fround(scale) : scale);
        return ops.add(sum, ops.linear(low, rows(B, begin, outputs), null));
      }, y);
  };
  return wrap(ops, {
    linear(x, weight, bias, summation) {
      const y = ops.linear(x, weight, bias, summation);
      const parts = changes.get(weight.data);
      return parts === undefined ? y : changed(y, x, parts, weight.offset / weight.stride[0]);
    },
    matmul(a, b, summation) {
      const y = ops.matmul(a, b, summation);
      const parts = changes.get(b.data);
      return parts === undefined ? y : changed(y, a, parts, 0);
    },
  });
}

/** Rows of a matrix, as a view. */
function rows(x: Tensor, begin: number, count: number): Tensor {
  return ndarray(x.data, [count, x.shape[1]], x.stride, x.offset + begin * x.stride[0]) as Tensor;
}
