// The bytes of a pickle: numbers, strings and lines, each checked against the end before it is read.

import { latin1 } from '../latin1.ts';

/** The bytes end before the pickle does: read more, or report a truncated file. */
export class PickleEnd extends Error {
  override name = 'PickleEnd';
}

/** Digits or bytes of one number; PyTorch's largest has ten bytes. Longer ones would cost quadratic time. */
const MAX_NUMBER_LENGTH = 1024;

export class PickleReader {
  position: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;

  constructor(bytes: Uint8Array, start: number, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = start;
    this.#what = what;
  }

  damaged(text: string): Error {
    return new Error(
      `${this.#what} is not a valid pickle: ${text} (at byte ${this.position}); copy or download the file again`,
    );
  }

  /** Advances by `length` bytes and returns the position before. */
  #advance(length: number): number {
    const at = this.position;
    if (length > this.#bytes.length - at)
      throw new PickleEnd(`${this.#what} ends in the middle; the file is truncated: copy or download it again`);
    this.position = at + length;
    return at;
  }

  byte(): number {
    return this.#bytes[this.#advance(1)];
  }
  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }
  int32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }
  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }
  float64(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  uint64(): number {
    const value = this.#view.getBigUint64(this.#advance(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.damaged(`a length of ${value} bytes is impossible`);
    return Number(value);
  }

  /** A frame only says how many bytes follow; they are read one opcode at a time all the same. */
  skipFrame(): void {
    this.uint64();
  }

  /** A copy, so that a small string of bytes does not hold the whole pickle. */
  take(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.slice(at, at + length);
  }

  #view8(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  utf8(length: number): string {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.#view8(length));
  }
  latin1(length: number): string {
    return latin1(this.#view8(length));
  }

  /** A little-endian two's complement integer of `length` bytes. */
  long(length: number): number | bigint {
    if (length > MAX_NUMBER_LENGTH) throw this.damaged(`a number has ${length} bytes`);
    const bytes = this.#view8(length);
    let hex = '';
    for (let i = length - 1; i >= 0; i--) hex += bytes[i].toString(16).padStart(2, '0');
    return length === 0 ? 0 : small(BigInt.asIntN(8 * length, BigInt(`0x${hex}`)));
  }

  /** Up to the next newline, without it. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.position);
    if (end < 0)
      throw new PickleEnd(`${this.#what} ends in the middle; the file is truncated: copy or download it again`);
    const text = this.latin1(end - this.position);
    this.position = end + 1;
    return text;
  }

  textIndex(): number {
    const text = this.line();
    if (!/^\d{1,15}$/.test(text)) throw this.damaged(`${JSON.stringify(text.slice(0, 40))} is not a memo index`);
    return Number(text);
  }

  /** Protocol 0 writes booleans as the integers 00 and 01. */
  textInteger(): number | bigint | boolean {
    const text = this.line();
    return text === '00' ? false : text === '01' ? true : this.#integer(text);
  }

  textLong(): number | bigint {
    return this.#integer(this.line().replace(/L$/, ''));
  }

  #integer(text: string): number | bigint {
    if (!/^[-+]?\d+$/.test(text) || text.length > MAX_NUMBER_LENGTH)
      throw this.damaged(`${JSON.stringify(text.slice(0, 40))} is not an integer`);
    return small(BigInt(text));
  }

  textFloat(): number {
    const text = this.line();
    const value = Number(text);
    if (text.trim() === '' || (Number.isNaN(value) && text !== 'nan')) {
      if (/^[-+]?inf$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
      throw this.damaged(`${JSON.stringify(text.slice(0, 40))} is not a number`);
    }
    return value;
  }

  /** 'text' or "text" with Python's backslash escapes. */
  quotedString(): string {
    const text = this.line();
    if (text.length < 2 || !/^(['"]).*\1$/s.test(text)) throw this.damaged('a string is not quoted');
    return text
      .slice(1, -1)
      .replace(/\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|(.))/gs, (_, hex?: string, octal?: string, plain?: string) =>
        hex !== undefined
          ? String.fromCharCode(parseInt(hex, 16))
          : octal !== undefined
            ? String.fromCharCode(parseInt(octal, 8) & 255)
            : ({ n: '\n', r: '\r', t: '\t' }[plain!] ?? plain!),
      );
  }

  /** raw-unicode-escape: Latin-1 with \uXXXX and \UXXXXXXXX. */
  textUnicode(): string {
    return this.line().replace(
      /\\u([0-9a-fA-F]{4})|\\U(0010[0-9a-fA-F]{4}|000[0-9a-fA-F]{5})/g,
      (_, four?: string, eight?: string) => String.fromCodePoint(parseInt(four ?? eight!, 16)),
    );
  }
}

/** As a number if that is exact. */
const small = (value: bigint): number | bigint =>
  value >= -9007199254740992n && value <= 9007199254740992n ? Number(value) : value;
