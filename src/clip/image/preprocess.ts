// From a picture, in a file or in memory, to the input tensor of an image tower.

import type { NdArray } from 'ndarray';
import { decodeImage, type DecodeOptions } from './decode.ts';
import { bytesOf, type FileInput, type ReadOptions } from './read-bytes.ts';
import type { DecodedImage, ImageMode } from './image.ts';
import { normalize } from './normalize.ts';
import { cropPixels } from './pipelines.ts';
import { completeRules, type PixelRules, type Preprocessing } from './preprocessing.ts';

/** Pixels in memory, 8 bits a sample, row by row: channels 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA. */
export interface RawImage {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
  channels: number;
}

/** A picture file (a path, its bytes, a Blob or File, a `data:` URI, with `fetch` a URL), or pixels. */
export type ImageInput = FileInput | RawImage;

/** How pixels are made, where it is not as CLIP's are, and how files are read and decoded. */
export interface PreprocessOptions extends DecodeOptions, ReadOptions, PixelRules {}

/**
 * (1,3,R,R), float32. @throws as `decodeImage`; RangeError for an unknown pipeline; TypeError for other values
 */
export type Preprocess = (image: ImageInput, options?: PreprocessOptions) => Promise<NdArray<Float32Array>>;

const MODES: readonly ImageMode[] = ['L', 'LA', 'RGB', 'RGBA'];

/** Pixels in memory as a decoded picture, checked. */
function fromPixels(image: RawImage): DecodedImage {
  const { data, width, height, channels } = image;
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw new TypeError(
      `image: "data" expected a Uint8Array or Uint8ClampedArray of 8-bit samples, got ${kindOf(data)}`,
    );
  }
  if (![width, height].every((side) => Number.isSafeInteger(side) && side > 0))
    throw new RangeError(
      `image: "width" and "height" expected positive integers, got ${String(width)} and ${String(height)}`,
    );
  if (!MODES[channels - 1])
    throw new RangeError(
      `image: "channels" expected 1 (gray), 2 (gray and alpha), 3 (RGB) or 4 (RGBA), got ${String(channels)}`,
    );
  if (data.length !== width * height * channels) {
    throw new RangeError(
      `image: "data" expected width * height * channels = ${width * height * channels} samples, got ${data.length}`,
    );
  }
  return { width, height, mode: MODES[channels - 1], data: new Uint8Array(data.buffer, data.byteOffset, data.length) };
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value === 'object' ? (value.constructor?.name ?? 'an object') : typeof value;
}

/**
 * The picture behind any kind of input. An error about a file begins with its path or URL.
 * @throws TypeError for other values; Error if the file cannot be read or decoded
 */
export async function readImage(
  image: ImageInput,
  { fetch, fetchTimeout, ...decode }: DecodeOptions & ReadOptions = {},
): Promise<DecodedImage> {
  if (image instanceof Uint8Array) return decodeImage(image, decode);
  if (typeof image === 'object' && image !== null && 'data' in image) return fromPixels(image);
  const file = await bytesOf(image, { fetch, fetchTimeout });
  if (file === null)
    throw new TypeError(
      'image: expected a path, a URL, a Uint8Array, ArrayBuffer or Blob with a file, or { data, width, height, ' +
        `channels }, got ${kindOf(image)}`,
    );
  try {
    return await decodeImage(file.bytes, decode);
  } catch (error) {
    // Errors of options do not name the file.
    if (file.name === null || error instanceof TypeError || error instanceof RangeError) throw error;
    throw new Error(`${file.name}: ${(error as Error).message}`, { cause: error });
  }
}

/** The input of an image tower, (1,3,R,R), out of a decoded picture. */
export const pixelsOf = (image: DecodedImage, rules: Preprocessing): NdArray<Float32Array> =>
  normalize(cropPixels(image, rules.resolution, rules.pipeline, rules), rules.resolution, rules);

/**
 * A function that makes the input of an image tower of the given resolution; pipeline, other rules and decoder may be
 * chosen here or with each call.
 * @param resolution R, the side of the square: 224 for most models
 * @param defaults such as `model.preprocessing`, which is how `load` makes its own
 * @throws TypeError or RangeError if the resolution is not a positive integer or a rule is unknown
 */
export function preprocessor(resolution: number, defaults: PreprocessOptions = {}): Preprocess {
  completeRules(resolution, defaults, 'preprocessor');
  return async (image, options = {}) => {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const all: PreprocessOptions = { ...defaults, ...given };
    const preprocessing = completeRules(resolution, all, 'preprocess');
    return pixelsOf(await readImage(image, all), preprocessing);
  };
}
