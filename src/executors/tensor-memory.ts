// Tensors into the SIMD executor's memory and out of it. float32 to float64 is exact; float64 to float32 would round
// and is refused.

import ndarray from 'ndarray';
import { elementAt, indexAt } from '../graph/node.ts';
import type { Placed } from '../compiler/context.ts';
import { isContiguous, sizeOf, type Tensor } from '../ops/tensor.ts';
import type { Precision } from './executor.ts';

/** The memory as float32 and as float64 elements. */
interface Views {
  f32: Float32Array;
  f64: Float64Array;
}

/** Copies a tensor into memory, in row-major order. */
export function toMemory(x: Tensor, views: Views, { address, kind }: Pick<Placed, 'address' | 'kind'>): void {
  if (kind === 'f32' && !(x.data instanceof Float32Array))
    throw new TypeError(
      'expected a tensor over a Float32Array, got float64 elements; round them yourself, or compute with ' +
        'precision float64',
    );
  const memory = views[kind];
  const at = address / memory.BYTES_PER_ELEMENT;
  if (isContiguous(x)) memory.set(x.data.subarray(x.offset, x.offset + x.size), at);
  else for (let i = 0; i < x.size; i++) memory[at + i] = elementAt(x, i);
}

/** A copy of a view in memory, in row-major order, in the precision of the run. */
export function fromMemory({ address, kind, shape, stride }: Placed, views: Views, precision: Precision): Tensor {
  const memory = views[kind];
  const source = ndarray(memory, [...shape], [...stride], address / memory.BYTES_PER_ELEMENT) as Tensor;
  const data = precision === 'float64' ? new Float64Array(sizeOf(shape)) : new Float32Array(sizeOf(shape));
  if (isContiguous(source)) data.set(memory.subarray(source.offset, source.offset + data.length));
  else for (let i = 0; i < data.length; i++) data[i] = elementAt(source, i);
  return ndarray(data, [...shape]) as Tensor;
}

/** Writes a tensor of the same shape over a view in memory. */
export function replace({ address, kind, shape, stride }: Placed, by: Tensor, views: Views): void {
  const memory = views[kind];
  const target = ndarray(memory, [...shape], [...stride], address / memory.BYTES_PER_ELEMENT);
  const dense = kind === 'f32' ? new Float32Array(by.size) : new Float64Array(by.size);
  toMemory(by, { f32: dense as Float32Array, f64: dense as Float64Array }, { address: 0, kind });
  for (let i = 0; i < dense.length; i++) memory[indexAt(target, i)] = dense[i];
}
