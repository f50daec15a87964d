// JPEG's entropy coding undone (ITU-T T.81, annexes B, F and G): Huffman codes to the quantised coefficients of every
// block, baseline and progressive.
// Left out: arithmetic coding, and mending damaged data, which is an error here.

export interface Component {
  id: number;
  /** Sampling factors. */
  h: number;
  v: number;
  table: number;
  /** Blocks that hold samples of the picture … */
  blocksAcross: number;
  blocksDown: number;
  /** … and blocks per row in memory, whole MCUs. */
  stride: number;
  coefficients: Int16Array;
}

export interface Coefficients {
  width: number;
  height: number;
  components: Component[];
  /** Quantisation tables by number, in zigzag order. */
  quantisation: Uint16Array[];
  /** The transform byte of Adobe's marker, if there is one. */
  adobe?: number;
  /** Whether there is a JFIF marker. */
  jfif: boolean;
}

/** Position in the block (row * 8 + column) of the k-th coefficient in zigzag order. */
export const ZIGZAG = Uint8Array.of(
  0,
  1,
  8,
  16,
  9,
  2,
  3,
  10,
  17,
  24,
  32,
  25,
  18,
  11,
  4,
  5,
  12,
  19,
  26,
  33,
  40,
  48,
  41,
  34,
  27,
  20,
  13,
  6,
  7,
  14,
  21,
  28,
  35,
  42,
  49,
  56,
  57,
  50,
  43,
  36,
  29,
  22,
  15,
  23,
  30,
  37,
  44,
  51,
  58,
  59,
  52,
  45,
  38,
  31,
  39,
  46,
  53,
  60,
  61,
  54,
  47,
  55,
  62,
  63,
);

/**
 * Codes by length: a code of n bits belongs to symbols[first[n] + code - least[n]] if code <= most[n] (T.81, F.2.2.3).
 */
interface HuffmanTable {
  least: Int32Array;
  most: Int32Array;
  first: Int32Array;
  symbols: Uint8Array;
}

function huffmanTable(counts: Uint8Array, symbols: Uint8Array): HuffmanTable {
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

/** The bits of one scan, with stuffed zeros removed. A marker ends them. */
class BitReader {
  private readonly bytes: Uint8Array;
  at: number;
  private buffer = 0;
  private available = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  bit(): number {
    if (this.available === 0) {
      const byte = this.bytes[this.at];
      if (byte === undefined || (byte === 0xff && this.bytes[this.at + 1] !== 0))
        throw new Error('premature end of data segment');
      this.at += byte === 0xff ? 2 : 1;
      this.buffer = byte;
      this.available = 8;
    }
    return (this.buffer >> --this.available) & 1;
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
    throw new Error('bad Huffman code');
  }

  /** Over the restart marker, which begins at a whole byte. */
  restart(): void {
    this.available = 0;
    while (this.bytes[this.at] === 0xff && this.bytes[this.at + 1] === 0xff) this.at++;
    if (this.bytes[this.at] !== 0xff || (this.bytes[this.at + 1] & 0xf8) !== 0xd0)
      throw new Error('a restart marker is missing');
    this.at += 2;
  }
}

/**
 * What a scan decodes: coefficients from … to of each block, all bits (high = 0) or one more bit, down to bit `low`.
 */
interface Scan {
  from: number;
  to: number;
  high: number;
  low: number;
  progressive: boolean;
  zeroBlocks: number;
}
interface ScanComponent {
  component: Component;
  dc?: HuffmanTable;
  ac?: HuffmanTable;
  prediction: number;
}

const need = (table: HuffmanTable | undefined): HuffmanTable => {
  if (!table) throw new Error('a Huffman table is missing');
  return table;
};

/** One block of one scan; `at` is where its 64 coefficients begin. */
function decodeBlock(reader: BitReader, scan: Scan, part: ScanComponent, at: number): void {
  const data = part.component.coefficients;
  let k = scan.from;
  if (k === 0) {
    if (scan.high === 0) data[at] = (part.prediction += reader.signed(reader.symbol(need(part.dc)) & 15)) << scan.low;
    else if (reader.bit()) data[at] |= 1 << scan.low;
    if (scan.progressive) return;
    k = 1;
  }
  if (scan.high > 0) {
    refineBlock(reader, scan, need(part.ac), data, at);
    return;
  }
  if (scan.zeroBlocks > 0) {
    scan.zeroBlocks--;
    return;
  }
  for (; k <= scan.to; k++) {
    const symbol = reader.symbol(need(part.ac));
    const run = symbol >> 4,
      size = symbol & 15;
    if (size === 0 && run < 15) {
      if (scan.progressive) scan.zeroBlocks = (1 << run) + reader.bits(run) - 1;
      return;
    }
    k += run;
    if (k > 63) throw new Error('more coefficients than a block has');
    if (size > 0) data[at + ZIGZAG[k]] = reader.signed(size) << scan.low;
  }
}

/** One more bit of every coefficient that is not zero, and new ones of that size between them (T.81, G.1.2.3). */
function refineBlock(reader: BitReader, scan: Scan, table: HuffmanTable, data: Int16Array, at: number): void {
  const unit = 1 << scan.low;
  const refine = (i: number): void => {
    if (reader.bit() && (data[i] & unit) === 0) data[i] += data[i] > 0 ? unit : -unit;
  };
  let k = scan.from;
  if (scan.zeroBlocks === 0) {
    for (; k <= scan.to; k++) {
      const symbol = reader.symbol(table);
      let run = symbol >> 4,
        fresh = 0;
      if ((symbol & 15) === 0) {
        if (run < 15) {
          scan.zeroBlocks = (1 << run) + reader.bits(run);
          break;
        }
      } else fresh = reader.bit() ? unit : -unit;
      // Over `run` zeros, refining what is not zero on the way.
      for (; k <= scan.to; k++) {
        const i = at + ZIGZAG[k];
        if (data[i] !== 0) refine(i);
        else if (run-- === 0) break;
      }
      if (fresh !== 0 && k <= scan.to) data[at + ZIGZAG[k]] = fresh;
    }
  }
  if (scan.zeroBlocks > 0) {
    for (; k <= scan.to; k++) if (data[at + ZIGZAG[k]] !== 0) refine(at + ZIGZAG[k]);
    scan.zeroBlocks--;
  }
}

/** All blocks of one scan, in MCUs if several components are interleaved. @returns the offset behind the scan's data */
function decodeScan(
  bytes: Uint8Array,
  at: number,
  scan: Scan,
  parts: ScanComponent[],
  mcusAcross: number,
  mcusDown: number,
  restartInterval: number,
): number {
  const reader = new BitReader(bytes, at);
  const alone = parts.length === 1;
  const across = alone ? parts[0].component.blocksAcross : mcusAcross,
    down = alone ? parts[0].component.blocksDown : mcusDown;
  for (let mcu = 0; mcu < across * down; mcu++) {
    if (restartInterval > 0 && mcu > 0 && mcu % restartInterval === 0) {
      reader.restart();
      scan.zeroBlocks = 0;
      for (const part of parts) part.prediction = 0;
    }
    const column = mcu % across,
      row = Math.floor(mcu / across);
    for (const part of parts) {
      const { h, v, stride } = part.component;
      if (alone) decodeBlock(reader, scan, part, (row * stride + column) * 64);
      else
        for (let y = 0; y < v; y++)
          for (let x = 0; x < h; x++) decodeBlock(reader, scan, part, ((row * v + y) * stride + column * h + x) * 64);
    }
  }
  return reader.at;
}

/**
 * The coefficients of a whole file, already walked by `jpegHeader`.
 * @throws Error in a few words, without remedy, if anything is missing or impossible
 */
export function jpegCoefficients(bytes: Uint8Array): Coefficients {
  const quantisation: Uint16Array[] = [],
    dc: HuffmanTable[] = [],
    ac: HuffmanTable[] = [];
  let frame: Coefficients | undefined,
    adobe: number | undefined,
    jfif = false,
    progressive = false;
  let restartInterval = 0,
    mcusAcross = 0,
    mcusDown = 0;
  const word = (at: number): number => bytes[at] * 256 + bytes[at + 1];

  for (let at = 2; ;) {
    at = bytes.indexOf(0xff, at);
    if (at < 0) throw new Error('premature end of file');
    while (bytes[at] === 0xff) at++;
    const code = bytes[at++];
    if (code === 0xd9) break;
    if (code === 0 || code === 1 || (code >= 0xd0 && code <= 0xd8)) continue;
    const end = at + word(at);
    if (!(end <= bytes.length)) throw new Error('premature end of file');
    let p = at + 2;
    at = end;
    if (code === 0xdb) {
      // DQT
      while (p < end) {
        const wide = bytes[p] >> 4,
          id = bytes[p++] & 3;
        quantisation[id] = Uint16Array.from({ length: 64 }, (_, k) => (wide ? word(p + 2 * k) : bytes[p + k]));
        p += wide ? 128 : 64;
      }
    } else if (code === 0xc4) {
      // DHT
      while (p + 17 <= end) {
        const kind = bytes[p] >> 4,
          id = bytes[p] & 3,
          counts = bytes.subarray(p + 1, p + 17);
        const length = counts.reduce((sum, n) => sum + n, 0);
        (kind ? ac : dc)[id] = huffmanTable(counts, bytes.subarray(p + 17, p + 17 + length));
        p += 17 + length;
      }
    } else if (code === 0xdd) restartInterval = word(p);
    else if (code === 0xe0 && end - p >= 5 && String.fromCharCode(...bytes.subarray(p, p + 5)) === 'JFIF\0')
      jfif = true;
    else if (code === 0xee && end - p >= 12 && String.fromCharCode(...bytes.subarray(p, p + 5)) === 'Adobe')
      adobe = bytes[p + 11];
    else if (code === 0xc0 || code === 0xc1 || code === 0xc2) {
      progressive = code === 0xc2;
      const height = word(p + 1),
        width = word(p + 3),
        count = bytes[p + 5];
      const raw = Array.from({ length: count }, (_, i) => bytes.subarray(p + 6 + 3 * i, p + 9 + 3 * i)).map(
        ([id, hv, table]) => ({ id, h: hv >> 4, v: hv & 15, table }),
      );
      if (raw.some(({ h, v, table }) => !(h >= 1 && h <= 4 && v >= 1 && v <= 4 && table <= 3)))
        throw new Error('Bogus sampling factors');
      const hMost = Math.max(...raw.map(({ h }) => h)),
        vMost = Math.max(...raw.map(({ v }) => v));
      mcusAcross = Math.ceil(width / (8 * hMost));
      mcusDown = Math.ceil(height / (8 * vMost));
      // A block is at least one bit: a short file cannot fill a large picture, and asks for no memory.
      if (raw.reduce((sum, { h, v }) => sum + h * v, 0) * mcusAcross * mcusDown > bytes.length * 8)
        throw new Error('premature end of file');
      const components = raw.map((c) => {
        const stride = mcusAcross * c.h;
        return {
          ...c,
          stride,
          coefficients: new Int16Array(stride * mcusDown * c.v * 64),
          blocksAcross: Math.ceil(Math.ceil((width * c.h) / hMost) / 8),
          blocksDown: Math.ceil(Math.ceil((height * c.v) / vMost) / 8),
        };
      });
      frame = { width, height, components, quantisation, jfif };
    } else if (code === 0xc9 || code === 0xca) throw new Error('arithmetic coding, which is not decoded here');
    else if (code === 0xda) {
      // SOS
      if (!frame) throw new Error('a scan before its frame');
      const { components } = frame;
      const parts = Array.from({ length: bytes[p] }, (_, i): ScanComponent => {
        const component = components.find(({ id }) => id === bytes[p + 1 + 2 * i]);
        if (!component) throw new Error('a scan of a component that the frame does not have');
        const tables = bytes[p + 2 + 2 * i];
        return { component, dc: dc[tables >> 4], ac: ac[tables & 15], prediction: 0 };
      });
      p += 1 + 2 * parts.length;
      const scan: Scan = progressive
        ? {
            from: bytes[p],
            to: bytes[p + 1],
            high: bytes[p + 2] >> 4,
            low: bytes[p + 2] & 15,
            progressive,
            zeroBlocks: 0,
          }
        : { from: 0, to: 63, high: 0, low: 0, progressive, zeroBlocks: 0 };
      if (
        parts.length === 0 ||
        scan.from > scan.to ||
        scan.to > 63 ||
        scan.low > 13 ||
        (scan.from > 0 && parts.length > 1)
      )
        throw new Error('Invalid progressive parameters');
      at = decodeScan(bytes, end, scan, parts, mcusAcross, mcusDown, restartInterval);
    }
  }
  if (!frame) throw new Error('no frame');
  return { ...frame, adobe, jfif };
}
