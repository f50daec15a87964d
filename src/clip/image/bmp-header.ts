// The header of a Windows or OS/2 bitmap (Microsoft, "Bitmap Storage"; the kinds and masks are those that Pillow 12.3
// reads), nothing decoded.
//
// Left out on purpose: JPEG and PNG inside a bitmap, which printers use, and color profiles.

export interface BmpHeader {
  width: number;
  height: number;
  bottomUp: boolean;
  /** Of a pixel: 1, 4, 8, 16, 24 or 32. */
  bits: number;
  compression: number;
  /** Of red, green, blue and alpha; null without bit fields. */
  masks: readonly number[] | null;
  paletteStart: number;
  /** Entries of the palette. */
  colors: number;
  /** Bytes of an entry of the palette. */
  entryBytes: 3 | 4;
  dataStart: number;
}

const again = 'fetch or export it again';
const RAW = 0,
  BITFIELDS = 3;
export const RLE8 = 1,
  RLE4 = 2;
/** Bytes of the second header, which say its version. */
const HEADERS = [12, 40, 52, 56, 64, 108, 124];

export const uint16 = (bytes: Uint8Array, at: number): number => bytes[at] | (bytes[at + 1] << 8);
const uint32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;

/** Whether the bytes behind the signature are those of a bitmap; two letters alone begin texts, too. */
export const isBmpHeader = (bytes: Uint8Array): boolean => bytes.length >= 18 && HEADERS.includes(uint32(bytes, 14));

/**
 * The header.
 * @throws Error if it is cut off or of a kind that Pillow does not read either
 */
export function bmpHeader(bytes: Uint8Array): BmpHeader {
  const size = bytes.length < 18 ? 0 : uint32(bytes, 14);
  if (bytes.length < 18 || (HEADERS.includes(size) && bytes.length < 14 + size)) {
    throw new Error(`BMP: the file ends after ${bytes.length} bytes, inside its header; it is truncated: ${again}`);
  }
  if (!HEADERS.includes(size)) {
    throw new Error(`BMP: a header of ${size} bytes, expected one of ${HEADERS.join(', ')}; convert it to PNG`);
  }
  const dataStart = uint32(bytes, 10);
  if (size === 12) {
    const [width, height, bits] = [uint16(bytes, 18), uint16(bytes, 20), uint16(bytes, 24)];
    const header: BmpHeader = {
      width,
      height,
      bottomUp: true,
      bits,
      compression: RAW,
      masks: null,
      paletteStart: 26,
      colors: 1 << bits,
      entryBytes: 3,
      dataStart,
    };
    return checked(header, bytes);
  }
  // A height below zero says that the first row is the topmost.
  const bottomUp = bytes[14 + 11] !== 0xff;
  const height = bottomUp ? uint32(bytes, 22) : 0x100000000 - uint32(bytes, 22);
  const [bits, compression] = [uint16(bytes, 28), uint32(bytes, 30)];
  let paletteStart = 14 + size;
  let masks: number[] | null = null;
  if (compression === BITFIELDS) {
    // Behind a header of 40 bytes, else a part of it; of alpha from 56 bytes on.
    if (size === 40 && bytes.length < 66) {
      throw new Error(`BMP: the file ends before its bit fields; it is truncated: ${again}`);
    }
    masks = [0, 4, 8].map((offset) => uint32(bytes, 54 + offset));
    masks.push(size >= 56 ? uint32(bytes, 66) : 0);
    if (size === 40) paletteStart += 12;
  }
  const colors = uint32(bytes, 46) || (bits <= 16 ? 1 << bits : 0);
  return checked(
    {
      width: uint32(bytes, 18),
      height,
      bottomUp,
      bits,
      compression,
      masks,
      paletteStart,
      colors,
      entryBytes: 4,
      dataStart,
    },
    bytes,
  );
}

function checked(header: BmpHeader, bytes: Uint8Array): BmpHeader {
  const { width, height, bits, compression, colors, entryBytes, paletteStart } = header;
  if (width === 0 || height === 0 || width > 0x7fffffff || height > 0x7fffffff) {
    throw new Error(`BMP: expected at least one pixel, got ${width} x ${height}; the file is damaged: ${again}`);
  }
  if (![1, 4, 8, 16, 24, 32].includes(bits)) {
    throw new Error(`BMP: ${bits} bits a pixel, expected 1, 4, 8, 16, 24 or 32; convert it to PNG`);
  }
  const run = compression === RLE8 || compression === RLE4;
  if (!run && compression !== RAW && compression !== BITFIELDS) {
    const name = { 4: 'JPEG', 5: 'PNG' }[compression] ?? `kind ${compression}`;
    throw new Error(`BMP: compressed as ${name}, expected none, runs of 4 or 8 bits, or bit fields; convert it to PNG`);
  }
  if (run && bits > 8) {
    throw new Error(`BMP: runs of ${bits}-bit pixels, expected 4 or 8 bits; the file is damaged: ${again}`);
  }
  if (compression === BITFIELDS && layoutOf(header) === null) {
    const masks = header.masks!.map((mask) => `0x${mask.toString(16)}`).join(', ');
    throw new Error(
      `BMP: the bit fields ${masks} in ${bits}-bit pixels, which Pillow does not read; convert it to PNG`,
    );
  }
  if (bits <= 8) {
    if (colors > 65536) throw new Error(`BMP: a palette of ${colors} entries; the file is damaged: ${again}`);
    const end = paletteStart + entryBytes * colors;
    if (end > bytes.length) {
      throw new Error(`BMP: the file ends after ${bytes.length} bytes, inside its palette; it is truncated: ${again}`);
    }
  }
  return header;
}

/** Byte of red, green, blue and alpha in a pixel of 32 or 24 bits (-1: none), or the name of a pixel of 16. */
export type Layout = readonly [number, number, number, number] | '565' | '555';

/** The layouts that Pillow knows, under their masks. */
const MASKS: Readonly<Record<string, Layout>> = {
  '32 ff0000 ff00 ff 0': [2, 1, 0, -1],
  '32 ff000000 ff0000 ff00 0': [3, 2, 1, -1],
  '32 ff000000 ff00 ff 0': [3, 1, 0, -1],
  '32 ff000000 ff0000 ff00 ff': [3, 2, 1, 0],
  '32 ff ff00 ff0000 ff000000': [0, 1, 2, 3],
  '32 ff0000 ff00 ff ff000000': [2, 1, 0, 3],
  '32 ff000000 ff00 ff ff0000': [3, 1, 0, 2],
  '32 0 0 0 0': [2, 1, 0, 3],
  '24 ff0000 ff00 ff': [2, 1, 0, -1],
  '16 f800 7e0 1f': '565',
  '16 7c00 3e0 1f': '555',
};

export function layoutOf({ bits, masks }: BmpHeader): Layout | null {
  if (masks === null) return bits === 16 ? '555' : [2, 1, 0, -1];
  const named = (bits === 32 ? masks : masks.slice(0, 3)).map((mask) => mask.toString(16));
  return MASKS[[bits, ...named].join(' ')] ?? null;
}
