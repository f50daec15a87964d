// What a file is, by its content, and how large a picture it claims to hold: read from the header by our own code,
// before any decoder runs.

import { formatName } from '../../formats/signatures.ts';
import { jpegHeader } from './jpeg-header.ts';
import { pngHeader } from './png-chunks.ts';
import { webpHeader } from './webp-container.ts';

export interface ImageInfo {
  format: 'JPEG' | 'PNG' | 'WebP';
  width: number;
  height: number;
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
  const format = formatName(bytes);
  if (format === 'JPEG') return { format, ...sizeOf(jpegHeader(bytes)) };
  if (format === 'PNG') return { format, ...sizeOf(pngHeader(bytes)) };
  if (format === 'WebP') return { format, ...sizeOf(webpHeader(bytes)) };
  const remedy = format === 'a Git LFS pointer' ? 'fetch the picture itself with git lfs pull' : 'convert it first';
  throw new Error(`image: expected JPEG, PNG or WebP, got ${format ?? unknown(bytes)}; ${remedy}`);
}

const unknown = (bytes: Uint8Array): string =>
  'an unknown format (it begins with the bytes ' +
  `${Array.from(bytes.subarray(0, 8), (b) => b.toString(16).padStart(2, '0')).join(' ')})`;

function sizeOf({ width, height }: { width: number; height: number }): { width: number; height: number } {
  return { width, height };
}
