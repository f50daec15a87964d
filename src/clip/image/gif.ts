// GIF to pixels: the first frame on the canvas as Pillow composes it (what it makes of the corners was measured with
// Pillow 12.3).

import { gifHeader } from './gif-header.ts';
import type { DecodedImage } from './image.ts';

const again = 'fetch or export it again';

/** First row and step of the four passes of an interlaced frame. */
const INTERLACED = [
  [0, 8],
  [4, 8],
  [2, 4],
  [1, 2],
];

/** The bytes of a chain of sub-blocks, without their lengths; one that is cut off is left out, as in Pillow. */
function subBlocks(bytes: Uint8Array, from: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = from; bytes[at] > 0 && at + bytes[at] < bytes.length; at += bytes[at] + 1)
    parts.push(bytes.subarray(at + 1, at + 1 + bytes[at]));
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let to = 0;
  for (const part of parts) {
    joined.set(part, to);
    to += part.length;
  }
  return joined;
}

/**
 * LZW with codes that grow to 12 bits, least significant bit first.
 * @param write is given each index of the frame in turn
 * @returns how many indices came before the data ended or were damaged, at most `count`
 */
function unpackLzw(data: Uint8Array, minimumBits: number, count: number, write: (index: number) => void): number {
  const clear = 1 << minimumBits;
  const end = clear + 1;
  // Each code is the string of another code and one more index; a string is read from its end.
  const prefix = new Uint16Array(4096);
  const last = new Uint8Array(4096);
  const stack = new Uint8Array(4097);
  for (let i = 0; i < clear; i++) last[i] = i;
  let bits = minimumBits + 1;
  let next = end + 1;
  let before = -1;
  let first = 0;
  let buffer = 0;
  let filled = 0;
  let written = 0;
  for (let at = 0; ;) {
    while (filled < bits) {
      if (at >= data.length) return written;
      buffer |= data[at++] << filled;
      filled += 8;
    }
    const code = buffer & ((1 << bits) - 1);
    buffer >>>= bits;
    filled -= bits;
    if (code === clear) {
      bits = minimumBits + 1;
      next = end + 1;
      before = -1;
      continue;
    }
    if (code === end) return written;
    let depth = 0;
    let string = code;
    if (before === -1) {
      if (code > clear) return written;
    } else if (code >= next) {
      if (code > next) return written;
      stack[depth++] = first;
      string = before;
    }
    while (string >= clear) {
      stack[depth++] = last[string];
      string = prefix[string];
    }
    first = last[string];
    stack[depth++] = first;
    while (depth > 0) {
      write(stack[--depth]);
      if (++written === count) return written;
    }
    if (before !== -1 && next < 4096) {
      prefix[next] = before;
      last[next] = first;
      next += 1;
      if (next === 1 << bits && bits < 12) bits += 1;
    }
    before = code;
  }
}

/**
 * The first frame of a GIF on its canvas, in mode P, or L where the colors are a ramp of gray. What the frame leaves
 * of the canvas has the transparent index, or 0.
 * @param bytes the file; the caller has checked the dimensions against its limit (`gifHeader`)
 * @param tolerant leave of the canvas what it had where the data end, instead of refusing the file
 * @throws Error if the file is truncated or damaged
 */
export function decodeGif(bytes: Uint8Array, tolerant = false): DecodedImage {
  const frame = gifHeader(bytes);
  const { width, height, left, top, frameWidth, frameHeight } = frame;
  const data = new Uint8Array(width * height);
  if (frame.transparent > 0) data.fill(frame.transparent);
  const count = frameWidth * frameHeight;
  let [x, y, pass] = [0, 0, 0];
  const written = unpackLzw(subBlocks(bytes, frame.dataStart), frame.minimumBits, count, (index) => {
    data[(top + y) * width + left + x] = index;
    if (++x < frameWidth) return;
    x = 0;
    if (!frame.interlaced) {
      y += 1;
      return;
    }
    y += INTERLACED[pass][1];
    while (y >= frameHeight && pass < 3) y = INTERLACED[++pass][0];
  });
  if (written < count && !tolerant) {
    throw new Error(
      `GIF: the data ends after ${written} of ${count} pixels; the file is truncated or damaged: ${again}`,
    );
  }
  if (frame.palette === null) return { width, height, mode: 'L', data };
  // Entries that the file does not give are black, as in Pillow 12.
  const palette = new Uint8Array(768);
  palette.set(frame.palette.subarray(0, 768));
  return { width, height, mode: 'P', data, palette };
}
