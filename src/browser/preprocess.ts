// From a picture to the tensor, in a browser: a chosen file, a URL, bytes, or a canvas's pixels. The
// pixels are Pillow's, as in Node: the browser's own decoders, which scale and convert colours in their own ways, are
// not used.

import type { NdArray } from 'ndarray';
import { checkBytes } from '../clip/image/decode.ts';
import {
  preprocessor as ofBytes,
  type ImageInput as BytesOrPixels,
  type PreprocessOptions,
  type RawImage,
} from '../clip/image/preprocess.ts';
import { fetchBlob } from './fetch.ts';

/** A URL; a JPEG, PNG or WebP file as a Blob or bytes; pixels. */
export type ImageInput = string | URL | Blob | ArrayBuffer | Uint8Array | ImageData | RawImage;

/**
 * (1,3,R,R), float32. @throws Error for what cannot be fetched or decoded; RangeError for an unknown pipeline;
 * TypeError for other values
 */
export type Preprocess = (image: ImageInput, options?: PreprocessOptions) => Promise<NdArray<Float32Array>>;

/**
 * A function that makes the input of an image tower of the given resolution.
 * @param resolution R, the side of the square: 224 for most models
 * @throws RangeError if the resolution is not a positive integer or the pipeline is unknown
 */
export function preprocessor(resolution: number, defaults: PreprocessOptions = {}): Preprocess {
  const preprocess = ofBytes(resolution, defaults);
  return async (image, options) => preprocess(await bytesOrPixels(image), options);
}

async function bytesOrPixels(image: ImageInput): Promise<BytesOrPixels> {
  const fetched =
    typeof image === 'string' || image instanceof URL ? await fetchBlob(image, 'a picture', { cache: false }) : image;
  if (fetched instanceof Blob) {
    checkBytes(fetched.size);
    return new Uint8Array(await fetched.arrayBuffer());
  }
  if (fetched instanceof ArrayBuffer) return new Uint8Array(fetched);
  if (typeof ImageData !== 'undefined' && fetched instanceof ImageData) {
    return { data: fetched.data as Uint8ClampedArray, width: fetched.width, height: fetched.height, channels: 4 };
  }
  return fetched as BytesOrPixels;
}
