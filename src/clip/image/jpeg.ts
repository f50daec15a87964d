// JPEG to pixels. By default mozjpeg in WASM (@jsquash/jpeg), whose pixels equal those of Pillow's libjpeg-turbo, and
// where it cannot or does not give them (CMYK, 4:4:0) the decoder in jpeg-typescript.ts, which is slower and equal
// everywhere. jpeg-js by option: off by 1 on gray, by up to 36 where chroma is subsampled.
//
// The EXIF orientation is not applied: none of the Python paths does by itself.

import type { DecodedImage } from './image.ts';
import { jpegHeader, type JpegHeader } from './jpeg-header.ts';
import { decodeWithWasm, NoDecoder } from './wasm-decoder.ts';

export type JpegDecoder = 'auto' | 'mozjpeg' | 'typescript' | 'jpeg-js';

const again = 'fetch or export it again';

/**
 * @param tolerant decode a file that is cut off as Pillow does: as if an end-of-image marker came there
 * @throws Error if the file is truncated or damaged, or the decoder asked for cannot read it
 */
export async function decodeJpeg(
  bytes: Uint8Array,
  decoder: JpegDecoder,
  maxPixels: number,
  tolerant: boolean,
): Promise<DecodedImage> {
  const header = jpegHeader(bytes);
  if (header.end === 0 && tolerant && header.scans > 0) {
    // libjpeg waits for the rest of a segment, and for all scans before the first row.
    if (header.cutSegment === SOS || (header.cutSegment !== 0 && header.partialScans)) return black(header);
    const ended = new Uint8Array(bytes.length + 2);
    ended.set(bytes);
    ended.set([0xff, 0xd9], bytes.length);
    bytes = ended;
  } else if (header.end === 0)
    throw new Error(
      `JPEG: the file ends after ${bytes.length} bytes without an end-of-image marker; it is truncated: ${again}`,
    );
  // Scans cost time without costing bytes: a picture at the limit may have 16 of them (progressive files have about
  // 10), a smaller one more.
  if (header.scans * header.width * header.height > 16 * maxPixels) {
    throw new Error(
      `JPEG: ${header.scans} scans over ${header.width} x ${header.height} pixels would take minutes; raise ` +
        'the limit of pixels if the file is to be trusted',
    );
  }
  if (decoder === 'mozjpeg' && header.components === 4)
    throw new Error('JPEG: expected gray or colour for the decoder mozjpeg, got CMYK; use the decoder auto');
  const arithmetic = header.frame >= 0xc9;
  if (arithmetic)
    throw new Error(
      'JPEG: arithmetic coding is not supported, expected Huffman coding; convert it first, without loss: ' +
        'jpegtran -copy all -optimize IN > OUT.jpg',
    );
  // Huffman codes have at least one bit a block: a few bytes cannot fill a large picture, and shall not make a decoder
  // ask for its memory.
  if (!arithmetic && !tolerant && Math.ceil(header.width / 8) * Math.ceil(header.height / 8) > bytes.length * 8) {
    throw new Error(
      `JPEG: ${bytes.length} bytes are too few for ${header.width} x ${header.height} pixels; the file is ` +
        `truncated or damaged: ${again}`,
    );
  }
  const own =
    decoder === 'typescript' ||
    (decoder === 'auto' &&
      (header.components === 4 || ((header.halvedInHeightOnly || header.incomplete) && !arithmetic)));
  const rgb =
    decoder === 'jpeg-js'
      ? await withJpegJs(bytes, header, maxPixels)
      : own
        ? await withTypeScript(bytes, tolerant)
        : await withMozjpeg(bytes, header, decoder, tolerant);
  if (rgb.width !== header.width || rgb.height !== header.height) {
    throw new Error(
      `JPEG: expected ${header.width} x ${header.height} pixels, got ${rgb.width} x ${rgb.height}; the file is ` +
        `damaged: ${again}`,
    );
  }
  return rgb;
}

const SOS = 0xda;

function black({ width, height, components }: JpegHeader): DecodedImage {
  const mode = components === 1 ? 'L' : components === 3 ? 'RGB' : 'CMYK';
  return { width, height, mode, data: new Uint8Array(width * height * components) };
}

async function withMozjpeg(
  bytes: Uint8Array,
  { components, frame }: JpegHeader,
  decoder: JpegDecoder,
  tolerant: boolean,
): Promise<DecodedImage> {
  let decoded: Awaited<ReturnType<typeof decodeWithWasm>>;
  try {
    decoded = await decodeWithWasm('jpeg', bytes);
  } catch (error) {
    if (error instanceof NoDecoder) {
      if (decoder === 'auto' && frame < 0xc9) return withTypeScript(bytes, tolerant); // the same pixels, later
      throw error;
    }
    throw new Error(`JPEG: the picture is damaged (${(error as Error).message}); ${again}`, { cause: error });
  }
  const short = decoded.messages.find((line) => /premature end/i.test(line));
  if (short && !tolerant) throw new Error(`JPEG: a part of the picture is missing (${short}); ${again}`);
  const channels = components === 1 ? 1 : 3;
  const { width, height, data: rgba } = decoded;
  const data = new Uint8Array(width * height * channels);
  for (let from = 0, to = 0; to < data.length; from += 4, to += channels)
    for (let c = 0; c < channels; c++) data[to + c] = rgba[from + c];
  return { width, height, mode: components === 1 ? 'L' : 'RGB', data };
}

async function withTypeScript(bytes: Uint8Array, tolerant: boolean): Promise<DecodedImage> {
  const { decodeJpegInTypeScript } = await import('./jpeg-typescript.ts');
  try {
    return decodeJpegInTypeScript(bytes, tolerant);
  } catch (error) {
    const { message } = error as Error;
    if (/arithmetic|fractional/.test(message))
      throw new Error(`JPEG: ${message}; convert it to an ordinary RGB file first`, { cause: error });
    throw new Error(
      `JPEG: ${/premature end/.test(message) ? 'a part of the picture is missing' : 'the picture is damaged'} ` +
        `(${message}); ${again}`,
      { cause: error },
    );
  }
}

async function withJpegJs(bytes: Uint8Array, { components }: JpegHeader, maxPixels: number): Promise<DecodedImage> {
  const { default: jpegJs } = await import('jpeg-js');
  let decoded: { width: number; height: number; data: Uint8Array };
  try {
    decoded = jpegJs.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: maxPixels / 1e6,
      maxMemoryUsageInMB: 4096,
    });
  } catch (error) {
    // Over tables and frames that are not there jpeg-js stumbles: the engine's words about that say nothing about the
    // file.
    const own = error instanceof Error && Object.getPrototypeOf(error) === Error.prototype;
    throw new Error(
      `JPEG: the picture is damaged (${own ? error.message : 'a part that the rest refers to is missing'}); ${again}`,
      { cause: error },
    );
  }
  const { width, height, data: rgb } = decoded;
  if (components !== 1) return { width, height, mode: 'RGB', data: rgb };
  return { width, height, mode: 'L', data: Uint8Array.from({ length: width * height }, (_, i) => rgb[i * 3]) };
}
