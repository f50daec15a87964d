// Traces that are right, made outside of this project: PyTorch's float64 on the tiny models (fixtures/tiny), rounded to
// float32.

import type { Values } from '../../../src/formats/values.ts';
import type { Tensor } from '../../../src/ops/tensor.ts';
import { elements } from '../../support/bits.ts';
import { readGolden } from '../../support/golden.ts';

export type Trace = Record<string, Values>;

export const values = (x: Tensor): Values => ({ shape: [...x.shape], data: elements(x) });

/** Every module's output, and `image`, the input of two images. */
export function goldenTrace(name: 'tiny-rn' | 'tiny-vit'): Trace {
  const golden = readGolden(`fixtures/tiny/${name}.trace.safetensors`);
  const trace: Trace = { image: values(golden.tensor('input/image')) };
  for (const key of golden.names.filter((one) => one.startsWith('f64/visual'))) {
    const { shape, data } = values(golden.tensor(key));
    trace[key.slice(4)] = { shape, data: Float32Array.from(data) };
  }
  return trace;
}

/** A copy of the trace in which one tensor is another. */
export function changed(
  trace: Trace,
  name: string,
  change: (data: Float32Array, shape: readonly number[]) => Float32Array | undefined,
): Trace {
  const { shape, data } = trace[name];
  const copy = Float32Array.from(data);
  return { ...trace, [name]: { shape, data: change(copy, shape) ?? copy } };
}

/** The elements with the axes in another order, by index arithmetic. */
export function permuted({ shape, data }: Values, order: readonly number[]): Values {
  const extents = order.map((axis) => shape[axis]);
  const out = new Float32Array(data.length);
  data.forEach((value, i) => {
    let rest = i;
    const index = shape.map(() => 0);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    out[order.reduce((at, axis, k) => at * extents[k] + index[axis], 0)] = value;
  });
  return { shape: extents, data: out };
}
