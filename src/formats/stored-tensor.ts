// A tensor as it is stored in a file, in any order (PyTorch stores views: transposed, sliced, shared), and how it is
// read into row-major float32: in chunks through one small scratch buffer, straight into the destination.

import { sizeOf } from '../ops/tensor.ts';
import type { ByteSource } from './byte-source.ts';
import { ELEMENT_BYTES, elementReader, toHostOrder, widen, type DType } from './element-types.ts';

export interface StoredTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** In elements, like PyTorch's; 0 repeats an element. */
  readonly strides: readonly number[];
  readonly source: ByteSource;
  /** Byte position of element (0, …, 0). */
  readonly position: number;
}

const SCRATCH_BYTES = 1 << 20;
const spareScratch: Uint8Array<ArrayBuffer>[] = [];

/** Row-major strides of a shape. */
export function rowMajor(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let next = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = next;
    next *= shape[axis];
  }
  return strides;
}

/** Bytes from the first element that a view touches to the end of the last one; 0 for an empty tensor. */
export function extentBytes(shape: readonly number[], strides: readonly number[], dtype: DType): number {
  if (sizeOf(shape) === 0) return 0;
  return (shape.reduce((last, extent, axis) => last + (extent - 1) * strides[axis], 0) + 1) * ELEMENT_BYTES[dtype];
}

/** The same elements with two axes exchanged: no byte moves, only the strides do. */
export function transposed(tensor: StoredTensor): StoredTensor {
  return { ...tensor, shape: [...tensor.shape].reverse(), strides: [...tensor.strides].reverse() };
}

/**
 * Reads a tensor in row-major order, widened to float32, into `into[at…]`. @throws Error if the source ends early or
 * has changed
 */
export async function readStored(tensor: StoredTensor, into: Float32Array, at: number): Promise<void> {
  const count = sizeOf(tensor.shape);
  if (count === 0) return;
  await tensor.source.checkUnchanged();
  const scratch = spareScratch.pop() ?? new Uint8Array(SCRATCH_BYTES);
  try {
    if (isRowMajor(tensor)) await readRun(tensor, count, into, at, scratch);
    else await readStrided(tensor, into, at, scratch);
  } finally {
    if (spareScratch.length < 2) spareScratch.push(scratch);
  }
}

function isRowMajor({ shape, strides }: StoredTensor): boolean {
  const expected = rowMajor(shape);
  return shape.every((extent, axis) => extent === 1 || strides[axis] === expected[axis]);
}

async function readRun(
  { dtype, source, position }: StoredTensor,
  count: number,
  into: Float32Array,
  at: number,
  scratch: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const bytes = ELEMENT_BYTES[dtype];
  const perChunk = SCRATCH_BYTES / bytes;
  for (let done = 0; done < count; done += perChunk) {
    const n = Math.min(perChunk, count - done);
    const chunk = scratch.subarray(0, n * bytes);
    await source.read(chunk, position + done * bytes);
    toHostOrder(chunk, dtype);
    widen(dtype, scratch.buffer, n, into, at + done);
  }
}

/**
 * Walks the axes from the largest stride to the smallest, so that the file is read from front to back and the
 * destination is written wherever the element belongs; a window of the file is fetched whenever the next element is
 * outside the last one.
 */
async function readStrided(
  tensor: StoredTensor,
  into: Float32Array,
  at: number,
  scratch: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const { dtype, shape, strides, source, position } = tensor;
  const bytes = ELEMENT_BYTES[dtype];
  const destination = rowMajor(shape);
  const axes = shape
    .map((_, axis) => axis)
    .filter((axis) => shape[axis] > 1)
    .sort((a, b) => strides[b] - strides[a] || a - b);
  const counter = new Array<number>(axes.length).fill(0);
  const total = extentBytes(shape, strides, dtype) / bytes;
  const inner = axes.length - 1;
  const [innerExtent, innerFrom, innerTo] =
    inner < 0 ? [1, 0, 0] : [shape[axes[inner]], strides[axes[inner]], destination[axes[inner]]];
  let windowStart = 0,
    windowEnd = 0,
    element: (index: number) => number = () => 0;
  for (;;) {
    // [1] one run along the innermost axis
    let from = 0,
      to = at;
    for (let a = 0; a < inner; a++) {
      from += counter[a] * strides[axes[a]];
      to += counter[a] * destination[axes[a]];
    }
    for (let i = 0; i < innerExtent; i++, from += innerFrom, to += innerTo) {
      if (from < windowStart || from >= windowEnd) {
        windowStart = from;
        windowEnd = Math.min(from + SCRATCH_BYTES / bytes, total);
        const window = scratch.subarray(0, (windowEnd - windowStart) * bytes);
        await source.read(window, position + windowStart * bytes);
        toHostOrder(window, dtype);
        element = elementReader(dtype, scratch.buffer, windowEnd - windowStart);
      }
      into[to] = element(from - windowStart);
    }
    // [2] the next combination of the outer axes
    let a = inner - 1;
    while (a >= 0 && ++counter[a] === shape[axes[a]]) counter[a--] = 0;
    if (a < 0) return;
  }
}
