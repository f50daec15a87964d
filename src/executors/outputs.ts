// A computation returns one tensor, several, or several by name; executors handle a list.

import type { Tensor } from '../ops/tensor.ts';
import type { Compute, Outputs } from './executor.ts';
import type { Operations } from '../ops/operations.ts';
import type { Tap } from '../layers/module.ts';

const isOne = (outputs: Outputs): outputs is Tensor => Array.isArray((outputs as Tensor).stride);

/** The tensors of a result, in order. */
export const tensorsOf = (outputs: Outputs): readonly Tensor[] =>
  isOne(outputs) ? [outputs] : Array.isArray(outputs) ? (outputs as readonly Tensor[]) : Object.values(outputs);

/** Other tensors in the arrangement of `outputs`. */
export function arrangedAs<R extends Outputs>(outputs: R, tensors: readonly Tensor[]): R {
  if (isOne(outputs)) return tensors[0] as R;
  if (Array.isArray(outputs)) return tensors as R;
  return Object.fromEntries(Object.keys(outputs).map((name, i) => [name, tensors[i]])) as R;
}

/**
 * The outputs that overwrite weights, each with its target.
 * @param outputs computed, in float32 or float64
 * @throws RangeError for an output that there is not, or a target of another shape
 */
export function overwritten(
  outputs: Outputs,
  { into = new Map<string, Tensor>(), call = 'run' }: { into?: ReadonlyMap<string, Tensor>; call?: string },
): { target: Tensor; output: Tensor }[] {
  const named: Readonly<Record<string, Tensor>> = isOne(outputs)
    ? { 0: outputs }
    : { ...(outputs as Readonly<Record<string, Tensor>>) };
  return [...into].map(([name, target]) => {
    if (!Object.hasOwn(named, name))
      throw new RangeError(
        `${call}: "into" expected outputs among ${Object.keys(named).join(', ') || 'none'}, got "${name}"; name one ` +
          'that the computation returns',
      );
    const output = named[name];
    if (output.shape.join() !== target.shape.join())
      throw new RangeError(
        `${call}: "into" expected an output of shape (${target.shape.join(', ')}) for "${name}", got ` +
          `(${output.shape.join(', ')}); compute the shape of the weight`,
      );
    return { target, output };
  });
}

/**
 * Thrown out of the tap after the last module that is wanted: layers are straight-line code. Never leaves this file.
 */
class Reached extends Error {
  readonly output: Tensor;
  constructor(output: Tensor) {
    super('the last module that is wanted was reached');
    this.output = output;
  }
}

/**
 * Computes or records `compute`, up to the module `until` if it is given; its output, as the tap leaves it, is then
 * the result.
 * @throws RangeError if there is no such module
 */
export function computeUntil<R extends Outputs>(
  compute: Compute<R>,
  inputs: readonly Tensor[],
  ops: Operations,
  tap: Tap | null,
  { until, call = 'run' }: { until?: string; call?: string },
): R {
  if (until === undefined) return compute(inputs, ops, tap);
  const modules: string[] = [];
  try {
    compute(inputs, ops, (name, output) => {
      modules.push(name);
      const after = tap?.(name, output) ?? output;
      if (name === until) throw new Reached(after);
      return after;
    });
  } catch (error) {
    if (error instanceof Reached) return error.output as R;
    throw error;
  }
  throw new RangeError(
    `${call}: "until" expected the path of a module, such as ${modules.slice(0, 3).join(', ')}, got "${until}"; take ` +
      'one of those that a tap is called with',
  );
}
