// Checks the tensors that a tap returns to replace a module's output, the same way for every executor.

import { toFloat64 } from '../ops/contiguous.ts';
import type { Tensor } from '../ops/tensor.ts';
import type { Tap } from '../layers/module.ts';

/**
 * The tap with its results checked. float32 to float64 is exact; float64 to float32 would round and is refused.
 * @throws (the returned tap) TypeError for a result that is not a tensor, or float64 numbers in a float32 run;
 *   RangeError for a shape other than the output's
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
      `tap: expected a tensor that replaces the output of ${name}, or nothing, got ${what}; taps are called while the ` +
        'network runs and cannot wait',
    );
  }
  if (instead.shape.join() !== output.shape.join()) {
    throw new RangeError(
      `tap: expected a tensor of shape (${output.shape.join(', ')}) for the output of ${name}, got ` +
        `(${instead.shape.join(', ')}); return the output's shape`,
    );
  }
  if (output.data instanceof Float32Array) {
    if (instead.data instanceof Float32Array) return instead;
    throw new TypeError(
      `tap: expected float32 elements for the output of ${name}, got float64; round them yourself, or ` +
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
