// Stored elements to numbers: halves widen to float32 exactly, float64 stays. Integers, strings and the like are
// refused: no layer's output has them.

import { ELEMENT_BYTES, toHostOrder, widen } from './element-types.ts';
import type { Values } from './values.ts';

const FLOATS = ['F16', 'BF16', 'F32', 'F64'] as const;

/** Element types that a layer's output may be stored in. */
export type FloatDType = (typeof FLOATS)[number];

export const isFloatDType = (dtype: string): dtype is FloatDType => (FLOATS as readonly string[]).includes(dtype);

/** Bytes of one element. */
export const floatBytes = (dtype: FloatDType): number => ELEMENT_BYTES[dtype];

/**
 * @param where names the tensor in the message
 * @throws Error if `dtype` is not a floating-point type
 */
export function checkFloat(dtype: string, where: string): FloatDType {
  if (isFloatDType(dtype)) return dtype;
  throw new Error(
    `${where} expected floating-point elements (float16, bfloat16, float32 or float64), got ${dtype}; convert ` +
      'it to float32 before dumping',
  );
}

/**
 * Elements in row-major order, little endian, as numbers.
 * @param bytes its own buffer from the start; it may become the result's memory and is changed on a big-endian
 *   processor
 */
export function decode(bytes: Uint8Array<ArrayBuffer>, dtype: FloatDType): Values['data'] {
  const own = bytes.byteOffset === 0 ? bytes : bytes.slice();
  toHostOrder(Buffer.from(own.buffer, 0, own.length), dtype);
  const count = own.length / ELEMENT_BYTES[dtype];
  if (dtype === 'F32') return new Float32Array(own.buffer, 0, count);
  if (dtype === 'F64') return new Float64Array(own.buffer, 0, count);
  const data = new Float32Array(count);
  widen(dtype, own.buffer, count, data, 0);
  return data;
}
