// What a file is, by its first bytes, whatever its name says. One table for pictures, weights and dumps; each caller
// adds what to do about a file that it does not read.

import { latin1 } from './latin1.ts';

/** How many of a file's first bytes `formatName` looks at. */
export const SIGNATURE_BYTES = 512;

/** Where a signature is, its bytes (as latin1), and the format's name. The first that fits counts. */
const SIGNATURES: readonly (readonly [offset: number, bytes: string, name: string])[] = [
  [0, '\xff\xd8\xff', 'JPEG'],
  [0, '\x89PNG\r\n\x1a\n', 'PNG'],
  [257, 'ustar', 'a tar archive'],
  [0, '\x89PNG', 'a PNG whose first bytes are damaged, as by a transfer in text mode'],
  [0, '\xff\xd8', 'a JPEG of which little more than the first two bytes is left'],
  [0, 'GIF87a', 'GIF'],
  [0, 'GIF89a', 'GIF'],
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
  [0, '\x89HDF', 'an HDF5 (Keras) file'],
  [0, 'GGUF', 'a GGUF file'],
  [0, 'PK\x03\x04', 'a ZIP archive'],
  [0, 'PK\x05\x06', 'a ZIP archive'],
  [0, '\x1f\x8b', 'a gzip file'],
  [0, '7z\xbc\xaf', 'a 7-Zip archive'],
  [0, 'Rar!', 'a RAR archive'],
  [0, '\x7fELF', 'a program'],
  [0, 'BM', 'BMP'],
  [0, 'version https://git-lfs', 'a Git LFS pointer'],
];

/**
 * The name of the format that the bytes begin like, for a sentence "expected …, got NAME"; null if they are unknown.
 * @param bytes the beginning of a file, SIGNATURE_BYTES of it if it has as many
 */
export function formatName(bytes: Uint8Array): string | null {
  // A header of safetensors is preceded by its length, which may look like any signature; no length needs bytes 4 to 7.
  if (bytes[8] === 0x7b && bytes.subarray(4, 8).every((byte) => byte === 0)) return 'safetensors';
  if (hasAt(bytes, 0, 'RIFF') && hasAt(bytes, 8, 'WEBP')) return 'WebP';
  for (const [offset, signature, name] of SIGNATURES) if (hasAt(bytes, offset, signature)) return name;
  if (bytes[0] === 0x80 && bytes[1] <= 5) return 'a Python pickle';
  // Its header begins as it should, only the length cannot be right: its reader says so.
  if (bytes[8] === 0x7b && (bytes[9] === 0x22 || bytes[9] === 0x7d)) return 'safetensors';
  // ONNX is a protocol buffer without a magic number: field 1 (version), then field 2 (the producer's name).
  if (bytes[0] === 0x08 && bytes[1] < 32 && (bytes[2] === 0x12 || bytes[2] === 0x3a)) return 'an ONNX model';
  // MessagePack without a magic number: a map of at least one entry whose first key is a name.
  if (((bytes[0] > 0x80 && bytes[0] <= 0x8f) || bytes[0] === 0xde) && isName(bytes, bytes[0] === 0xde ? 3 : 1))
    return 'Flax weights (MessagePack)';
  const head = bytes.subarray(0, SIGNATURE_BYTES);
  if (head.length > 0 && head.every((byte) => byte === 0)) return 'nothing but zero bytes';
  return head.length > 0 && head.every((byte) => byte === 9 || byte === 10 || byte === 13 || byte >= 32)
    ? textFormat(head)
    : null;
}

/** A short string of MessagePack, of letters, digits and what else stands in parameters' names. */
function isName(bytes: Uint8Array, at: number): boolean {
  const length = (bytes[at] ?? 0) - 0xa0;
  return (
    length >= 1 &&
    length <= 31 &&
    /^[\w./-]+$/.test(latin1(bytes.subarray(at + 1, at + 1 + length))) &&
    at + length < bytes.length
  );
}

function hasAt(bytes: Uint8Array, offset: number, signature: string): boolean {
  if (bytes.length < offset + signature.length) return false;
  for (let i = 0; i < signature.length; i++) if (bytes[offset + i] !== signature.charCodeAt(i)) return false;
  return true;
}

function textFormat(head: Uint8Array): string {
  // The three characters are UTF-8's byte order mark.
  const text = latin1(head)
    .replace(/^(\u00ef\u00bb\u00bf)?\s*/, '')
    .toLowerCase();
  if (text.includes('<svg')) return 'SVG';
  if (text.startsWith('<!doctype html') || text.startsWith('<html') || text.includes('<head')) return 'an HTML page';
  if (text.startsWith('<')) return 'XML';
  return text.startsWith('{') || text.startsWith('[') ? 'JSON' : 'text';
}
