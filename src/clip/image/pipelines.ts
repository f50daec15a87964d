// The ways from a decoded picture to an 8-bit RGB square, by the name of the program that goes them: facts that were
// read in openai/CLIP, open_clip, transformers, UniversalFakeDetect and immich.

import { CHANNELS_OF_MODE, samplesOf, toRGB, type DecodedImage } from './image.ts';
import type { Interpolation } from './filters.ts';
import { resize, type Window } from './resample.ts';

/**
 * `openai`: OpenAI's _transform(n) and open_clip's image_transform_v2: short side to n (bicubic, in the file's own
 * mode), centre crop, then RGB.
 * `huggingface`: transformers' CLIPImageProcessorPil: RGB first, then the same resize; the crop rounds down where
 * OpenAI's rounds half to even (one pixel apart when H - n = 3 mod 4).
 * `huggingface-torchvision`: transformers 5's default, CLIPImageProcessor: as before, but torchvision resizes a uint8
 * tensor, whose weights have 16 bits.
 * `fake-detect`: UniversalFakeDetect's evaluation: RGB first, centre crop with no resize; a smaller picture gets black
 * margins.
 * `immich`: immich's machine learning: as `huggingface`, but for how the long side is rounded.
 */
export const PIPELINES = ['openai', 'huggingface', 'huggingface-torchvision', 'fake-detect', 'immich'] as const;
export type Pipeline = (typeof PIPELINES)[number];

export const RESIZES = ['shortest', 'squash', 'longest'] as const;
/**
 * What the resize makes: the short side n, and the middle is cropped; both sides, whatever their ratio; the long side
 * n, and the margins are filled.
 */
export type Resize = (typeof RESIZES)[number];

/** How the square is made, if not as CLIP's was. */
export interface Geometry {
  /** Default bicubic. */
  readonly interpolation?: Interpolation;
  /** Default shortest. `longest` is open_clip's: with the pipeline openai only. */
  readonly resize?: Resize;
  /** The side that the resize makes where it is not that of the crop: 256 before a crop of 224. */
  readonly scaledTo?: number;
  /** The gray level of margins, 0 to 255. Default 0. */
  readonly fill?: number;
}

/** @throws RangeError that names them if `name` is not one of them */
export function checkPipeline(name: unknown): asserts name is Pipeline {
  if (!PIPELINES.includes(name as Pipeline)) {
    throw new RangeError(
      `"pipeline" expected one of ${PIPELINES.join(', ')}, got ` +
        `${typeof name === 'string' ? JSON.stringify(name) : String(name)}`,
    );
  }
}

/** Python's round: a half goes to the even neighbour. */
function round(x: number): number {
  const floor = Math.floor(x);
  return x - floor < 0.5 || (x - floor === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}

/** Where a crop starts in a picture that is `margin` longer; negative: so wide is the margin before a shorter one. */
const START: Readonly<Record<Pipeline, (margin: number) => number>> = {
  openai: (margin) => (margin < 0 ? -Math.floor(-margin / 2) : round(margin / 2)),
  'fake-detect': (margin) => (margin < 0 ? -Math.floor(-margin / 2) : round(margin / 2)),
  huggingface: (margin) => Math.floor(margin / 2),
  'huggingface-torchvision': (margin) => Math.trunc(margin / 2),
  immich: (margin) => Math.trunc(margin / 2),
};

/** Width and height after the resize. @throws Error if a side would vanish, which no program does either */
function resizedSize({ width, height }: DecodedImage, n: number, pipeline: Pipeline, mode: Resize): [number, number] {
  if (mode === 'squash') return [n, n];
  if (mode === 'longest') {
    // timm's ResizeKeepRatio, which open_clip has
    const ratio = Math.max(height / n, width / n);
    const size: [number, number] = [round(width / ratio), round(height / ratio)];
    if (size.includes(0))
      throw new Error(
        `image: ${width} x ${height} pixels, whose long side becomes ${n}, would have no ${size[0] === 0 ? 'width' : 'height'}; ` +
          'crop the picture first',
      );
    return size;
  }
  // torchvision's Resize(n): the long side is truncated
  const long = (side: number, short: number): number =>
    Math.trunc(pipeline === 'immich' ? (side / short) * n : (n * side) / short);
  return width <= height ? [n, long(height, width)] : [long(width, height), n];
}

/** `image` on a canvas of n x n, its first pixel at (left, top), `fill` around it. */
function onCanvas(image: DecodedImage, n: number, left: number, top: number, fill: number): DecodedImage {
  const channels = CHANNELS_OF_MODE[image.mode];
  // In black and white everything but 0 is white.
  const level = image.mode === '1' && fill > 0 ? 255 : fill;
  const data = samplesOf(image.mode, n * n * channels).fill(level);
  const row = image.width * channels;
  for (let y = 0; y < image.height; y++)
    data.set(image.data.subarray(y * row, (y + 1) * row), ((y + top) * n + left) * channels);
  return { ...image, width: n, height: n, data };
}

/**
 * The 8-bit crop that a pipeline makes of a picture.
 * @param image any mode and size
 * @param n the side of the crop
 * @param geometry what a configuration beside the weights says instead of CLIP's; fake-detect takes none of it
 * @returns n * n RGB triples, row by row
 * @throws RangeError if the pipeline is unknown or n is not a positive integer
 */
export function cropPixels(
  image: DecodedImage,
  n: number,
  pipeline: Pipeline = 'openai',
  geometry: Geometry = {},
): Uint8Array {
  checkPipeline(pipeline);
  if (!Number.isSafeInteger(n) || n < 1)
    throw new RangeError(`"resolution" expected an integer of at least 1, got ${n}`);
  const { interpolation = 'bicubic', resize: mode = 'shortest', scaledTo = n, fill = 0 } = geometry;
  const source = pipeline === 'openai' ? image : toRGB(image);
  const resized = pipeline !== 'fake-detect';
  const [width, height] = resized ? resizedSize(source, scaledTo, pipeline, mode) : [source.width, source.height];
  const left = START[pipeline](width - n),
    top = START[pipeline](height - n);
  // the part of the picture that is seen
  const window: Window = {
    left: Math.max(0, left),
    top: Math.max(0, top),
    width: Math.min(n, width),
    height: Math.min(n, height),
  };
  const arithmetic = pipeline === 'huggingface-torchvision' ? 'torch' : 'pillow';
  const seen = resize(source, width, height, window, { interpolation, arithmetic });
  const square =
    width >= n && height >= n ? seen : onCanvas(seen, n, Math.max(0, -left), Math.max(0, -top), resized ? fill : 0);
  return toRGB(square).data as Uint8Array;
}
