// From a picture to the tensor, in a browser: a chosen file, a URL, bytes, or a canvas's pixels. The
// pixels are Pillow's, as in Node: the browser's own decoders, which scale and convert colours in their own ways, are
// not used.

import type { NdArray } from 'ndarray';
import {
  preprocessor as ofBytes,
  type ImageInput as BytesOrPixels,
  type PreprocessOptions,
  type RawImage,
} from '../clip/image/preprocess.ts';
import { fetchBlob } from './fetch.ts';

/** A URL (`data:` too); a picture file as a Blob or bytes; pixels. */
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
  if ((typeof image === 'string' || image instanceof URL) && !/^data:/i.test(String(image)))
    return fetchBlob(image, 'a picture', { cache: false });
  if (typeof ImageData !== 'undefined' && image instanceof ImageData) {
    return { data: image.data as Uint8ClampedArray, width: image.width, height: image.height, channels: 4 };
  }
  return image as BytesOrPixels;
}
