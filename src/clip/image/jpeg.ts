// JPEG to pixels. By default mozjpeg in WASM (@jsquash/jpeg): its pixels equal those of Pillow's libjpeg-turbo. jpeg-js (plain JavaScript) where no WASM
// may run, and for CMYK, which mozjpeg does not turn into RGB: it is off by at most 1 on gray and CMYK, by up to 36 where chroma is subsampled.
//
// The EXIF orientation is not applied: none of the Python paths does.

import type { DecodedImage } from './image.ts';
import { jpegHeader, type JpegHeader } from './jpeg-header.ts';
import { decodeWithWasm } from './wasm-decoder.ts';

export type JpegDecoder = 'auto' | 'mozjpeg' | 'jpeg-js';

const again = 'fetch or export it again';

/** @throws Error if the file is truncated or damaged, or the decoder asked for cannot read it */
export async function decodeJpeg(bytes: Uint8Array, decoder: JpegDecoder, maxPixels: number): Promise<DecodedImage> {
  const header = jpegHeader(bytes);
  if (header.end === 0) throw new Error(`JPEG: the file ends after ${bytes.length} bytes without an end-of-image marker; it is truncated: ${again}`);
  // Scans cost time without costing bytes: a picture at the limit may have 16 of them (progressive files have about 10), a smaller one more.
  if (header.scans * header.width * header.height > 16 * maxPixels) {
    throw new Error(`JPEG: ${header.scans} scans over ${header.width} x ${header.height} pixels would take minutes; raise the limit of pixels if the file is to be trusted`);
  }
  if (decoder === 'mozjpeg' && header.components === 4) throw new Error('JPEG: expected gray or colour for the decoder mozjpeg, got CMYK; use the decoder auto');
  const rgb = decoder === 'jpeg-js' || header.components === 4 ? await withJpegJs(bytes, header, maxPixels) : await withMozjpeg(bytes, header);
  if (rgb.width !== header.width || rgb.height !== header.height) {
    throw new Error(`JPEG: expected ${header.width} x ${header.height} pixels, got ${rgb.width} x ${rgb.height}; the file is damaged: ${again}`);
  }
  return rgb;
}

async function withMozjpeg(bytes: Uint8Array, { components }: JpegHeader): Promise<DecodedImage> {
  let decoded: Awaited<ReturnType<typeof decodeWithWasm>>;
  try {
    decoded = await decodeWithWasm('jpeg', bytes);
  } catch (error) {
    throw new Error(`JPEG: the picture is damaged (${(error as Error).message}); ${again}`, { cause: error });
  }
  const short = decoded.messages.find((line) => /premature end/i.test(line));
  if (short) throw new Error(`JPEG: a part of the picture is missing (${short}); ${again}`);
  const channels = components === 1 ? 1 : 3;
  const { width, height, data: rgba } = decoded;
  const data = new Uint8Array(width * height * channels);
  for (let from = 0, to = 0; to < data.length; from += 4, to += channels) for (let c = 0; c < channels; c++) data[to + c] = rgba[from + c];
  return { width, height, mode: components === 1 ? 'L' : 'RGB', data };
}

async function withJpegJs(bytes: Uint8Array, { components }: JpegHeader, maxPixels: number): Promise<DecodedImage> {
  const { default: jpegJs } = await import('jpeg-js');
  let decoded: { width: number; height: number; data: Uint8Array };
  try {
    decoded = jpegJs.decode(bytes, { useTArray: true, formatAsRGBA: false, tolerantDecoding: false, maxResolutionInMP: maxPixels / 1e6, maxMemoryUsageInMB: 4096 });
  } catch (error) {
    throw new Error(`JPEG: the picture is damaged (${(error as Error).message}); ${again}`, { cause: error });
  }
  const { width, height, data: rgb } = decoded;
  if (components !== 1) return { width, height, mode: 'RGB', data: rgb };
  return { width, height, mode: 'L', data: Uint8Array.from({ length: width * height }, (_, i) => rgb[i * 3]) };
}
