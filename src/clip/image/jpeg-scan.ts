// One scan of a JPEG: Huffman codes to the quantised coefficients of every block, all of them (baseline) or some of
// their bits (progressive; ITU-T T.81, annexes F and G).

import { BitReader, type HuffmanTable } from './jpeg-huffman.ts';

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

/** Position in the block (row * 8 + column) of the k-th coefficient in zigzag order. */
// prettier-ignore
export const ZIGZAG = Uint8Array.of(
  0, 1, 8, 16, 9, 2, 3, 10,
  17, 24, 32, 25, 18, 11, 4, 5,
  12, 19, 26, 33, 40, 48, 41, 34,
  27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36,
  29, 22, 15, 23, 30, 37, 44, 51,
  58, 59, 52, 45, 38, 31, 39, 46,
  53, 60, 61, 54, 47, 55, 62, 63,
);

/**
 * What a scan decodes: coefficients from … to of each block, all bits (high = 0) or one more bit, down to bit `low`.
 */
export interface Scan {
  from: number;
  to: number;
  high: number;
  low: number;
  progressive: boolean;
  zeroBlocks: number;
}
export interface ScanComponent {
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
    if (k > 63) {
      if (reader.exhausted) return;
      throw new Error('more coefficients than a block has');
    }
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

/**
 * All blocks of one scan, in MCUs if several components are interleaved.
 * @param tolerant leave as they are the blocks behind the end of the data, instead of refusing them
 * @returns the offset after the scan's data, and how many of the picture's rows of MCUs the data reach
 */
export function decodeScan(
  bytes: Uint8Array,
  at: number,
  scan: Scan,
  parts: ScanComponent[],
  mcusAcross: number,
  mcusDown: number,
  restartInterval: number,
  tolerant: boolean,
): { at: number; rows: number } {
  const reader = new BitReader(bytes, at, tolerant);
  let rows = 0;
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
    if (reader.exhausted) continue;
    rows = (alone ? Math.floor(row / parts[0].component.v) : row) + 1;
    for (const part of parts) {
      const { h, v, stride } = part.component;
      if (alone) decodeBlock(reader, scan, part, (row * stride + column) * 64);
      else
        for (let y = 0; y < v; y++)
          for (let x = 0; x < h; x++) decodeBlock(reader, scan, part, ((row * v + y) * stride + column * h + x) * 64);
    }
  }
  return { at: reader.at, rows };
}
