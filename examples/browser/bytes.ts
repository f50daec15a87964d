// Tensors as bytes: what is hashed, and what is saved.

import { sha256 } from './sha256.ts';

export interface Numbers {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Little-endian float32 with one bit pattern for NaN, as `clip-oracle trace --hash` defines it. */
export function littleEndian({ data }: Numbers): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(4 * data.length));
  data.forEach((value, i) => {
    if (Number.isNaN(value)) view.setUint32(4 * i, 0x7fc00000, true);
    else view.setFloat32(4 * i, value, true);
  });
  return new Uint8Array(view.buffer);
}

const hashOf = (numbers: Numbers): string => sha256(littleEndian(numbers));

/**
 * What `clip-oracle trace --hash` prints for these tensors: a line for each, and one for all of them in the order of
 * their names.
 */
export function hashLines(tensors: Readonly<Record<string, Numbers>>): string[] {
  const lines = Object.entries(tensors).map(([name, numbers]) => ({ name, text: `${hashOf(numbers)}  ${name}` }));
  const all = [...lines]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ text }) => `${text}\n`)
    .join('');
  return [...lines.map(({ text }) => text), `${sha256(new TextEncoder().encode(all))}  all`];
}

/** NumPy's .npy, version 1.0: a header padded to 64 bytes, then the numbers. */
export function npy(numbers: Numbers): Uint8Array<ArrayBuffer> {
  const shape = numbers.shape.length === 1 ? `(${numbers.shape[0]},)` : `(${numbers.shape.join(', ')})`;
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`;
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const bytes = new Uint8Array(10 + header.length + 4 * numbers.data.length);
  bytes.set([
    0x93,
    ...[...'NUMPY'].map((letter) => letter.charCodeAt(0)),
    1,
    0,
    header.length & 255,
    header.length >> 8,
  ]);
  bytes.set(new TextEncoder().encode(header), 10);
  bytes.set(littleEndian(numbers), 10 + header.length);
  return bytes;
}
