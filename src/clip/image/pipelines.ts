// The three ways from a decoded picture to an 8-bit RGB square, by name. Facts: spec/compatibility.md, B6 and B9.

import { toRGB, type DecodedImage } from './image.ts';
import { resize } from './resample.ts';

/**
 * `openai`: OpenAI's _transform(n): short side to n (bicubic, in the file's own mode), centre crop, then RGB.
 * `huggingface`: RGB first, then the same resize; the crop rounds down where OpenAI's rounds half to even (one pixel
 * apart when H - n = 3 mod 4).
 * `fake-detect`: UniversalFakeDetect's evaluation: RGB first, centre crop with no resize; a smaller picture gets black
 * margins.
 */
export const PIPELINES = ['openai', 'huggingface', 'fake-detect'] as const;
export type Pipeline = (typeof PIPELINES)[number];

/** @throws RangeError that names the three if `name` is not one of them */
export function checkPipeline(name: unknown): asserts name is Pipeline {
  if (!PIPELINES.includes(name as Pipeline)) {
    throw new RangeError(
      `"pipeline" expected one of ${PIPELINES.join(', ')}, got ` +
        `${typeof name === 'string' ? JSON.stringify(name) : String(name)}`,
    );
  }
}

/** Python's round(x / 2) for an integer x: a half goes to the even neighbour. */
function halfToEven(x: number): number {
  const floor = Math.floor(x / 2);
  return x % 2 === 0 || floor % 2 === 0 ? floor : floor + 1;
}

/** Width and height after torchvision's Resize(n): the short side becomes n, the long one int(n * long / short). */
function resizedSize(width: number, height: number, n: number): [number, number] {
  const long = (side: number, short: number): number => Math.trunc((n * side) / short);
  return width <= height ? [n, long(height, width)] : [long(width, height), n];
}

/**
 * The n x n middle of an RGB picture as torchvision's CenterCrop(n) takes it: black margins where the picture is
 * smaller, the odd line to the right and below.
 */
function centerCrop(image: DecodedImage, n: number): Uint8Array {
  const { width, height, data } = image;
  // Where the crop starts in the picture; negative: so wide is the margin.
  const start = (size: number): number => (size < n ? -Math.floor((n - size) / 2) : halfToEven(size - n));
  const left = start(width),
    top = start(height);
  const crop = new Uint8Array(n * n * 3);
  for (let y = Math.max(0, -top); y < Math.min(n, height - top); y++) {
    const x = Math.max(0, -left),
      end = Math.min(n, width - left);
    const from = ((y + top) * width + x + left) * 3;
    crop.set(data.subarray(from, from + (end - x) * 3), (y * n + x) * 3);
  }
  return crop;
}

/**
 * The 8-bit crop that a pipeline makes of a picture.
 * @param image any mode and size
 * @param n the side of the crop
 * @returns n * n RGB triples, row by row
 * @throws RangeError if the pipeline is unknown or n is not a positive integer
 */
export function cropPixels(image: DecodedImage, n: number, pipeline: Pipeline = 'openai'): Uint8Array {
  checkPipeline(pipeline);
  if (!Number.isSafeInteger(n) || n < 1)
    throw new RangeError(`"resolution" expected an integer of at least 1, got ${n}`);
  if (pipeline === 'fake-detect') return centerCrop(toRGB(image), n);
  const source = pipeline === 'huggingface' ? toRGB(image) : image;
  const [width, height] = resizedSize(source.width, source.height, n);
  const offset = pipeline === 'huggingface' ? (x: number): number => Math.floor(x / 2) : halfToEven;
  const window = { left: offset(width - n), top: offset(height - n), width: n, height: n };
  return toRGB(resize(source, width, height, window)).data as Uint8Array;
}
