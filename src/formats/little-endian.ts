// Numbers as little-endian bytes, which all formats here have, whatever the processor's order is.

export const BIG_ENDIAN_HOST = new Uint8Array(new Uint16Array([1]).buffer)[0] === 0;

/**
 * The bytes of numbers in little-endian order. On a little-endian processor these are the numbers' own memory, not a
 * copy.
 */
export function littleEndian(data: Float32Array | Float64Array | Uint16Array): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return BIG_ENDIAN_HOST ? reversed(bytes, data.BYTES_PER_ELEMENT) : bytes;
}

/** A copy with the bytes of every element of `width` bytes in reverse order. */
export function reversed(bytes: Uint8Array, width: number): Uint8Array {
  const copy = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i += width) {
    for (let j = 0; j < width; j++) copy[i + j] = bytes[i + width - 1 - j];
  }
  return copy;
}
