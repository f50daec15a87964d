// Inflate (RFC 1950, RFC 1951) of data that is cut off or damaged: as many bytes as come out before that. For files
// that are read in spite of it; whole ones are unpacked by `#host/unpack`, which is faster and checks the checksum.

/** Base and extra bits of the length codes 257 to 285, and of the distance codes. */
const LENGTHS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163];
LENGTHS.push(195, 227, 258);
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCES = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049];
DISTANCES.push(3073, 4097, 6145, 8193, 12289, 16385, 24577);
const DISTANCE_BITS = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
/** The order in which a dynamic block gives the lengths of the code of lengths. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** The data end here. */
class End extends Error {}
/** They are no deflate data from here on. */
class Damage extends Error {}

interface Code {
  /** Codes of each length. */
  counts: Uint16Array;
  /** Symbols in the order of their codes. */
  symbols: Uint16Array;
}

/** @throws Damage for more codes of a length than bits allow, or for fewer where `complete` asks for all */
function codeOf(lengths: readonly number[], complete: boolean): Code {
  const counts = new Uint16Array(16);
  for (const length of lengths) counts[length]++;
  let left = 1;
  for (let length = 1; length < 16; length++) {
    left = 2 * left - counts[length];
    if (left < 0) throw new Damage();
  }
  // One code of one bit may stand alone.
  if (left > 0 && (complete || lengths.length - counts[0] !== 1 || counts[1] !== 1)) {
    if (counts[0] !== lengths.length || complete) throw new Damage();
  }
  const offsets = new Uint16Array(16);
  for (let length = 1; length < 15; length++) offsets[length + 1] = offsets[length] + counts[length];
  const symbols = new Uint16Array(lengths.length);
  lengths.forEach((length, symbol) => {
    if (length > 0) symbols[offsets[length]++] = symbol;
  });
  return { counts, symbols };
}

export interface Unpacked {
  /** What came out. */
  bytes: Uint8Array;
  /** Whether something wrong ended it, before the next byte: not the end of the data, and not the limit. */
  damaged: boolean;
  /** How many bytes had come out when the last byte of the data was read; Infinity if it was not. */
  atLast: number;
}

class Inflater {
  readonly #data: Uint8Array;
  #out: Uint8Array;
  readonly #limit: number;
  #at = 2;
  #bits = 0;
  #filled = 0;
  #to = 0;
  #atLast = Infinity;

  constructor(data: Uint8Array, limit: number) {
    this.#data = data;
    this.#limit = limit;
    this.#out = new Uint8Array(Math.min(limit, 65536));
  }

  run(): Unpacked {
    let damaged = false;
    try {
      if (this.#data.length < 2) throw new End();
      const [method, flags] = this.#data;
      if ((method & 15) !== 8 || method >> 4 > 7 || (method * 256 + flags) % 31 !== 0 || flags & 32) throw new Damage();
      let last = false;
      while (!last) {
        last = this.#take(1) === 1;
        const kind = this.#take(2);
        if (kind === 0) this.#stored();
        else if (kind === 1) this.#compressed(...FIXED);
        else if (kind === 2) this.#compressed(...this.#dynamic());
        else throw new Damage();
      }
      this.#bits = this.#filled = 0;
      const [a, b] = this.#checksum();
      if (this.#take(8) * 256 + this.#take(8) !== b || this.#take(8) * 256 + this.#take(8) !== a) throw new Damage();
    } catch (error) {
      damaged = error instanceof Damage;
      if (!damaged && !(error instanceof End)) throw error;
    }
    return { bytes: this.#out.subarray(0, this.#to), damaged, atLast: this.#atLast };
  }

  /** The two halves of Adler-32. */
  #checksum(): [number, number] {
    let a = 1,
      b = 0;
    for (let i = 0; i < this.#to; i++) {
      a = (a + this.#out[i]) % 65521;
      b = (b + a) % 65521;
    }
    return [a, b];
  }

  #take(count: number): number {
    while (this.#filled < count) {
      if (this.#at >= this.#data.length) throw new End();
      this.#bits |= this.#data[this.#at++] << this.#filled;
      if (this.#at === this.#data.length) this.#atLast = this.#to;
      this.#filled += 8;
    }
    const value = this.#bits & ((1 << count) - 1);
    this.#bits >>>= count;
    this.#filled -= count;
    return value;
  }

  #symbol({ counts, symbols }: Code): number {
    let code = 0,
      first = 0,
      index = 0;
    for (let length = 1; length < 16; length++) {
      code |= this.#take(1);
      if (code - counts[length] < first) return symbols[index + code - first];
      index += counts[length];
      first = (first + counts[length]) << 1;
      code <<= 1;
    }
    throw new Damage();
  }

  #put(byte: number): void {
    if (this.#to === this.#limit) throw new End();
    if (this.#to === this.#out.length) {
      const larger = new Uint8Array(Math.min(this.#limit, 2 * this.#out.length));
      larger.set(this.#out);
      this.#out = larger;
    }
    this.#out[this.#to++] = byte;
  }

  #stored(): void {
    this.#bits = this.#filled = 0;
    const length = this.#take(16);
    if (length !== (~this.#take(16) & 0xffff)) throw new Damage();
    for (let i = 0; i < length; i++) this.#put(this.#take(8));
  }

  #dynamic(): [Code, Code] {
    const literals = this.#take(5) + 257,
      distances = this.#take(5) + 1,
      given = this.#take(4) + 4;
    if (literals > 286 || distances > 30) throw new Damage();
    const lengths = new Array<number>(19).fill(0);
    for (let i = 0; i < given; i++) lengths[ORDER[i]] = this.#take(3);
    const code = codeOf(lengths, true);
    const all: number[] = [];
    while (all.length < literals + distances) {
      const symbol = this.#symbol(code);
      if (symbol < 16) {
        all.push(symbol);
        continue;
      }
      if (symbol === 16 && all.length === 0) throw new Damage();
      const value = symbol === 16 ? all[all.length - 1] : 0;
      const times = symbol === 16 ? 3 + this.#take(2) : symbol === 17 ? 3 + this.#take(3) : 11 + this.#take(7);
      if (all.length + times > literals + distances) throw new Damage();
      for (let i = 0; i < times; i++) all.push(value);
    }
    if (all[256] === 0) throw new Damage();
    return [codeOf(all.slice(0, literals), false), codeOf(all.slice(literals), false)];
  }

  #compressed(literals: Code, distances: Code): void {
    for (;;) {
      const symbol = this.#symbol(literals);
      if (symbol === 256) return;
      if (symbol < 256) {
        this.#put(symbol);
        continue;
      }
      if (symbol > 285) throw new Damage();
      const length = LENGTHS[symbol - 257] + this.#take(LENGTH_BITS[symbol - 257]);
      const code = this.#symbol(distances);
      if (code > 29) throw new Damage();
      const distance = DISTANCES[code] + this.#take(DISTANCE_BITS[code]);
      if (distance > this.#to) throw new Damage();
      for (let i = 0; i < length; i++) this.#put(this.#out[this.#to - distance]);
    }
  }
}

const FIXED: [Code, Code] = [
  codeOf(
    Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)),
    false,
  ),
  codeOf(new Array<number>(32).fill(5), false),
];

/**
 * What a zlib stream unpacks to until it ends, is damaged, or has given `limit` bytes.
 */
export function inflatePartial(data: Uint8Array, limit: number): Unpacked {
  return new Inflater(data, limit).run();
}
