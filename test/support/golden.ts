// Reads the golden data in fixtures. A reader of its own, a dozen lines, so that the judge does not depend on the code
// under test.

import { readFileSync } from 'node:fs';
import ndarray from 'ndarray';
import type { Tensor } from '../../src/ops/tensor.ts';

export interface Golden {
  names: string[];
  metadata: Record<string, string>;
  /** A floating-point tensor, in the element type it is stored in. */
  tensor(name: string): Tensor;
  /** An integer tensor (I64 or I32), as Int32Array. */
  integers(name: string): ndarray.NdArray<Int32Array>;
  bytes(name: string): { shape: number[]; data: Uint8Array };
}

/** @param path relative to the repository's root, or absolute */
export function readGolden(path: string): Golden {
  const file = readFileSync(new URL(path, new URL('../../', import.meta.url)));
  const headerLength = Number(file.readBigUInt64LE(0));
  const { __metadata__: metadata = {}, ...entries } = JSON.parse(
    file.subarray(8, 8 + headerLength).toString(),
  ) as Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> & {
    __metadata__?: Record<string, string>;
  };
  const raw = (name: string) => {
    const entry = entries[name];
    if (entry === undefined)
      throw new Error(`${path} has no tensor ${name}; it has ${Object.keys(entries).slice(0, 5).join(', ')}…`);
    const [begin, end] = entry.data_offsets;
    const copy = new Uint8Array(end - begin);
    copy.set(file.subarray(8 + headerLength + begin, 8 + headerLength + end));
    return { ...entry, copy };
  };
  return {
    names: Object.keys(entries),
    metadata,
    tensor(name) {
      const { dtype, shape, copy } = raw(name);
      if (dtype === 'F32') return ndarray(new Float32Array(copy.buffer), shape);
      if (dtype === 'F64') return ndarray(new Float64Array(copy.buffer), shape);
      throw new Error(`${path}: ${name} is ${dtype}, not a floating-point tensor`);
    },
    integers(name) {
      const { dtype, shape, copy } = raw(name);
      if (dtype === 'I32') return ndarray(new Int32Array(copy.buffer), shape);
      return ndarray(Int32Array.from(new BigInt64Array(copy.buffer), Number), shape);
    },
    bytes(name) {
      const { shape, copy } = raw(name);
      return { shape, data: copy };
    },
  };
}

/** ‖b - t‖ / ‖t‖ over all elements in row-major order. */
export function relRms(b: Tensor, t: Tensor): number {
  let error = 0;
  let size = 0;
  const values = flat(b);
  flat(t).forEach((truth, i) => {
    error += (values[i] - truth) * (values[i] - truth);
    size += truth * truth;
  });
  return Math.sqrt(error / size);
}

/** max |b - t| */
export function maxAbs(b: Tensor, t: Tensor): number {
  const values = flat(b);
  return flat(t).reduce((worst, truth, i) => Math.max(worst, Math.abs(values[i] - truth)), 0);
}

/** The elements in row-major order, whatever the strides. */
export function flat(x: Tensor): number[] {
  const out: number[] = [];
  const visit = (axis: number, offset: number): void => {
    if (axis === x.shape.length) out.push(x.data[offset]);
    else for (let i = 0; i < x.shape[axis]; i++) visit(axis + 1, offset + i * x.stride[axis]);
  };
  visit(0, x.offset);
  return out;
}
