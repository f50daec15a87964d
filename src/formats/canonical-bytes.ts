// The bytes that hashes are taken of: numbers in little-endian order where every NaN has one bit pattern. Portable.

import { BIG_ENDIAN_HOST, littleEndian } from './little-endian.ts';
import type { Values } from './values.ts';

/**
 * Little-endian bytes of numbers, NaN as 7fc00000 or 7ff8000000000000: what JavaScript shows of a NaN's bits differs
 * from engine to engine and run to run.
 */
export function canonicalBytes(data: Values['data']): Uint8Array {
  return littleEndian(withOneNaN(data));
}

/** The same numbers with one bit pattern for NaN; the array itself if it has no NaN. */
function withOneNaN(data: Values['data']): Values['data'] {
  let first = 0;
  while (first < data.length && data[first] === data[first]) first++;
  if (first === data.length) return data;
  const copy = data.slice();
  const words = new Uint32Array(copy.buffer);
  const width = copy.BYTES_PER_ELEMENT / 4;
  const high = width === 1 ? 0x7fc00000 : 0x7ff80000;
  const [low, top] = BIG_ENDIAN_HOST ? [width - 1, 0] : [0, width - 1];
  for (let i = first; i < copy.length; i++) {
    if (copy[i] === copy[i]) continue;
    words[width * i + low] = 0;
    words[width * i + top] = high;
  }
  return copy;
}
