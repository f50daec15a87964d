// SHA-256 in JavaScript alone, because neither node:crypto nor crypto.subtle is everywhere, over the bytes that
// src/oracle/hash.ts takes.

import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { canonicalBytes } from '../../../src/formats/canonical-bytes.ts';
import { contiguous } from '../../../src/ops/contiguous.ts';
import { isContiguous, type FloatArray, type Tensor } from '../../../src/ops/tensor.ts';

/** SHA-256 of numbers: little-endian, every NaN as 7fc00000 or 7ff8000000000000, -0 as it is. */
export function hashNumbers(data: FloatArray): string {
  return bytesToHex(sha256(canonicalBytes(data)));
}

/**
 * Digits of a part's own hash that are kept, enough to say which part differs; the hash of all is made of whole hashes.
 */
const DIGITS = 6;

/** One hash of many named arrays of numbers, and a few digits of each one's own. */
export class Fold {
  #lines = '';
  readonly #parts: Record<string, string> = {};

  /** @param x numbers in row-major order */
  add(name: string, shape: readonly number[], x: FloatArray): void {
    if (name in this.#parts) throw new RangeError(`Fold: "${name}" was added before; give each part its own name`);
    const hash = hashNumbers(x);
    this.#lines += `${name} (${shape.join(', ')}) ${hash}\n`;
    this.#parts[name] = hash.slice(0, DIGITS);
  }

  addTensor(name: string, x: Tensor): void {
    const dense = isContiguous(x) ? x : contiguous(x);
    this.add(name, x.shape, dense.data.subarray(dense.offset, dense.offset + dense.size));
  }

  /** SHA-256 over the lines "NAME (SHAPE) HASH\n" in the order in which they were added. Names are ASCII. */
  done(): Folded {
    return {
      hash: bytesToHex(sha256(Uint8Array.from(this.#lines, (character) => character.charCodeAt(0)))),
      parts: this.#parts,
    };
  }
}

export interface Folded {
  readonly hash: string;
  readonly parts: Readonly<Record<string, string>>;
}

/** FNV-1a over 32-bit words as the numerics contract has it; NaNs hash as 7fc00000. Continues from `hash`. */
export function fnv1a(words: Uint32Array, hash = 0x811c9dc5): number {
  let h = hash;
  for (let i = 0; i < words.length; i++) {
    h = Math.imul(h ^ ((words[i] & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : words[i]), 0x01000193);
  }
  return h >>> 0;
}
