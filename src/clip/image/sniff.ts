// What a file is, by its content, and how large a picture it claims to hold: read from the header by our own code,
// before any decoder runs.

import { jpegHeader } from './jpeg-header.ts';
import { pngHeader } from './png-chunks.ts';
import { webpHeader } from './webp-container.ts';

export interface ImageInfo {
  format: 'JPEG' | 'PNG' | 'WebP';
  width: number;
  height: number;
}

/** Signatures of what people take for pictures: an offset, the bytes there (latin1), the name. */
const OTHERS: readonly [offset: number, bytes: string, name: string][] = [
  [0, '\x89PNG', 'a PNG whose first bytes are damaged, as by a transfer in text mode'],
  [0, '\xff\xd8', 'a JPEG of which little more than the first two bytes is left'],
  [0, 'GIF8', 'GIF'],
  [0, 'II*\0', 'TIFF'],
  [0, 'MM\0*', 'TIFF'],
  [0, 'II+\0', 'BigTIFF'],
  [0, 'MM\0+', 'BigTIFF'],
  [4, 'ftypavif', 'AVIF'],
  [4, 'ftypavis', 'AVIF'],
  [4, 'ftypheic', 'HEIC'],
  [4, 'ftypheix', 'HEIC'],
  [4, 'ftyphevc', 'HEIC'],
  [4, 'ftypmif1', 'HEIF'],
  [4, 'ftypmsf1', 'HEIF'],
  [4, 'ftyp', 'an MP4 or QuickTime film'],
  [0, '%PDF', 'PDF'],
  [0, '%!PS', 'PostScript'],
  [0, '8BPS', 'a Photoshop file'],
  [0, '\xff\x0a', 'JPEG XL'],
  [0, '\0\0\0\x0cJXL ', 'JPEG XL'],
  [0, '\0\0\0\x0cjP  ', 'JPEG 2000'],
  [0, '\xff\x4f\xff\x51', 'JPEG 2000'],
  [0, '\0\0\x01\0', 'a Windows icon'],
  [0, 'RIFF', 'a RIFF file that is no WebP'],
  [0, 'P1', 'a Netpbm file'],
  [0, 'P2', 'a Netpbm file'],
  [0, 'P3', 'a Netpbm file'],
  [0, 'P4', 'a Netpbm file'],
  [0, 'P5', 'a Netpbm file'],
  [0, 'P6', 'a Netpbm file'],
  [0, 'qoif', 'QOI'],
  [0, 'v/1\x01', 'OpenEXR'],
  [0, '#?RADIANCE', 'Radiance HDR'],
  [0, '\x1a\x45\xdf\xa3', 'a Matroska or WebM film'],
  [0, 'OggS', 'an Ogg file'],
  [0, 'ID3', 'an MP3 file'],
  [0, '\x93NUMPY', 'a NumPy array'],
  [0, 'PK\x03\x04', 'a ZIP archive'],
  [0, 'PK\x05\x06', 'a ZIP archive'],
  [0, '\x1f\x8b', 'a gzip file'],
  [0, '7z\xbc\xaf', 'a 7-Zip archive'],
  [0, 'Rar!', 'a RAR archive'],
  [0, '\x7fELF', 'a program'],
  [0, 'BM', 'BMP'],
  [0, 'version https://git-lfs', 'a Git LFS pointer (run git lfs pull)'],
];

function startsWith(bytes: Uint8Array, offset: number, signature: string): boolean {
  if (bytes.length < offset + signature.length) return false;
  for (let i = 0; i < signature.length; i++) if (bytes[offset + i] !== signature.charCodeAt(i)) return false;
  return true;
}

/** The name of a format that is not read here. */
function nameOther(bytes: Uint8Array): string {
  for (const [offset, signature, name] of OTHERS) if (startsWith(bytes, offset, signature)) return name;
  const head = bytes.subarray(0, 512);
  if (head.every((byte) => byte === 0)) return 'nothing but zero bytes';
  if (head.every((byte) => byte === 9 || byte === 10 || byte === 13 || byte >= 32)) {
    const text = String.fromCharCode(...head)
      .replace(/^(\u00ef\u00bb\u00bf)?\s+|^\u00ef\u00bb\u00bf/, '')
      .toLowerCase();
    if (text.includes('<svg')) return 'SVG';
    if (text.startsWith('<!doctype html') || text.startsWith('<html') || text.includes('<head')) return 'an HTML page';
    if (text.startsWith('<')) return 'XML';
    return 'text';
  }
  return (
    'an unknown format (it begins with the bytes ' +
    `${Array.from(bytes.subarray(0, 8), (b) => b.toString(16).padStart(2, '0')).join(' ')})`
  );
}

/** Which of the three formats the bytes begin like, or undefined. */
export function formatOf(bytes: Uint8Array): ImageInfo['format'] | undefined {
  if (startsWith(bytes, 0, '\xff\xd8\xff')) return 'JPEG';
  if (startsWith(bytes, 0, '\x89PNG\r\n\x1a\n')) return 'PNG';
  if (startsWith(bytes, 0, 'RIFF') && startsWith(bytes, 8, 'WEBP')) return 'WebP';
  return undefined;
}

/**
 * Format and dimensions of a picture file, by its content. Nothing is decoded and nothing large allocated.
 * @throws TypeError if `bytes` is no Uint8Array; Error if they are empty, of another format (which it names), or the
 *   header is broken
 */
export function sniff(bytes: Uint8Array): ImageInfo {
  if (!(bytes instanceof Uint8Array))
    throw new TypeError(
      `image: expected the bytes of a file as a Uint8Array, got ${bytes === null ? 'null' : typeof bytes}`,
    );
  if (bytes.length === 0) throw new Error('image: the file is empty; fetch or export it again');
  const format = formatOf(bytes);
  if (format === 'JPEG') return { format, ...sizeOf(jpegHeader(bytes)) };
  if (format === 'PNG') return { format, ...sizeOf(pngHeader(bytes)) };
  if (format === 'WebP') return { format, ...sizeOf(webpHeader(bytes)) };
  throw new Error(`image: expected JPEG, PNG or WebP, got ${nameOther(bytes)}; convert it first`);
}

function sizeOf({ width, height }: { width: number; height: number }): { width: number; height: number } {
  return { width, height };
}
