// TIFF and BigTIFF to pixels in the modes that Pillow gives them: the first picture, without compression, or with LZW,
// Deflate or PackBits, in strips or tiles, turned as its orientation says (as Pillow does it for TIFF only).
//
// Left out on purpose: JPEG and fax inside a TIFF, YCbCr and L*a*b*, which are refused by name.

import { unpack } from '#host/unpack';
import type { DecodedImage } from './image.ts';
import { addLeft, Damaged, unpackBits, unpackTiffLzw } from './tiff-compression.ts';
import { tiffDirectory, type TiffDirectory } from './tiff-directory.ts';
import { turned } from './orientation.ts';
import { layoutOf, type Layout } from './tiff-layout.ts';

const again = 'fetch or export it again';

/** A byte of compressed data holds at most this many bytes; deflate and its kin 1032. */
const MOST_PACKED: Readonly<Record<number, number>> = { 1: 1, 5: 2600, 32773: 64 };

type Samples = DecodedImage['data'];

const samplesFor = (mode: DecodedImage['mode'], count: number): Samples =>
  mode === 'I;16'
    ? new Uint16Array(count)
    : mode === 'I'
      ? new Int32Array(count)
      : mode === 'F'
        ? new Float32Array(count)
        : new Uint8Array(count);

/**
 * The first picture of a TIFF file.
 * @param bytes the file; the caller has checked the dimensions against `maxPixels` (`tiffSize`)
 * @param tolerant leave black the rows that a truncated file lacks, instead of refusing it (compressed ones are
 *   refused, as in Pillow)
 * @throws Error if the file is truncated, damaged, or of a kind that is not supported, which it names
 */
export async function decodeTiff(bytes: Uint8Array, maxPixels: number, tolerant: boolean): Promise<DecodedImage> {
  const directory = tiffDirectory(bytes);
  const layout = layoutOf(directory);
  const { width, height, tileWidth, tileHeight, planar, bits, compression } = directory;
  const { mode, samples } = layout;
  const across = Math.ceil(width / tileWidth),
    down = Math.ceil(height / tileHeight);
  // Tiles reach over the picture's edge, in sound files by less than a tile; one larger than any picture is a bomb.
  if (tileWidth * tileHeight * across * down > 4 * maxPixels + 4 * width * height)
    throw new Error(`TIFF: tiles of ${tileWidth} x ${tileHeight} for ${width} x ${height} pixels; ${again}`);
  const rowBytes = Math.ceil((tileWidth * bits[0] * (planar ? 1 : bits.length)) / 8);
  const least = Math.ceil((width * bits[0] * bits.length) / 8) * height;
  const lenient = tolerant && compression === 1;
  if (least > bytes.length * (MOST_PACKED[compression] ?? 1032) && !lenient)
    throw new Error(
      `TIFF: ${bytes.length} bytes are too few for ${width} x ${height} pixels; the file is truncated: ${again}`,
    );
  const data = samplesFor(mode, width * height * samples);
  for (let plane = 0; plane < (planar ? samples : 1); plane++) {
    for (let tile = 0; tile < across * down; tile++) {
      const left = (tile % across) * tileWidth,
        top = Math.floor(tile / across) * tileHeight;
      const rows = Math.min(tileHeight, height - top);
      const part = await unpacked(bytes, directory, plane * across * down + tile, rowBytes, rows, lenient);
      const here = { left, top, columns: Math.min(tileWidth, width - left), rows };
      if (planar) take(part, rowBytes, here, directory, data, samples, plane, 1);
      else take(part, rowBytes, here, directory, data, samples, 0, samples);
    }
  }
  finish(data, layout, directory);
  const image: DecodedImage = { width, height, mode, data };
  if (mode === 'P') image.palette = paletteOf(directory);
  return turned(image, directory.orientation);
}

/** The first `rows` rows of a strip or tile, decompressed: `rowBytes` bytes each. */
async function unpacked(
  bytes: Uint8Array,
  directory: TiffDirectory,
  index: number,
  rowBytes: number,
  rows: number,
  lenient: boolean,
): Promise<Uint8Array> {
  const { offsets, byteCounts, compression, photometric, fillOrder, predictor, bits, planar, littleEndian } = directory;
  const size = rowBytes * rows;
  const begin = offsets[index];
  const count = byteCounts[index] ?? (compression === 1 ? size : bytes.length - begin);
  let data = bytes.subarray(begin, begin + count);
  if (fillOrder === 2) data = data.map(reversedBits);
  let whole: Uint8Array;
  try {
    whole =
      compression === 1
        ? data.slice(0, size)
        : compression === 5
          ? unpackTiffLzw(data, size)
          : compression === 32773
            ? unpackBits(data, size)
            : await inflated(data, size);
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    throw new Error(`TIFF: strip or tile ${index} has ${error.message}; the file is damaged: ${again}`, {
      cause: error,
    });
  }
  if (whole.length < size && lenient) whole = completed(whole, rowBytes, size, photometric === 0 && bits[0] <= 8);
  else if (whole.length < size)
    throw new Error(
      `TIFF: strip or tile ${index} has ${whole.length} bytes, expected ${size}; the file is truncated: ${again}`,
    );
  if (predictor === 2 && compression !== 1) {
    addLeft(whole, rowBytes, planar ? 1 : bits.length, Math.max(1, bits[0] / 8), littleEndian);
  }
  return whole;
}

/** The rows that are whole, and black ones: what is inverted later must be white here. */
function completed(part: Uint8Array, rowBytes: number, size: number, inverted: boolean): Uint8Array {
  const all = new Uint8Array(size).fill(inverted ? 255 : 0);
  all.set(part.subarray(0, Math.floor(part.length / rowBytes) * rowBytes));
  return all;
}

/** What is behind the rows that are wanted is let be: a tile's are complete, whatever the picture needs. */
const SLACK = 1 << 24;

async function inflated(data: Uint8Array, size: number): Promise<Uint8Array> {
  let result: Uint8Array | 'longer';
  try {
    result = await unpack('deflate', data, size + SLACK);
  } catch {
    throw new Damaged('a zlib stream that cannot be read');
  }
  if (result === 'longer') throw new Damaged(`far more data than its ${size} bytes`);
  return result.subarray(0, size);
}

const reversedBits = (byte: number): number => {
  let reversed = 0;
  for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) reversed |= 128 >> bit;
  return reversed;
};

/** Samples of a strip or tile to their places: of 16 bits the high byte, but for the modes of 16 and 32 bits all. */
function take(
  part: Uint8Array,
  rowBytes: number,
  here: { left: number; top: number; columns: number; rows: number },
  { width, bits, sampleFormat, littleEndian, planar }: TiffDirectory,
  data: Samples,
  channels: number,
  first: number,
  count: number,
): void {
  const depth = bits[0];
  const stride = planar ? 1 : bits.length;
  const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
  const sampleAt = (row: number, index: number): number => {
    const bit = index * depth;
    const at = row * rowBytes + (bit >> 3);
    if (depth < 8) return (part[at] >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
    if (depth === 8) return part[at];
    if (depth === 12) return bit & 4 ? ((part[at] & 15) << 8) | part[at + 1] : (part[at] << 4) | (part[at + 1] >> 4);
    if (depth === 32)
      return data instanceof Float32Array ? view.getFloat32(at, littleEndian) : view.getInt32(at, littleEndian);
    if (data instanceof Uint8Array) return part[at + (littleEndian ? 1 : 0)];
    return sampleFormat === 2 ? view.getInt16(at, littleEndian) : view.getUint16(at, littleEndian);
  };
  for (let y = 0; y < here.rows; y++) {
    let to = ((here.top + y) * width + here.left) * channels + first;
    for (let x = 0; x < here.columns; x++, to += channels) {
      for (let c = 0; c < count; c++) data[to + c] = sampleAt(y, x * stride + c);
    }
  }
}

/** Gray values spread over 0 … 255 and turned over where dark is high; color divided by its alpha. */
function finish(data: Samples, { mode, inverted, premultiplied }: Layout, { bits }: TiffDirectory): void {
  if (mode === '1' || mode === 'L') {
    const spread = bits[0] < 8 ? 255 / ((1 << bits[0]) - 1) : 1;
    if (spread !== 1 || inverted)
      for (let i = 0; i < data.length; i++) data[i] = inverted ? 255 - data[i] * spread : data[i] * spread;
  }
  if (!premultiplied) return;
  for (let i = 0; i < data.length; i += 4) {
    const alpha = data[i + 3];
    for (let c = i; c < i + 3; c++) data[c] = alpha === 0 ? 0 : Math.min(255, Math.floor((255 * data[c]) / alpha));
  }
}

/** 256 RGB triples; entries that the file does not give are black. */
function paletteOf({ colorMap }: TiffDirectory): Uint8Array {
  if (colorMap === null || colorMap.length < 6) throw new Error(`TIFF: no palette; the file is damaged: ${again}`);
  const entries = Math.floor(colorMap.length / 3);
  const palette = new Uint8Array(768);
  for (let i = 0; i < Math.min(256, entries); i++) {
    for (let c = 0; c < 3; c++) palette[3 * i + c] = colorMap[c * entries + i] >> 8;
  }
  return palette;
}
