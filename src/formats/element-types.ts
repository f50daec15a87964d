// Element types: bytes per element, the names that safetensors and PyTorch give them, and the widening of raw bytes to
// float32.

import { halfTable } from './half-float.ts';
import { BIG_ENDIAN_HOST } from './little-endian.ts';

/** Element types that a file of tensors may hold, by the names of safetensors. */
export type DType = 'F16' | 'BF16' | 'F32' | 'F64' | 'I64' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL';

export interface TensorInfo {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export const ELEMENT_BYTES: Readonly<Record<DType, number>> = {
  F16: 2,
  BF16: 2,
  F32: 4,
  F64: 8,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** PyTorch's typed storages (torch/storage.py) as element types. */
export const STORAGE_TYPES: ReadonlyMap<string, DType> = new Map<string, DType>([
  ['HalfStorage', 'F16'],
  ['BFloat16Storage', 'BF16'],
  ['FloatStorage', 'F32'],
  ['DoubleStorage', 'F64'],
  ['LongStorage', 'I64'],
  ['IntStorage', 'I32'],
  ['ShortStorage', 'I16'],
  ['CharStorage', 'I8'],
  ['ByteStorage', 'U8'],
  ['BoolStorage', 'BOOL'],
]);

export const isFloat = (dtype: DType): boolean =>
  dtype === 'F16' || dtype === 'BF16' || dtype === 'F32' || dtype === 'F64';

/**
 * The same element type seen from the side of typed arrays, for element-wise access; `buffer` starts with the elements.
 */
const READERS: Readonly<Record<DType, (buffer: ArrayBuffer, count: number) => (index: number) => number>> = {
  F16: (buffer, count) => {
    const halves = new Uint16Array(buffer, 0, count),
      table = halfTable();
    return (i) => table[halves[i]];
  },
  BF16: (buffer, count) => {
    const halves = new Uint16Array(buffer, 0, count),
      bits = new Uint32Array(1),
      value = new Float32Array(bits.buffer);
    return (i) => {
      bits[0] = halves[i] << 16;
      return value[0];
    };
  },
  F32: (buffer, count) => {
    const x = new Float32Array(buffer, 0, count);
    return (i) => x[i];
  },
  F64: (buffer, count) => {
    const x = new Float64Array(buffer, 0, count);
    return (i) => x[i];
  },
  I64: (buffer, count) => {
    const x = new BigInt64Array(buffer, 0, count);
    return (i) => Number(x[i]);
  },
  I32: (buffer, count) => {
    const x = new Int32Array(buffer, 0, count);
    return (i) => x[i];
  },
  I16: (buffer, count) => {
    const x = new Int16Array(buffer, 0, count);
    return (i) => x[i];
  },
  I8: (buffer, count) => {
    const x = new Int8Array(buffer, 0, count);
    return (i) => x[i];
  },
  U8: (buffer, count) => {
    const x = new Uint8Array(buffer, 0, count);
    return (i) => x[i];
  },
  BOOL: (buffer, count) => {
    const x = new Uint8Array(buffer, 0, count);
    return (i) => (x[i] === 0 ? 0 : 1);
  },
};

/** Reads single elements out of `buffer`, whose first `count` elements have the type `dtype`. For strided tensors. */
export function elementReader(dtype: DType, buffer: ArrayBuffer, count: number): (index: number) => number {
  return READERS[dtype](buffer, count);
}

/**
 * Files are little endian. On a big-endian processor the elements are turned round in place; elsewhere nothing happens.
 */
export function toHostOrder(bytes: Uint8Array, dtype: DType): void {
  const size = ELEMENT_BYTES[dtype];
  if (BIG_ENDIAN_HOST) for (let at = 0; at + size <= bytes.length; at += size) bytes.subarray(at, at + size).reverse();
}

/**
 * Widens `count` consecutive elements to float32: F16 and BF16 exactly, F64 with one rounding.
 * @param buffer begins with the elements; @param into takes them from index `at` on
 */
export function widen(dtype: DType, buffer: ArrayBuffer, count: number, into: Float32Array, at: number): void {
  if (dtype === 'F32') {
    // Bits, not values: a signalling NaN stays what it is until the finiteness check names it.
    new Uint8Array(into.buffer, into.byteOffset + 4 * at, 4 * count).set(new Uint8Array(buffer, 0, 4 * count));
  } else if (dtype === 'F16') {
    const halves = new Uint16Array(buffer, 0, count),
      table = halfTable();
    for (let i = 0; i < count; i++) into[at + i] = table[halves[i]];
  } else if (dtype === 'BF16') {
    const halves = new Uint16Array(buffer, 0, count),
      bits = new Uint32Array(into.buffer, into.byteOffset + 4 * at, count);
    for (let i = 0; i < count; i++) bits[i] = halves[i] << 16;
  } else if (dtype === 'F64') {
    const x = new Float64Array(buffer, 0, count);
    for (let i = 0; i < count; i++) into[at + i] = x[i];
  } else {
    const element = elementReader(dtype, buffer, count);
    for (let i = 0; i < count; i++) into[at + i] = element(i);
  }
}
