// What the tests of the images share: fixtures, hashes, the pseudo-random pictures of fixtures/images/make.py, and an
// independent resampler.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DecodedImage, ImageMode } from '../../../src/clip/image/image.ts';

export const IMAGES = fileURLToPath(new URL('../../../fixtures/images/', import.meta.url));
export const PICTURES = fileURLToPath(new URL('../../../fixtures/pictures/', import.meta.url));

export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

/** The bytes of a file as a plain Uint8Array. */
export function bytesOf(path: string): Uint8Array {
  return new Uint8Array(readFileSync(path));
}

export function sha256(data: ArrayBufferView): string {
  return createHash('sha256')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex');
}

/** The generator of make.py: x = 1664525 x + 1013904223 modulo 2^32, of which the top byte is used. */
export function randomBytes(seed: number): () => number {
  let x = seed | 0;
  return () => {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    return x >>> 24;
  };
}

export const CHANNELS: Record<ImageMode, number> = {
  1: 1,
  L: 1,
  LA: 2,
  P: 1,
  RGB: 3,
  RGBA: 4,
  CMYK: 4,
  'I;16': 1,
  I: 1,
  F: 1,
};

/** The picture that make.py's random_picture makes of the same arguments. */
export function randomPicture(mode: ImageMode, width: number, height: number, seed: number): DecodedImage {
  const byte = randomBytes(seed);
  const length = width * height;
  if (mode === 'I') return { width, height, mode, data: Int32Array.from({ length }, () => byte() * 256 + byte()) };
  const channels = CHANNELS[mode];
  const data = Uint8Array.from({ length: length * channels }, byte);
  if (mode === 'LA' || mode === 'RGBA') {
    for (let i = channels - 1; i < data.length; i += channels)
      data[i] = data[i] < 64 ? 0 : data[i] > 191 ? 255 : data[i];
  }
  if (mode === '1') for (let i = 0; i < length; i++) data[i] = data[i] >= 128 ? 255 : 0;
  const palette = mode === 'P' ? Uint8Array.from({ length: 768 }, (_, i) => i % 256) : undefined;
  return { width, height, mode, data, palette };
}

/** What can be wrong with a resampler: the planted faults. */
export type Fault =
  | 'none'
  | 'truncates'
  | 'no antialiasing'
  | 'no premultiplication'
  | 'half a pixel off'
  | 'a = -0.75'
  | 'no rounding between the passes'
  | 'vertical first'
  | 'weights not normalised';

type Weights = { from: number; w: number[] }[];

/**
 * Weights of one axis from the definition: the kernel at the distance of every input from the output's centre, over the
 * antialiased support.
 */
export function naiveWeights(inSize: number, outSize: number, fault: Fault = 'none'): Weights {
  const a = fault === 'a = -0.75' ? -0.75 : -0.5;
  const kernel = (t: number): number => {
    const x = Math.abs(t);
    return x < 1 ? (a + 2) * x * x * x - (a + 3) * x * x + 1 : x < 2 ? a * (x * x * x - 5 * x * x + 8 * x - 4) : 0;
  };
  const scale = inSize / outSize;
  const wide = fault === 'no antialiasing' ? 1 : Math.max(1, scale);
  return Array.from({ length: outSize }, (_, i) => {
    const center = (i + (fault === 'half a pixel off' ? 0 : 0.5)) * scale;
    const from = Math.max(0, Math.floor(center - 2 * wide + 0.5));
    const to = Math.min(inSize, Math.floor(center + 2 * wide + 0.5));
    const raw = Array.from({ length: to - from }, (_, j) => kernel((from + j + 0.5 - center) / wide));
    const sum = raw.reduce((s, x) => s + x, 0);
    return { from, w: fault === 'weights not normalised' ? raw.map((x) => x / wide) : raw.map((x) => x / sum) };
  });
}

const clip = (x: number): number => Math.min(255, Math.max(0, x));

/** One channel plane through one axis; `finish` makes a sample of a sum. */
function along(
  plane: number[][],
  weights: Weights,
  finish: (line: number[], w: { from: number; w: number[] }) => number,
): number[][] {
  return plane.map((line) => weights.map((w) => finish(line, w)));
}
const transpose = (plane: number[][]): number[][] => plane[0].map((_, x) => plane.map((row) => row[x]));

/** Pillow's 8-bit resize, plane by plane on arrays of numbers, with a fault if wanted. Shares no code with src. */
export function naiveResize(
  image: DecodedImage,
  outWidth: number,
  outHeight: number,
  fault: Fault = 'none',
): Uint8Array {
  const { width, height, mode } = image;
  const channels = CHANNELS[mode];
  const same = outWidth === width && outHeight === height;
  const alpha = (mode === 'LA' || mode === 'RGBA') && fault !== 'no premultiplication' && !same;
  const sample = (x: number, y: number, c: number): number => image.data[(y * width + x) * channels + c];
  const fixed = (line: number[], { from, w }: { from: number; w: number[] }): number => {
    const units = w.map((x) => Math.sign(x) * Math.floor(Math.abs(x) * 4194304 + 0.5));
    const sum = units.reduce((s, u, j) => s + u * line[from + j], fault === 'truncates' ? 0 : 2097152);
    return clip(Math.floor(sum / 4194304));
  };
  const exact = (line: number[], { from, w }: { from: number; w: number[] }): number =>
    clip(w.reduce((s, x, j) => s + x * line[from + j], 0));
  const planes = Array.from({ length: channels }, (_, c) => {
    let plane = Array.from({ length: height }, (_, y) =>
      Array.from({ length: width }, (_, x) => {
        const value = sample(x, y, c);
        // MULDIV255 is v * alpha / 255, rounded to nearest.
        return alpha && c < channels - 1 ? Math.round((value * sample(x, y, channels - 1)) / 255) : value;
      }),
    );
    const horizontally = (p: number[][], last: boolean): number[][] =>
      outWidth === width
        ? p
        : along(
            p,
            naiveWeights(width, outWidth, fault),
            fault === 'no rounding between the passes' && !last ? exact : fixed,
          );
    const vertically = (p: number[][]): number[][] =>
      outHeight === height ? p : transpose(along(transpose(p), naiveWeights(height, outHeight, fault), fixed));
    plane =
      fault === 'vertical first'
        ? horizontally(vertically(plane), true)
        : vertically(horizontally(plane, outHeight === height));
    return plane;
  });
  const out = new Uint8Array(outWidth * outHeight * channels);
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      const a = planes[channels - 1][y][x];
      for (let c = 0; c < channels; c++) {
        const value = planes[c][y][x];
        out[(y * outWidth + x) * channels + c] =
          alpha && c < channels - 1 && a > 0 && a < 255 ? Math.min(255, Math.floor((255 * value) / a)) : value;
      }
    }
  }
  return out;
}
