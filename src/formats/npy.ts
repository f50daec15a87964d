// NumPy's .npy: magic, version, length of the rest, a Python dictionary padded with spaces, then the elements.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

import { sizeOf } from '../ops/tensor.ts';
import type { Values } from './values.ts';
import { checkFloat, decode, floatBytes, isFloatDType } from './elements.ts';

export interface NpyHeader {
  /** 'F16', 'BF16', 'F32', 'F64', or NumPy's own description of an element type that no layer's output has. */
  readonly dtype: string;
  readonly bigEndian: boolean;
  /** First axis fastest. Read as its transpose. */
  readonly fortran: boolean;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly start: number;
}

/** Enough for every header that NumPy writes for a few dozen axes. */
export const NPY_HEADER_BYTES = 4096;

/** NumPy has no bfloat16: ml_dtypes, which all that write it use, describes it as two opaque bytes. */
const FLOATS: Readonly<Record<string, string>> = { f2: 'F16', V2: 'BF16', bfloat16: 'BF16', f4: 'F32', f8: 'F64' };

/**
 * Reads a header and checks that `size`, all bytes of the array, is what it promises.
 * @param bytes the beginning of the array, at least NPY_HEADER_BYTES of it unless it is shorter
 * @param where names the file, or the file and the part inside it
 * @throws Error in one sentence if it is not a valid .npy array
 */
export function npyHeader(bytes: Uint8Array, size: number, where: string): NpyHeader {
  const damaged = (text: string): Error =>
    new Error(`${where} is not a valid .npy array: ${text}; copy it or save it again with numpy.save`);
  // [1] magic, version, length
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 10) throw damaged(`expected a header, got ${bytes.length} bytes`);
  if (bytes[0] !== 0x93 || Buffer.from(bytes.subarray(1, 6)).toString('latin1') !== 'NUMPY')
    throw damaged('it does not begin with \\x93NUMPY');
  const version = bytes[6];
  if (version < 1 || version > 3) throw damaged(`expected version 1, 2 or 3 of the format, got ${version}`);
  const start =
    version === 1 ? 10 + view.getUint16(8, true) : bytes.length < 12 ? Infinity : 12 + view.getUint32(8, true);
  if (start > size) throw damaged('it ends within its header');
  if (start > bytes.length) throw damaged(`its header has ${start} bytes, expected at most ${NPY_HEADER_BYTES}`);
  // [2] the dictionary
  const text = Buffer.from(bytes.subarray(version === 1 ? 10 : 12, start)).toString('utf8');
  const fortran = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(text)?.[1];
  const extents = /['"]shape['"]\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1];
  const descr = /['"]descr['"]\s*:\s*(?:(['"])([^'"]*)\1|([[(]))/.exec(text);
  if (descr === null || fortran === undefined || extents === undefined)
    throw damaged("its header expected 'descr', 'fortran_order' and 'shape'");
  const shape = extents
    .split(',')
    .map((extent) => extent.trim().replace(/L$/, ''))
    .filter((extent) => extent !== '')
    .map(Number);
  if (shape.length > 32 || !Number.isSafeInteger(8 * sizeOf(shape)))
    throw damaged(`its shape (${extents.replace(/\s+/g, ' ').slice(0, 80)}) is too large`);
  // [3] the element type, and whether there are as many bytes as elements need
  const [, , plain = 'structured records'] = descr;
  const dtype = FLOATS[plain.replace(/^[<>|=]/, '')] ?? plain.replace(/\s+/g, ' ').trim().slice(0, 40);
  if (isFloatDType(dtype)) {
    const expected = sizeOf(shape) * floatBytes(dtype);
    if (size - start < expected)
      throw new Error(
        `${where} ends early: expected ${expected} bytes for ${dtype} (${shape.join(', ')}), got ` +
          `${size - start}; copy it or save it again`,
      );
    if (size - start > expected) throw damaged(`${size - start - expected} bytes follow its last element`);
  }
  return { dtype, bigEndian: plain.startsWith('>'), fortran: fortran === 'True', shape, start };
}

/**
 * The numbers of an array.
 * @param bytes what follows the header; may be changed
 * @throws Error if the elements are not floating-point numbers
 */
export function decodeNpy(
  bytes: Uint8Array<ArrayBuffer>,
  { dtype: stored, bigEndian, fortran, shape }: NpyHeader,
  where: string,
): Values {
  if (/^\|?O/.test(stored))
    throw new Error(
      `${where} holds Python objects, which are never unpickled; save it as numbers: numpy.asarray(x, numpy.float32)`,
    );
  const dtype = checkFloat(stored, where);
  if (bigEndian) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (floatBytes(dtype) === 2) buffer.swap16();
    else if (floatBytes(dtype) === 4) buffer.swap32();
    else buffer.swap64();
  }
  const data = decode(bytes, dtype);
  return { shape, data: fortran ? rowMajor(data, shape) : data };
}

/** Elements whose first axis runs fastest, put into row-major order. */
function rowMajor(data: Values['data'], shape: readonly number[]): Values['data'] {
  const result = data instanceof Float32Array ? new Float32Array(data.length) : new Float64Array(data.length);
  const index = new Array<number>(shape.length).fill(0);
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, extent) => product * extent, 1));
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = data[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

/**
 * The bytes before the elements. The whole is a multiple of 64, so that the elements can be mapped into memory.
 * @param least pads to at least this many bytes: room for a shape that grows
 */
export function npyHeaderBytes(elements: 'float32' | 'float64', shape: readonly number[], least = 0): Uint8Array {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '<f${elements === 'float32' ? 4 : 8}', 'fortran_order': False, 'shape': (${tuple}), }`;
  const size = Math.max(least, Math.ceil((10 + text.length + 1) / 64) * 64);
  const head = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
  head.writeUInt16LE(size - 10, 8);
  return Buffer.concat([head, Buffer.from(`${text.padEnd(size - 11)}\n`, 'latin1')]);
}
