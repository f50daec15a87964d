// PNG to pixels in the modes that Pillow 12 gives them (the table _MODES of its PngImagePlugin.py): 16-bit gray is mode
// I;16, other 16-bit samples lose their low byte, tRNS of gray and RGB changes no pixel, a palette's tRNS is dropped
// with convert('RGB').
//
// Left out on purpose: gamma, colour profiles and text, which none of the Python paths applies.

import { unpack as inflate } from '#host/unpack';
import { inflatePartial, type Unpacked } from '../../formats/inflate-partial.ts';
import type { DecodedImage, ImageMode } from './image.ts';
import { pngChunks, type PngHeader } from './png-chunks.ts';

/** Channels of each colour type. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/**
 * Adam7's seven passes: first column, first row, step across, step down. One pass over everything if not interlaced.
 */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];
const WHOLE = [[0, 0, 1, 1]];

interface Pass {
  x: number;
  y: number;
  dx: number;
  dy: number;
  width: number;
  height: number;
  rowBytes: number;
}

function passes(header: PngHeader): Pass[] {
  const bits = header.depth * CHANNELS[header.colour];
  return (header.interlaced ? ADAM7 : WHOLE)
    .map(([x, y, dx, dy]) => {
      const width = Math.ceil((header.width - x) / dx),
        height = Math.ceil((header.height - y) / dy);
      return { x, y, dx, dy, width, height, rowBytes: Math.ceil((width * bits) / 8) };
    })
    .filter((pass) => pass.width > 0 && pass.height > 0);
}

/**
 * Undoes the filter of each row of one pass, in place. Each row is a filter byte and rowBytes bytes; `back` is the
 * distance of the byte to the left.
 */
function unfilter(raw: Uint8Array, from: number, pass: Pass, back: number): void {
  const row = pass.rowBytes + 1;
  for (let y = 0; y < pass.height; y++) {
    const start = from + y * row,
      filter = raw[start];
    if (filter > 4)
      throw new Error(
        `PNG: row ${y} has filter ${filter}, expected 0 to 4; the file is damaged: fetch or export it again`,
      );
    if (filter === 0) continue;
    for (let i = start + 1; i < start + row; i++) {
      const left = i - back > start ? raw[i - back] : 0;
      const up = y > 0 ? raw[i - row] : 0;
      if (filter === 1) raw[i] += left;
      else if (filter === 2) raw[i] += up;
      else if (filter === 3) raw[i] += (left + up) >> 1;
      else {
        const corner = y > 0 && i - back > start ? raw[i - row - back] : 0;
        const toLeft = Math.abs(up - corner),
          toUp = Math.abs(left - corner),
          toCorner = Math.abs(left + up - 2 * corner);
        raw[i] += toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
      }
    }
  }
}

function modeOf({ colour, depth }: PngHeader): ImageMode {
  if (colour === 0) return depth === 1 ? '1' : depth === 16 ? 'I;16' : 'L';
  if (colour === 2) return 'RGB';
  if (colour === 3) return 'P';
  // 16-bit gray and alpha has no mode of its own in Pillow: it becomes RGBA
  return colour === 4 && depth === 8 ? 'LA' : 'RGBA';
}

/** Packed samples of 1, 2 or 4 bits: an index as it is, a gray value spread over 0 … 255. */
function unpack(raw: Uint8Array, from: number, pass: Pass, header: PngHeader, data: Uint8Array): void {
  const { depth } = header,
    most = (1 << depth) - 1;
  const spread = header.colour === 3 ? 1 : 255 / most;
  for (let y = 0; y < pass.height; y++) {
    const row = from + y * (pass.rowBytes + 1) + 1;
    let to = (pass.y + y * pass.dy) * header.width + pass.x;
    for (let x = 0; x < pass.width; x++, to += pass.dx) {
      const bit = x * depth;
      data[to] = ((raw[row + (bit >> 3)] >> (8 - depth - (bit & 7))) & most) * spread;
    }
  }
}

/** Samples of 8 or 16 bits to the channels of the mode; of 16 bits the high byte, but for mode I;16 all. */
function spreadBytes(
  raw: Uint8Array,
  from: number,
  pass: Pass,
  header: PngHeader,
  mode: ImageMode,
  data: Uint8Array | Uint16Array,
): void {
  const bytes = header.depth / 8,
    inChannels = CHANNELS[header.colour];
  const grayAlpha16 = header.colour === 4 && bytes === 2;
  const channels = grayAlpha16 ? 4 : inChannels;
  for (let y = 0; y < pass.height; y++) {
    let at = from + y * (pass.rowBytes + 1) + 1;
    for (let x = 0; x < pass.width; x++) {
      const to = ((pass.y + y * pass.dy) * header.width + pass.x + x * pass.dx) * channels;
      if (mode === 'I;16') data[to] = raw[at] * 256 + raw[at + 1];
      else if (grayAlpha16) {
        data[to] = data[to + 1] = data[to + 2] = raw[at];
        data[to + 3] = raw[at + 2];
      } else for (let c = 0; c < channels; c++) data[to + c] = raw[at + c * bytes];
      at += inChannels * bytes;
    }
  }
}

/**
 * The pixels of a PNG file. The caller has checked the dimensions against its limit (`pngHeader`).
 * @param tolerant leave black the rows that a truncated or damaged file lacks, instead of refusing it
 * @throws Error if the file is truncated, damaged, or its data is longer or shorter than its header says
 */
export async function decodePng(bytes: Uint8Array, tolerant: boolean): Promise<DecodedImage> {
  const chunks = pngChunks(bytes, tolerant);
  let all = passes(chunks);
  const size = all.reduce((sum, pass) => sum + pass.height * (pass.rowBytes + 1), 0);
  const partial = tolerant ? inflatePartial(chunks.compressed, size) : null;
  const raw = partial?.bytes ?? (await inflateExactly(chunks.compressed, size, chunks));
  if (partial !== null) all = wholeRows(partial, all);
  const mode = modeOf(chunks);
  const { width, height } = chunks;
  const channels = chunks.colour === 4 && chunks.depth === 16 ? 4 : CHANNELS[chunks.colour];
  const data = mode === 'I;16' ? new Uint16Array(width * height) : new Uint8Array(width * height * channels);
  const back = Math.max(1, (chunks.depth * CHANNELS[chunks.colour]) / 8);
  let from = 0;
  for (const pass of all) {
    unfilter(raw, from, pass, back);
    if (chunks.depth < 8) unpack(raw, from, pass, chunks, data as Uint8Array);
    else spreadBytes(raw, from, pass, chunks, mode, data);
    from += pass.height * (pass.rowBytes + 1);
  }
  if (mode !== 'P') return { width, height, mode, data };
  // Entries that the file does not give are black, as in Pillow 12.
  const palette = new Uint8Array(768);
  palette.set(chunks.palette!);
  return { width, height, mode, data, palette };
}

/**
 * Of each pass the rows that are there, up to the first whose filter the format does not have. Pillow loses the row
 * behind which the data are damaged, because zlib has found that out before it gives the row; and it asks for no more
 * rows when zlib has taken the last byte of the data.
 */
function wholeRows({ bytes: raw, damaged, atLast }: Unpacked, all: Pass[]): Pass[] {
  const found: Pass[] = [];
  let at = 0;
  for (const pass of all) {
    let height = 0;
    while (height < pass.height && at + pass.rowBytes < raw.length && raw[at] <= 4) {
      if ((damaged && at + pass.rowBytes + 1 === raw.length) || (at >= atLast && at > 0)) break;
      height++;
      at += pass.rowBytes + 1;
    }
    if (height > 0) found.push({ ...pass, height });
    if (height < pass.height) break;
  }
  return found;
}

/** Some encoders leave a few bytes too many, which every reader ignores. More than this is refused. */
const SLACK = 65536;

async function inflateExactly(compressed: Uint8Array, size: number, { width, height }: PngHeader): Promise<Uint8Array> {
  let raw: Uint8Array | 'longer';
  try {
    raw = await inflate('deflate', compressed, size + SLACK);
  } catch (error) {
    throw new Error(
      `PNG: the compressed data is damaged or cut off (${(error as Error).message}); fetch or export it again`,
      { cause: error },
    );
  }
  if (raw === 'longer')
    throw new Error(
      `PNG: the data unpacks to far more than the ${size} bytes of a ${width} x ${height} picture; it is ` +
        'damaged or a zip bomb: do not use it',
    );
  if (raw.length < size)
    throw new Error(
      `PNG: the data unpacks to ${raw.length} bytes where ${width} x ${height} pixels need ${size}; the file ` +
        'is truncated: fetch or export it again',
    );
  return raw;
}
