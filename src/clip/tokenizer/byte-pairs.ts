// Byte-pair encoding as OpenAI's CLIP has it (openai/CLIP, clip/simple_tokenizer.py; the method: Sennrich et al. 2016,
// https://arxiv.org/abs/1508.07909, on bytes as in GPT-2). Differs from simple_tokenizer.py in one way: symbols are
// their ids from the start, no strings of stand-in characters.
//
// The vocabulary: ids 0 to 255 are the bytes in BYTES' order, 256 to 511 the same at the end of a word ("</w>"), then
// one id per merge in order of rank, then start and end of text.

import { mergeLong } from './merge-long.ts';

/**
 * Contractions, runs of letters, single digits, runs of anything else that is not a space. simple_tokenizer.py ignores
 * case here, which on text in lower case matters for two characters: U+017F is an s, and U+0345, whose capital is a
 * letter although it is not one itself, is in no class.
 */
const WORD = new RegExp(
  [
    /<\|startoftext\|>|<\|endoftext\|>/,
    /'[s\u017f]|'t|'re|'ve|'m|'ll|'d/,
    /\p{L}+|\p{N}|[^\u0345\p{White_Space}\p{L}\p{N}]+/u,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gu',
);

/** The bytes in the order of their ids: first those that are printable characters of Latin-1, then the others. */
const BYTES: readonly number[] = (() => {
  const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
  const printable = [...range(0x21, 0x7e), ...range(0xa1, 0xac), ...range(0xae, 0xff)];
  return [...printable, ...range(0, 255).filter((byte) => !printable.includes(byte))];
})();

const END_OF_WORD = 256;
const FIRST_MERGE = 512;
/** Words of more bytes are merged by the heap: the plain loop takes a second for some thousand. */
const LONG = 128;
/** Words that are remembered, and how long one may be for that. */
const REMEMBERED = 10_000;
const REMEMBERED_LENGTH = 64;

export class BytePairs {
  readonly startOfText: number;
  readonly endOfText: number;
  /** Rank of a pair of ids. */
  readonly #ranks = new Map<number, number>();
  /** What each id stands for, and whether a word ends there. */
  readonly #bytes: Uint8Array[];
  readonly #ends: boolean[];
  readonly #known = new Map<string, readonly number[]>();

  /**
   * @param merges lines of two symbols, best first, where bytes are written as the characters of `standIns`
   * @throws Error if a line is not a merge
   */
  constructor(merges: readonly string[]) {
    const ids = new Map<string, number>();
    this.#bytes = [0, 1].flatMap(() => BYTES.map((byte) => Uint8Array.of(byte)));
    this.#ends = [false, true].flatMap((end) => BYTES.map(() => end));
    standIns().forEach((character, id) => ids.set(character, id).set(`${character}</w>`, END_OF_WORD + id));
    merges.forEach((merge, rank) => {
      const [first, second, more] = merge.split(' ');
      const [left, right] = [ids.get(first), ids.get(second)];
      if (left === undefined || right === undefined || more !== undefined) {
        throw new Error(
          `byte-pair merges: line ${rank} expected two symbols that come before it, got ` +
            `${JSON.stringify(merge.slice(0, 60))}; build the project again`,
        );
      }
      const id = FIRST_MERGE + rank;
      ids.set(first + second, id);
      this.#ranks.set(pair(left, right), rank);
      this.#bytes.push(Uint8Array.of(...this.#bytes[left], ...this.#bytes[right]));
      this.#ends.push(this.#ends[right]);
    });
    this.startOfText = FIRST_MERGE + merges.length;
    this.endOfText = this.startOfText + 1;
  }

  /**
   * The ids of a text that is cleaned and in lower case. The special tokens' names, written out in it, are those
   * tokens, as in simple_tokenizer.py.
   */
  encode(text: string): number[] {
    const ids: number[] = [];
    for (const [word] of text.matchAll(WORD)) {
      if (word === '<|startoftext|>') ids.push(this.startOfText);
      else if (word === '<|endoftext|>') ids.push(this.endOfText);
      else for (const id of this.#word(word)) ids.push(id);
    }
    return ids;
  }

  /**
   * The text of ids: a space after each word, U+FFFD for bytes that are not UTF-8. Special tokens have no text. @throws
   * RangeError for an id outside the vocabulary
   */
  decode(ids: Iterable<number>): string {
    const bytes: number[] = [];
    for (const id of ids) {
      if (!Number.isInteger(id) || id < 0 || id > this.endOfText)
        throw new RangeError(`decode: "ids" expected integers from 0 to ${this.endOfText}, got ${id}`);
      if (id >= this.startOfText) continue;
      for (const byte of this.#bytes[id]) bytes.push(byte);
      if (this.#ends[id]) bytes.push(0x20);
    }
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));
  }

  #word(word: string): readonly number[] {
    const known = this.#known.get(word);
    if (known !== undefined) return known;
    const ids = this.#merge(word);
    if (word.length <= REMEMBERED_LENGTH) {
      if (this.#known.size >= REMEMBERED) this.#known.clear();
      this.#known.set(word, ids);
    }
    return ids;
  }

  /** [1] the word's bytes, the last one marked; [2] the best pair wherever it is, until no pair has a rank. */
  #merge(word: string): number[] {
    let ids = Array.from(new TextEncoder().encode(word), (byte) => IDS[byte]);
    ids[ids.length - 1] += END_OF_WORD;
    if (ids.length > LONG)
      return mergeLong(
        ids,
        (first, second) => this.#ranks.get(pair(first, second)),
        (rank) => FIRST_MERGE + rank,
      );
    for (;;) {
      let best = Infinity;
      for (let i = 0; i + 1 < ids.length; i++)
        best = Math.min(best, this.#ranks.get(pair(ids[i], ids[i + 1])) ?? Infinity);
      if (best === Infinity) return ids;
      const merged: number[] = [];
      for (let i = 0; i < ids.length; i++) {
        if (i + 1 < ids.length && this.#ranks.get(pair(ids[i], ids[i + 1])) === best) {
          merged.push(FIRST_MERGE + best);
          i++;
        } else {
          merged.push(ids[i]);
        }
      }
      ids = merged;
    }
  }
}

/** Id of each byte. */
const IDS: readonly number[] = BYTES.reduce<number[]>((ids, byte, id) => {
  ids[byte] = id;
  return ids;
}, []);

const PAIR = 65536;
const pair = (first: number, second: number): number => first * PAIR + second;

/**
 * How the merges write the bytes, in the order of BYTES: as characters of Latin-1, those that have no such character as
 * U+0100 and following.
 */
function standIns(): string[] {
  let next = 0x100;
  return BYTES.map((byte, id) => String.fromCharCode(id < 188 ? byte : next++));
}
