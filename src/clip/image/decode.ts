// A picture file's bytes to pixels in Pillow's mode. The format is found by content, never by the file's name; size and
// wholeness are checked before a decoder runs. The decoders are imported when the first picture needs them.

import { limits, raise } from '../../formats/limits.ts';
import type { DecodedImage } from './image.ts';
import type { JpegDecoder } from './jpeg.ts';
import { sniff, type ImageFormat } from './sniff.ts';

export interface DecodeOptions {
  /**
   * Which JPEG decoder. `auto` (default): mozjpeg in WASM, and `typescript` for the files that it cannot decode as
   * Pillow does (CMYK, 4:4:0).
   * `typescript`: our own, equal to Pillow's everywhere, slower, no WASM. `jpeg-js`: the npm package, not equal, no
   * WASM.
   */
  jpeg?: JpegDecoder;
  /**
   * Pictures with more pixels are refused before anything is allocated. Default: the limit `pixels`, 89,478,485, where
   * Pillow begins to warn of a decompression bomb.
   */
  maxPixels?: number;
  /** Turn the picture as its EXIF or XMP orientation says, as PIL.ImageOps.exif_transpose does. Default: as stored. */
  exifOrientation?: boolean;
  /**
   * Read a file that is cut off as far as it goes, with Pillow's pixels under ImageFile.LOAD_TRUNCATED_IMAGES: the rest
   * is black, or gray in a JPEG. JPEG, PNG, GIF, and BMP and TIFF without compression; the others are refused, as by
   * Pillow. Default: all are refused.
   */
  tolerateTruncated?: boolean;
}

const DECODERS: readonly JpegDecoder[] = ['auto', 'mozjpeg', 'typescript', 'jpeg-js'];

/** Called before a file is read, where its size is known. @throws Error for more bytes than the limit imageBytes */
export function checkBytes(count: number): void {
  if (count > limits().imageBytes)
    throw new Error(`image: ${count} bytes are more than any picture has; ${raise('imageBytes')}`);
}

/**
 * Decodes a JPEG, PNG, WebP, GIF (the first frame), BMP or TIFF (the first picture).
 * @returns width, height, Pillow's mode, and the samples row by row; turned by the EXIF orientation only if asked for
 *   (but a TIFF by its own, as in Pillow)
 * @throws TypeError or RangeError for wrong arguments; Error with one sentence if the file is empty, truncated,
 *   damaged, too large or of another format
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions = {}): Promise<DecodedImage> {
  const { jpeg = 'auto', maxPixels = limits().pixels, exifOrientation = false, tolerateTruncated = false } = options;
  for (const [name, value] of Object.entries({ exifOrientation, tolerateTruncated }))
    if (typeof value !== 'boolean')
      throw new TypeError(`decodeImage: "${name}" expected true or false, got ${String(value)}`);
  if (!DECODERS.includes(jpeg))
    throw new RangeError(`decodeImage: "jpeg" expected one of ${DECODERS.join(', ')}, got ${JSON.stringify(jpeg)}`);
  if (!(typeof maxPixels === 'number' && maxPixels >= 1))
    throw new RangeError(`decodeImage: "maxPixels" expected a number of at least 1, got ${String(maxPixels)}`);
  if (bytes instanceof Uint8Array) checkBytes(bytes.length);
  const { format, width, height } = sniff(bytes);
  if (width * height > maxPixels) {
    throw new Error(
      `${format}: ${width} x ${height} pixels are more than the limit of ${maxPixels}; scale the picture down ` +
        `first, or ${options.maxPixels === undefined ? raise('pixels') : 'raise maxPixels if you trust it'}`,
    );
  }
  const image = await decodeAs(format, bytes, jpeg, maxPixels, tolerateTruncated);
  if (!exifOrientation) return image;
  const { orientationOf } = await import('./exif.ts');
  return (await import('./orientation.ts')).turned(image, await orientationOf(format, bytes));
}

async function decodeAs(
  format: ImageFormat,
  bytes: Uint8Array,
  jpeg: JpegDecoder,
  maxPixels: number,
  tolerant: boolean,
): Promise<DecodedImage> {
  if (format === 'JPEG') return (await import('./jpeg.ts')).decodeJpeg(bytes, jpeg, maxPixels, tolerant);
  if (format === 'PNG') return (await import('./png.ts')).decodePng(bytes, tolerant);
  if (format === 'GIF') return (await import('./gif.ts')).decodeGif(bytes, tolerant);
  if (format === 'BMP') return (await import('./bmp.ts')).decodeBmp(bytes, tolerant);
  if (format === 'TIFF') return (await import('./tiff.ts')).decodeTiff(bytes, maxPixels, tolerant);
  return (await import('./webp.ts')).decodeWebp(bytes);
}
