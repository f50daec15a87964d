// What a file is, by its content, and how large a picture it claims to hold: read from the header by our own code,
// before any decoder runs.

import { formatName } from '../../formats/signatures.ts';
import { bmpHeader, isBmpHeader } from './bmp-header.ts';
import { gifHeader } from './gif-header.ts';
import { jpegHeader } from './jpeg-header.ts';
import { pngHeader } from './png-chunks.ts';
import { tiffSize } from './tiff-directory.ts';
import { webpHeader } from './webp-container.ts';

/** The formats that are decoded, and what reads the size of each from its header. */
const HEADERS = {
  JPEG: jpegHeader,
  PNG: pngHeader,
  WebP: webpHeader,
  GIF: gifHeader,
  BMP: bmpHeader,
  TIFF: tiffSize,
} as const satisfies Record<string, (bytes: Uint8Array) => { width: number; height: number }>;

export type ImageFormat = keyof typeof HEADERS;

export interface ImageInfo {
  format: ImageFormat;
  width: number;
  height: number;
}

/** Programs that make a PNG of what is not decoded here; ImageMagick (`magick IN OUT.png`) knows most of the others. */
const CONVERTERS: Readonly<Record<string, string>> = {
  HEIC: 'heif-convert IN OUT.png (libheif), or sips -s format png IN --out OUT.png (macOS)',
  HEIF: 'heif-convert IN OUT.png (libheif), or sips -s format png IN --out OUT.png (macOS)',
  AVIF: 'avifdec IN OUT.png (libavif)',
  'JPEG XL': 'djxl IN OUT.png (libjxl)',
  'JPEG 2000': 'opj_decompress -i IN -o OUT.png (OpenJPEG)',
  PDF: 'pdftoppm -png IN OUT (Poppler)',
  SVG: 'rsvg-convert IN -o OUT.png (librsvg)',
};

/** The format that `formatName` names, if it is decoded here. */
function decodedFormat(name: string | null): ImageFormat | null {
  const format = name === 'BigTIFF' ? 'TIFF' : name;
  return format !== null && Object.hasOwn(HEADERS, format) ? (format as ImageFormat) : null;
}

/** Whether a file is a picture of a format decoded here, by its first bytes (SIGNATURE_BYTES of them). */
export function isPicture(bytes: Uint8Array): boolean {
  const format = decodedFormat(formatName(bytes));
  // BMP's two letters are a weak signature: texts begin with them.
  return format !== null && (format !== 'BMP' || isBmpHeader(bytes));
}

/** What to do about a file that is no picture of a format decoded here. */
export function remedyFor(format: string | null): string {
  if (format === 'a Git LFS pointer') return 'fetch the picture itself with git lfs pull';
  const converter = format === null ? undefined : CONVERTERS[format];
  return converter === undefined ? 'convert it first' : `convert it to PNG first: ${converter}`;
}

/**
 * Format and dimensions of a picture file, by its content. Nothing is decoded and nothing large allocated.
 * @throws TypeError if `bytes` is not a Uint8Array; Error if they are empty, of another format (which it names), or the
 *   header is broken
 */
export function sniff(bytes: Uint8Array): ImageInfo {
  if (!(bytes instanceof Uint8Array))
    throw new TypeError(
      `image: expected the bytes of a file as a Uint8Array, got ${bytes === null ? 'null' : typeof bytes}`,
    );
  if (bytes.length === 0) throw new Error('image: the file is empty; fetch or export it again');
  const name = formatName(bytes);
  const format = decodedFormat(name);
  if (format === null) {
    throw new Error(
      `image: expected JPEG, PNG, WebP, GIF, BMP or TIFF, got ${name ?? unknown(bytes)}; ${remedyFor(name)}`,
    );
  }
  const { width, height } = HEADERS[format](bytes);
  return { format, width, height };
}

const unknown = (bytes: Uint8Array): string =>
  'an unknown format (it begins with the bytes ' +
  `${Array.from(bytes.subarray(0, 8), (b) => b.toString(16).padStart(2, '0')).join(' ')})`;
