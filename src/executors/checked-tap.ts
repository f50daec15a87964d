// A tap may hand back a tensor that the network goes on with. Whoever computes, only one that fits is taken.

import { toFloat64 } from '../ops/contiguous.ts';
import type { Tensor } from '../ops/tensor.ts';
import type { Tap } from '../layers/module.ts';

/**
 * The tap with its answers checked. float32 numbers become float64 ones as they are; the other way would need a
 * rounding, and is refused.
 * @throws (the tap that is returned) TypeError for an answer that is no tensor, or float64 numbers in a float32 run;
 *   RangeError for another shape than the output's
 */
export const checkedTap =
  (tap: Tap): ((name: string, output: Tensor) => Tensor | undefined) =>
  (name, output) => {
    const instead: unknown = tap(name, output);
    return instead === undefined || instead === null ? undefined : checked(name, output, instead);
  };

function checked(name: string, output: Tensor, instead: unknown): Tensor {
  if (!isTensor(instead)) {
    const what = instead instanceof Promise ? 'a promise' : typeof instead;
    throw new TypeError(
      `tap: expected a tensor to go on with after ${name}, or nothing, got ${what}; taps are called while the ` +
        'network runs and cannot wait',
    );
  }
  if (instead.shape.join() !== output.shape.join()) {
    throw new RangeError(
      `tap: expected a tensor of shape (${output.shape.join(', ')}) to go on with after ${name}, got ` +
        `(${instead.shape.join(', ')}); hand back the output's shape`,
    );
  }
  if (output.data instanceof Float32Array) {
    if (instead.data instanceof Float32Array) return instead;
    throw new TypeError(
      `tap: expected float32 elements to go on with after ${name}, got float64; round them yourself, or ` +
        'compute with precision float64',
    );
  }
  // layers compute in the element type of what they are given
  return instead.data instanceof Float64Array ? instead : toFloat64(instead);
}

const isTensor = (x: unknown): x is Tensor => {
  const { data, shape, stride } = x as Partial<Tensor>;
  return (
    (data instanceof Float32Array || data instanceof Float64Array) && Array.isArray(shape) && Array.isArray(stride)
  );
};
