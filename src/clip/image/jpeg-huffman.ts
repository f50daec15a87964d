// JPEG's Huffman codes (ITU-T T.81, annex C and F.2.2) and the bits of a scan that they are read from.

/**
 * Codes by length: a code of n bits belongs to symbols[first[n] + code - least[n]] if code <= most[n] (T.81, F.2.2.3).
 */
export interface HuffmanTable {
  least: Int32Array;
  most: Int32Array;
  first: Int32Array;
  symbols: Uint8Array;
}

/** @throws Error in a few words if there are more codes of a length than bits allow */
export function huffmanTable(counts: Uint8Array, symbols: Uint8Array): HuffmanTable {
  const least = new Int32Array(17),
    most = new Int32Array(17).fill(-1),
    first = new Int32Array(17);
  let code = 0,
    at = 0;
  for (let n = 1; n <= 16; n++, code <<= 1) {
    least[n] = code;
    first[n] = at;
    at += counts[n - 1];
    code += counts[n - 1];
    if (counts[n - 1] > 0) most[n] = code - 1;
    if (code > 1 << n) throw new Error('a Huffman table with more codes than bits allow');
  }
  return { least, most, first, symbols };
}

/**
 * The bits of one scan, with stuffed zeros removed. A marker ends them: what is read behind it is an error, or zeros if
 * that is tolerated.
 */
export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #tolerant: boolean;
  /** Whether bits behind the end were read. */
  exhausted = false;
  at: number;
  #buffer = 0;
  #available = 0;

  constructor(bytes: Uint8Array, at: number, tolerant: boolean) {
    this.#bytes = bytes;
    this.#tolerant = tolerant;
    this.at = at;
  }

  bit(): number {
    if (this.#available === 0) {
      const byte = this.#bytes[this.at];
      if (byte === undefined || (byte === 0xff && this.#bytes[this.at + 1] !== 0)) {
        if (!this.#tolerant) throw new Error('premature end of data segment');
        this.exhausted = true;
        return 0;
      }
      this.at += byte === 0xff ? 2 : 1;
      this.#buffer = byte;
      this.#available = 8;
    }
    return (this.#buffer >> --this.#available) & 1;
  }

  bits(n: number): number {
    let value = 0;
    while (n-- > 0) value = (value << 1) | this.bit();
    return value;
  }

  /** n bits as a signed number: the upper half of the range is positive (T.81, EXTEND). */
  signed(n: number): number {
    const value = this.bits(n);
    return n === 0 || value >= 1 << (n - 1) ? value : value - (1 << n) + 1;
  }

  symbol(table: HuffmanTable): number {
    for (let n = 1, code = 0; n <= 16; n++) {
      code = (code << 1) | this.bit();
      if (code <= table.most[n]) return table.symbols[table.first[n] + code - table.least[n]];
    }
    if (this.#tolerant) return 0; // as libjpeg
    throw new Error('bad Huffman code');
  }

  /** Skips the restart marker, which begins at a whole byte. */
  restart(): void {
    this.#available = 0;
    while (this.#bytes[this.at] === 0xff && this.#bytes[this.at + 1] === 0xff) this.at++;
    if (this.#bytes[this.at] !== 0xff || (this.#bytes[this.at + 1] & 0xf8) !== 0xd0) {
      if (this.#tolerant) return;
      throw new Error('a restart marker is missing');
    }
    this.exhausted = false;
    this.at += 2;
  }
}
