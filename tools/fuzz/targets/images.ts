// The image decoders, each behind the project's own guards, and everything together up to the cropped pixels.

import { decodeImage, type DecodeOptions } from '../../../src/clip/image/decode.ts';
import { cropPixels } from '../../../src/clip/image/pipelines.ts';
import { havoc, type Mutator } from '../mutate/havoc.ts';
import { jpeg } from '../mutate/jpeg.ts';
import { png } from '../mutate/png.ts';
import { bmp, gif, tiff } from '../mutate/raster.ts';
import { riff } from '../mutate/riff.ts';
import { KB, MB, seedFiles, type Target } from './target.ts';

/** Small, so that pictures that pass are decoded soon; the check is the same at any number. */
const MAX_PIXELS = 1 << 14;

const FOLDERS = ['images/modes', 'images/formats', 'images/orientation', 'images/one-pixel.png'];

/** The mutator that knows the format. */
const ofFormat: Mutator = (input, around) => {
  const mutate = { 0xff: jpeg, 0x89: png, 0x47: gif, 0x42: bmp, 0x49: tiff, 0x4d: tiff }[input[0]] ?? riff;
  return mutate(input, around);
};

const decoder = (
  name: string,
  sources: string[],
  ending: string[],
  mutate: Mutator,
  limit: Target['limit'],
  options: DecodeOptions = {},
): Target => ({
  name,
  sources: ['clip/image/decode', 'clip/image/sniff', ...sources],
  seeds: () => seedFiles(FOLDERS, ending),
  mutators: [mutate, mutate, havoc],
  limit,
  run: (input) => decodeImage(input, { maxPixels: MAX_PIXELS, ...options }),
});

/**
 * A block of 64 samples takes at least a bit: 512 samples a byte and component, each with its coefficient, sample,
 * upsampled sample and result.
 */
const jpegLimit = (size: number): number => MB + Math.min(12 * KB * size, 64 * MAX_PIXELS + 16 * KB * size);

export const IMAGE_TARGETS: readonly Target[] = [
  decoder('jpeg-typescript', ['clip/image/jpeg'], ['.jpg'], jpeg, jpegLimit, { jpeg: 'typescript' }),
  decoder(
    'jpeg-js',
    ['clip/image/jpeg.', 'clip/image/jpeg-header', 'node_modules/jpeg-js'],
    ['.jpg'],
    jpeg,
    (size) => MB + 24 * KB * size,
    { jpeg: 'jpeg-js' },
  ),
  decoder(
    'jpeg-mozjpeg',
    ['clip/image/jpeg.', 'clip/image/jpeg-header', 'clip/image/wasm'],
    ['.jpg'],
    jpeg,
    (size) => 8 * MB + 32 * MAX_PIXELS + 12 * KB * size,
    { jpeg: 'mozjpeg' },
  ),
  // deflate packs at most 1032 to 1; unpacked, and once more as pixels
  decoder('png', ['clip/image/png'], ['.png'], png, (size) => MB + 4 * 1032 * size),
  decoder('webp', ['clip/image/webp', 'clip/image/wasm'], ['.webp'], riff, () => 8 * MB + 32 * MAX_PIXELS),
  // a TIFF has up to 16 bytes a pixel, tiles that cover four pictures, and is unpacked strip by strip
  decoder('gif', ['clip/image/gif'], ['.gif'], gif, (size) => MB + 2 * MAX_PIXELS + 2 * size),
  decoder('bmp', ['clip/image/bmp'], ['.bmp'], bmp, (size) => MB + 8 * MAX_PIXELS + 2 * size),
  decoder('tiff', ['clip/image/tiff'], ['.tif'], tiff, (size) => 4 * MB + 256 * MAX_PIXELS + 4 * KB * size),
  decoder(
    'tolerated',
    [
      'clip/image/exif',
      'clip/image/jpeg-smoothing',
      'formats/inflate-partial',
      'clip/image/png',
      'clip/image/orientation',
    ],
    ['.jpg', '.png', '.gif', '.bmp', '.tif', '.webp'],
    ofFormat,
    (size) => 8 * MB + 256 * MAX_PIXELS + 16 * KB * size,
    { tolerateTruncated: true, exifOrientation: true, jpeg: 'typescript' },
  ),
  {
    name: 'image-to-crop',
    sources: ['clip/image/'],
    seeds: () => seedFiles(FOLDERS, ['.png', '.jpg', '.webp', '.gif', '.bmp', '.tif']),
    mutators: [ofFormat, havoc],
    limit: (size) => 16 * MB + 64 * MAX_PIXELS + 16 * KB * size,
    weight: 0.5,
    async run(input) {
      const image = await decodeImage(input, { maxPixels: MAX_PIXELS });
      // The crop enlarges a thin picture's short side: one of 1 x 60000 pixels passes all checks, and must not ask
      // for 16 x 960000.
      for (const pipeline of ['openai', 'huggingface', 'fake-detect'] as const) cropPixels(image, 16, pipeline);
    },
  },
];
