// Bitmaps to pixels in the modes that Pillow gives them.

import { bmpHeader, layoutOf, RLE4, RLE8, uint16, type BmpHeader } from './bmp-header.ts';
import type { DecodedImage, ImageMode } from './image.ts';

const again = 'fetch or export it again';

/**
 * The pixels of a BMP file.
 * @param bytes the file; the caller has checked the dimensions against its limit (`bmpHeader`)
 * @param tolerant leave black the rows that a truncated file lacks, instead of refusing it (runs are refused, as in
 *   Pillow)
 * @throws Error if the file is truncated or damaged
 */
export function decodeBmp(bytes: Uint8Array, tolerant = false): DecodedImage {
  const header = bmpHeader(bytes);
  const { width, height } = header;
  const { mode, palette } = paletteOf(header, bytes);
  const start = dataStartOf(header);
  const runs = header.compression === RLE8 || header.compression === RLE4;
  const rows = runs ? unpackRuns(header, bytes, start) : rawRows(header, bytes, start, tolerant);
  if (header.bits <= 8) {
    const bits = runs ? 8 : header.bits;
    const data = indices(header, rows, bits);
    if (mode === '1') for (let i = 0; i < data.length; i++) data[i] = data[i] === 0 ? 0 : 255;
    return palette === null ? { width, height, mode, data } : { width, height, mode, data, palette };
  }
  return colors(header, rows);
}

/** Where the first row begins: behind the palette where the header counts it as a part of the pixels. */
function dataStartOf({ dataStart, paletteStart, bits, colors: count, entryBytes }: BmpHeader): number {
  const palette = bits <= 8 ? entryBytes * count : 0;
  if (dataStart === 0) return paletteStart + palette;
  return dataStart === paletteStart && bits <= 8 ? dataStart + palette : dataStart;
}

/** The mode of a picture with a palette: Pillow drops a palette that is a ramp of gray, or black and white. */
function paletteOf(header: BmpHeader, bytes: Uint8Array): { mode: ImageMode; palette: Uint8Array | null } {
  const { bits, colors: count, entryBytes, paletteStart } = header;
  if (bits > 8) return { mode: 'RGB', palette: null };
  const entry = (i: number, channel: number): number => bytes[paletteStart + i * entryBytes + channel];
  let gray = true;
  for (let i = 0; i < count && gray; i++) {
    const value = count === 2 ? 255 * i : i & 255;
    gray = i < 256 && [0, 1, 2].every((channel) => entry(i, channel) === value);
  }
  if (gray) return { mode: count === 2 ? '1' : 'L', palette: null };
  const palette = new Uint8Array(768);
  for (let i = 0; i < Math.min(count, 256); i++) {
    for (let channel = 0; channel < 3; channel++) palette[3 * i + channel] = entry(i, 2 - channel);
  }
  return { mode: 'P', palette };
}

/** Rows of whole 32-bit words, as they are in the file; missing ones are 0. */
function rawRows({ width, height, bits }: BmpHeader, bytes: Uint8Array, start: number, tolerant: boolean): Uint8Array {
  const rowBytes = 4 * Math.ceil((width * bits) / 32);
  const used = Math.ceil((width * bits) / 8);
  const present = bytes.subarray(start, start + rowBytes * height);
  if (present.length === rowBytes * height) return present;
  // The last row need not be filled up to a whole word.
  if (present.length < rowBytes * (height - 1) + used && !tolerant)
    throw new Error(
      `BMP: ${present.length} bytes of pixels, expected ${rowBytes * height}; the file is truncated: ${again}`,
    );
  const rows = new Uint8Array(rowBytes * height);
  const whole = Math.floor(present.length / rowBytes) * rowBytes;
  rows.set(present.length - whole >= used ? present : present.subarray(0, whole));
  return rows;
}

/** Runs of 4 or 8 bits to one byte a pixel, rows padded to nothing. */
function unpackRuns(header: BmpHeader, bytes: Uint8Array, start: number): Uint8Array {
  const { width, height, compression } = header;
  const nibbles = compression === RLE4;
  const count = width * height;
  const out = new Uint8Array(count);
  let [at, to, x] = [start, 0, 0];
  const put = (value: number): void => {
    if (to < count) out[to] = value;
    to += 1;
  };
  while (to < count) {
    if (at + 2 > bytes.length)
      throw new Error(`BMP: the data ends after ${to} of ${count} pixels; the file is truncated: ${again}`);
    const [run, value] = [bytes[at], bytes[at + 1]];
    at += 2;
    if (run > 0) {
      const pixels = Math.min(run, Math.max(0, width - x));
      for (let i = 0; i < pixels; i++) put(nibbles ? (i % 2 === 0 ? value >> 4 : value & 15) : value);
      x += pixels;
    } else if (value === 0) {
      while (to % width !== 0) to += 1;
      x = 0;
    } else if (value === 1) {
      break;
    } else if (value === 2) {
      if (at + 2 > bytes.length) break;
      to += bytes[at] + bytes[at + 1] * width;
      at += 2;
      x = to % width;
    } else {
      const byteCount = nibbles ? value >> 1 : value;
      for (let i = 0; i < byteCount && at + i < bytes.length; i++) {
        if (nibbles) {
          put(bytes[at + i] >> 4);
          put(bytes[at + i] & 15);
        } else put(bytes[at + i]);
      }
      at += byteCount;
      x += value;
      if (at % 2 !== 0) at += 1;
    }
  }
  return out;
}

/** One index a pixel, the topmost row first. */
function indices({ width, height, bottomUp }: BmpHeader, rows: Uint8Array, bits: number): Uint8Array {
  const data = new Uint8Array(width * height);
  const rowBytes = rows.length / height;
  for (let y = 0; y < height; y++) {
    const from = (bottomUp ? height - 1 - y : y) * rowBytes;
    for (let x = 0; x < width; x++) {
      const bit = x * bits;
      data[y * width + x] = (rows[from + (bit >> 3)] >> (8 - bits - (bit & 7))) & ((1 << bits) - 1);
    }
  }
  return data;
}

function colors(header: BmpHeader, rows: Uint8Array): DecodedImage {
  const { width, height, bits, bottomUp } = header;
  const layout = layoutOf(header)!;
  const rowBytes = rows.length / height;
  const alpha = typeof layout !== 'string' && layout[3] >= 0;
  const channels = alpha ? 4 : 3;
  const data = new Uint8Array(width * height * channels);
  let to = 0;
  for (let y = 0; y < height; y++) {
    let from = (bottomUp ? height - 1 - y : y) * rowBytes;
    for (let x = 0; x < width; x++, from += bits / 8, to += channels) {
      if (typeof layout === 'string') {
        const pixel = uint16(rows, from);
        const greenBits = layout === '565' ? 6 : 5;
        data[to] = Math.floor((((pixel >> (5 + greenBits)) & 31) * 255) / 31);
        data[to + 1] = Math.floor((((pixel >> 5) & ((1 << greenBits) - 1)) * 255) / ((1 << greenBits) - 1));
        data[to + 2] = Math.floor(((pixel & 31) * 255) / 31);
      } else for (let channel = 0; channel < channels; channel++) data[to + channel] = rows[from + layout[channel]];
    }
  }
  return { width, height, mode: alpha ? 'RGBA' : 'RGB', data };
}
