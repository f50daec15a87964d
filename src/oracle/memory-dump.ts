// A dump that was never a file: tensors that a test has just got from its backend.

import { sizeOf, type Tensor } from '../ops/tensor.ts';
import { missingTensor } from '../formats/dump/missing.ts';
import type { Dump } from '../formats/dump/dump.ts';
import { valuesOf, type Values } from '../formats/values.ts';

/** A tensor as tests have it: an ndarray, or a shape with numbers in row-major order. */
export type AnyTensor = Tensor | Values | { readonly shape: readonly number[]; readonly data: readonly number[] };

/**
 * @param tensors by PyTorch's module paths, the input as `image`
 * @throws TypeError or RangeError for something that is no tensor, or whose shape and numbers do not fit
 */
export function memoryDump(
  tensors: Readonly<Record<string, AnyTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Dump {
  const all = new Map(Object.entries(tensors).map(([name, tensor]) => [name, valuesFrom(name, tensor)]));
  const path = 'dump in memory';
  return {
    path,
    format: 'memory',
    metadata,
    tensors: new Map(
      [...all].map(([name, { shape, data }]) => [name, { dtype: data instanceof Float32Array ? 'F32' : 'F64', shape }]),
    ),
    read(name) {
      const values = all.get(name);
      if (values === undefined) throw missingTensor(path, name, all.keys());
      return values;
    },
    close: () => Promise.resolve(),
  };
}

/** @throws TypeError or RangeError that begins with the name */
function valuesFrom(name: string, tensor: AnyTensor): Values {
  if (typeof tensor !== 'object' || tensor === null || !Array.isArray(tensor.shape)) {
    throw new TypeError(
      `${name}: expected a tensor, got ${tensor === null ? 'null' : typeof tensor}; give an ndarray, or { ` +
        'shape, data } in row-major order',
    );
  }
  if ('stride' in tensor) return valuesOf(tensor);
  const { shape } = tensor;
  const data: unknown = tensor.data;
  if (!(data instanceof Float32Array || data instanceof Float64Array || Array.isArray(data))) {
    throw new TypeError(
      `${name}: "data" expected a Float32Array, a Float64Array or an array of numbers, got ` +
        `${Object.prototype.toString.call(data).slice(8, -1)}; widen halves to float32 first`,
    );
  }
  const size = sizeOf(shape);
  if (data.length !== size)
    throw new RangeError(
      `${name}: shape (${shape.join(', ')}) expected ${size} numbers, got ${data.length}; give all of them in ` +
        'row-major order',
    );
  return { shape, data: Array.isArray(data) ? Float64Array.from(data as number[]) : data };
}
