// Equality of floating-point numbers as bit patterns: -0 is not +0, every NaN equals every NaN (numerics contract, item
// 12).

export type Floats = Float32Array | Float64Array;

/** A value with its bits: 0.1 (3dcccccd). */
export function withBits(value: number, like: Floats): string {
  const view = new DataView(new ArrayBuffer(8));
  if (like instanceof Float32Array) {
    view.setFloat32(0, value);
    return `${Object.is(value, -0) ? '-0' : value} (${view.getUint32(0).toString(16).padStart(8, '0')})`;
  }
  view.setFloat64(0, value);
  return `${Object.is(value, -0) ? '-0' : value} (${view.getBigUint64(0).toString(16).padStart(16, '0')})`;
}

/** The first element whose bits differ, in words, with the number of all that differ; null if there is none. */
export function firstDifference(actual: Floats, expected: Floats): string | null {
  if (actual.constructor !== expected.constructor)
    return `expected a ${expected.constructor.name}, got a ${actual.constructor.name}`;
  if (actual.length !== expected.length) return `expected ${expected.length} elements, got ${actual.length}`;
  let first = -1;
  let count = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(actual[i], expected[i])) continue; // Object.is: NaN equals NaN, -0 differs from +0
    if (count++ === 0) first = i;
  }
  if (count === 0) return null;
  return (
    `element ${first} of ${expected.length}: expected ${withBits(expected[first], expected)}, got ` +
    `${withBits(actual[first], actual)}; ${count} differ`
  );
}

interface Shaped {
  data: Floats;
  shape: readonly number[];
  stride: readonly number[];
  offset: number;
}

/** The elements in row-major order, by index arithmetic of its own. */
export function elements(x: Shaped): Floats {
  const size = x.shape.reduce((product, extent) => product * extent, 1);
  const result = x.data instanceof Float32Array ? new Float32Array(size) : new Float64Array(size);
  for (let i = 0; i < size; i++) {
    let rest = i;
    let at = x.offset;
    for (let axis = x.shape.length - 1; axis >= 0; axis--) {
      at += (rest % x.shape[axis]) * x.stride[axis];
      rest = Math.floor(rest / x.shape[axis]);
    }
    result[i] = x.data[at];
  }
  return result;
}

/** Throws unless both tensors have the same element type, shape and bits. */
export function expectSameBits(actual: Shaped, expected: Shaped, what = 'result'): void {
  if (actual.shape.join() !== expected.shape.join())
    throw new Error(`${what}: expected shape (${expected.shape.join(', ')}), got (${actual.shape.join(', ')})`);
  const difference = firstDifference(elements(actual), elements(expected));
  if (difference !== null) throw new Error(`${what}: ${difference}`);
}

/** FNV-1a over 32-bit words as the numerics contract has it; NaNs hash as 7fc00000. Continues from `hash`. */
export function fnv1a(words: Uint32Array, hash = 0x811c9dc5): number {
  let h = hash;
  for (let i = 0; i < words.length; i++) {
    const word = (words[i] & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : words[i];
    h = Math.imul(h ^ word, 0x01000193);
  }
  return h >>> 0;
}

/** 8 hexadecimal digits. */
export function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}

/** The binary32 with these bits. */
export function float32FromBits(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits);
  return view.getFloat32(0);
}
