// SHA-256 in JavaScript alone, because neither node:crypto nor crypto.subtle is everywhere, over the bytes that src/oracle/hash.ts takes.

import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { canonicalBytes } from '../../src/oracle/canonical-bytes.ts';
import { contiguous } from '../../src/ops/contiguous.ts';
import { isContiguous, type FloatArray, type Tensor } from '../../src/ops/tensor.ts';

/** SHA-256 of numbers: little-endian, every NaN as 7fc00000 or 7ff8000000000000, -0 as it is. */
export function hashNumbers(data: FloatArray): string {
  return bytesToHex(sha256(canonicalBytes(data)));
}

/** SHA-256 of a tensor's numbers in row-major order. */
export function hashTensor(x: Tensor): string {
  const dense = isContiguous(x) ? x : contiguous(x);
  return hashNumbers(dense.data.subarray(dense.offset, dense.offset + dense.size));
}

/** SHA-256 of a text of ASCII characters. */
export function hashText(text: string): string {
  return bytesToHex(sha256(Uint8Array.from(text, (character) => character.charCodeAt(0))));
}

/** FNV-1a over 32-bit words as the numerics contract has it; NaNs hash as 7fc00000. Continues from `hash`. */
export function fnv1a(words: Uint32Array, hash = 0x811c9dc5): number {
  let h = hash;
  for (let i = 0; i < words.length; i++) {
    h = Math.imul(h ^ ((words[i] & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : words[i]), 0x01000193);
  }
  return h >>> 0;
}
