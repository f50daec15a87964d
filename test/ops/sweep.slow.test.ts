// Every binary32 input of the ranges in which exp, sigmoid and erf are neither trivial nor saturated, against the
// hashes of the numerics contract, which come from a study that checked all of them against MPFR. About a minute. A
// hash for each range says only "different": where one fails, the strided hashes and the exact judge in test/ops tell
// where.

import { expect, test } from 'vitest';
import { erf, exp, sigmoid } from '../../src/ops/index.ts';
import type { Tensor } from '../../src/ops/index.ts';
import { tensorOf } from '../support/arbitraries.ts';
import { elements, fnv1a, hex } from '../support/bits.ts';

const CHUNK = 1 << 20;

/** The hash of the results on all patterns from `first` to `last`, in ascending order. */
function sweep(operation: (x: Tensor) => Tensor, first: number, last: number): string {
  const words = new Uint32Array(CHUNK);
  let hash: number | undefined;
  for (let start = first; start <= last; start += CHUNK) {
    const count = Math.min(CHUNK, last - start + 1);
    for (let i = 0; i < count; i++) words[i] = start + i;
    const y = elements(operation(tensorOf(new Float32Array(words.buffer, 0, count))));
    hash = fnv1a(new Uint32Array(y.buffer, y.byteOffset, count), hash);
  }
  return hex(hash!);
}

test.each([
  ['expf', exp, 0x33000001, 0x42b1ffff, '5c096d4b'],
  ['expf', exp, 0xb3000001, 0xc2cfffff, '75b0d4d8'],
  ['sigmoid', sigmoid, 0x32800001, 0x418fffff, 'b3d4392d'],
  ['sigmoid', sigmoid, 0xb2800001, 0xc2d0ffff, 'a13ab2a0'],
  ['erf', erf, 0x00000000, 0x407bffff, '837c824c'],
] as const)(
  '%s of every binary32 of a range has the hash of the contract',
  (name, operation, first, last, expected) => {
    const hash = sweep(operation, first, last);
    console.log(`${name} ${hex(first)}..${hex(last)}: ${hash}`);
    expect(hash).toBe(expected);
  },
);
