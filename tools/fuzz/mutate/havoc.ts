// Mutations that know nothing of a format: bits, bytes, integers, blocks, words of a dictionary, pieces of other
// inputs.
// The operations are AFL's (M. Zalewski, https://lcamtuf.coredump.cx/afl/technical_details.txt).

import { concat, replaced } from './bytes.ts';
import type { Random } from './random.ts';

/** What a mutator may use besides the input. */
export interface Surroundings {
  readonly random: Random;
  /** Strings and numbers that the parser's source mentions. */
  readonly dictionary: readonly Uint8Array[];
  /** Another input of the queue. */
  other(): Uint8Array;
}

export type Mutator = (input: Uint8Array, around: Surroundings) => Uint8Array;

/** Numbers at which comparisons turn: powers of two and their neighbours, signs, sizes. */
export const TURNING_POINTS: readonly number[] = [
  0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 511, 512, 1000, 1023,
  1024, 1025, 4096, 32767, 32768, 65534, 65535, 65536, 100000, 0xffffff, 0x1000000, 0x7fffffff, 0x80000000, 0xfffffffe,
  0xffffffff,
];

const MAX_BLOCK = 256;
/** Inputs stay small: large ones are slow and find the same. */
export const MAX_INPUT = 16384;

/** A place, more often near the beginning, where headers are. */
function place({ random }: Surroundings, length: number): number {
  return random.one(2) ? random.below(Math.min(length, 128)) : random.below(length);
}

const OPERATIONS: readonly Mutator[] = [
  function flipBit(x, s) {
    const at = place(s, x.length);
    x[at] ^= 1 << s.random.below(8);
    return x;
  },
  function setByte(x, s) {
    x[place(s, x.length)] = s.random.byte();
    return x;
  },
  function turningByte(x, s) {
    x[place(s, x.length)] = s.random.pick([0, 1, 0x7f, 0x80, 0xfe, 0xff]);
    return x;
  },
  function addToByte(x, s) {
    x[place(s, x.length)] += s.random.below(35) - 17;
    return x;
  },
  function setInteger(x, s) {
    const size = s.random.pick([2, 4, 8]);
    if (x.length < size) return x;
    const at = place(s, x.length - size + 1),
      value = s.random.pick(TURNING_POINTS),
      view = new DataView(x.buffer, x.byteOffset, x.length),
      little = s.random.one(2);
    if (size === 2) view.setUint16(at, value & 0xffff, little);
    else if (size === 4) view.setUint32(at, value >>> 0, little);
    else view.setBigUint64(at, BigInt(value), little);
    return x;
  },
  function addToInteger(x, s) {
    if (x.length < 4) return x;
    const view = new DataView(x.buffer, x.byteOffset, x.length),
      at = place(s, x.length - 3),
      little = s.random.one(2),
      by = s.random.below(71) - 35;
    if (s.random.one(2)) view.setUint16(at, (view.getUint16(at, little) + by) & 0xffff, little);
    else view.setUint32(at, (view.getUint32(at, little) + by) >>> 0, little);
    return x;
  },
  function cut(x, s) {
    const at = place(s, x.length);
    return replaced(
      x,
      at,
      Math.min(1 + s.random.below(Math.min(MAX_BLOCK, x.length)), x.length - at),
      new Uint8Array(0),
    );
  },
  function truncate(x, s) {
    return x.slice(0, s.random.below(x.length));
  },
  function repeat(x, s) {
    const from = place(s, x.length),
      block = x.slice(from, from + 1 + s.random.below(MAX_BLOCK)),
      times = s.random.one(8) ? 1 + s.random.below(20) : 1;
    return replaced(x, place(s, x.length), 0, concat(...Array.from({ length: times }, () => block)));
  },
  function copy(x, s) {
    const from = place(s, x.length),
      to = place(s, x.length);
    x.copyWithin(to, from, from + 1 + s.random.below(MAX_BLOCK));
    return x;
  },
  function fill(x, s) {
    const at = place(s, x.length);
    x.fill(s.random.one(2) ? s.random.pick([0, 255, 32, 40]) : s.random.byte(), at, at + 1 + s.random.below(64));
    return x;
  },
  function insertRandom(x, s) {
    return replaced(
      x,
      place(s, x.length),
      0,
      Uint8Array.from({ length: 1 + s.random.below(16) }, () => s.random.byte()),
    );
  },
  function insertWord(x, s) {
    return s.dictionary.length === 0 ? x : replaced(x, place(s, x.length), 0, s.random.pick(s.dictionary));
  },
  function overwriteWord(x, s) {
    if (s.dictionary.length === 0) return x;
    const word = s.random.pick(s.dictionary),
      at = place(s, x.length);
    return replaced(x, at, Math.min(word.length, x.length - at), word);
  },
  function spliceBlock(x, s) {
    const other = s.other(),
      from = place(s, other.length),
      block = other.slice(from, from + 1 + s.random.below(MAX_BLOCK)),
      at = place(s, x.length);
    return replaced(x, at, s.random.one(2) ? Math.min(block.length, x.length - at) : 0, block);
  },
  function spliceTails(x, s) {
    const other = s.other();
    return concat(x.subarray(0, place(s, x.length)), other.subarray(place(s, other.length)));
  },
];

/** One to sixteen operations, few more often than many. */
export const havoc: Mutator = (input, around) => {
  let x: Uint8Array = input.slice();
  for (let n = 1 << around.random.below(5); n > 0; n--) {
    if (x.length === 0) x = Uint8Array.of(around.random.byte());
    x = around.random.pick(OPERATIONS)(x, around);
    if (x.length > MAX_INPUT) x = x.slice(0, MAX_INPUT);
  }
  return x;
};
