// The orientation that a picture's metadata give (EXIF's tag 274, else XMP's tiff:Orientation), where Pillow's
// Image.getexif looks for it.
//
// Left out: a TIFF's own, which its decoder has applied already (as Pillow does), and metadata inside a GIF.

import { unpack } from '#host/unpack';
import { latin1 } from '../../formats/latin1.ts';
import type { ImageFormat } from './sniff.ts';

/** What a file holds of metadata. */
interface Metadata {
  exif?: Uint8Array;
  xmp?: string;
}

/** @returns 1 to 8, or another number that the file has there; 1 without any or if they are damaged */
export async function orientationOf(format: ImageFormat, bytes: Uint8Array): Promise<number> {
  const { exif, xmp } =
    format === 'JPEG'
      ? ofJpeg(bytes)
      : format === 'PNG'
        ? await ofPng(bytes)
        : format === 'WebP'
          ? ofWebp(bytes)
          : ({} as Metadata);
  const tag = exif === undefined ? null : orientationIn(exif);
  if (tag !== null) return tag;
  return Number(/tiff:Orientation(?:="|>)([0-9])/.exec(xmp ?? '')?.[1] ?? 1);
}

const startsWith = (bytes: Uint8Array, at: number, text: string): boolean =>
  latin1(bytes.subarray(at, at + text.length)) === text;

/** The tag in the first directory of a TIFF header, with or without "Exif" before it; null without it. */
function orientationIn(exif: Uint8Array): number | null {
  let bytes = exif;
  while (startsWith(bytes, 0, 'Exif\0\0')) bytes = bytes.subarray(6);
  if (bytes.length < 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[0] === 0x49;
  if (view.getUint16(2, little) !== 42) return null;
  const start = view.getUint32(4, little);
  if (start + 2 > bytes.length) return null;
  const count = view.getUint16(start, little);
  let found: number | null = null;
  for (let i = 0, at = start + 2; i < count && at + 12 <= bytes.length; i++, at += 12) {
    if (view.getUint16(at, little) !== 0x112 || view.getUint32(at + 4, little) !== 1) continue;
    const type = view.getUint16(at + 2, little);
    if (type === 3 || type === 8) found = view.getUint16(at + 8, little);
    else if (type === 4 || type === 9 || type === 13) found = view.getUint32(at + 8, little);
  }
  return found;
}

/** The first EXIF and XMP segments before the picture. */
function ofJpeg(bytes: Uint8Array): Metadata {
  const found: Metadata = {};
  const XMP = 'http://ns.adobe.com/xap/1.0/\0';
  for (let at = 2; at + 4 <= bytes.length;) {
    if (bytes[at] !== 0xff) {
      at++;
      continue;
    }
    const code = bytes[at + 1];
    if (code === 0xff || code === 0 || code === 1 || (code >= 0xd0 && code <= 0xd8)) {
      at += code === 0xff ? 1 : 2;
      continue;
    }
    if (code === 0xda || code === 0xd9) break;
    const end = at + 2 + bytes[at + 2] * 256 + bytes[at + 3];
    const segment = bytes.subarray(at + 4, end);
    if (code === 0xe1 && startsWith(segment, 0, 'Exif\0\0')) found.exif ??= segment;
    else if (code === 0xe1 && startsWith(segment, 0, XMP)) found.xmp ??= latin1(segment.subarray(XMP.length));
    at = Math.max(end, at + 2);
  }
  return found;
}

/** A text of more bytes than this is no metadata of a picture. */
const MOST_TEXT = 1 << 24;

/** The eXIf chunk, or the profile that ImageMagick writes as text; XMP in an iTXt chunk. */
async function ofPng(bytes: Uint8Array): Promise<Metadata> {
  const found: Metadata = {};
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let profile: Uint8Array | undefined;
  for (let at = 8; at + 12 <= bytes.length;) {
    const type = latin1(bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + 8, at + 8 + view.getUint32(at));
    at += 12 + view.getUint32(at);
    if (type === 'eXIf') found.exif = data;
    else if (/^[izt]TXt$|^tEXt$/.test(type)) {
      const zero = data.indexOf(0);
      const keyword = latin1(data.subarray(0, Math.max(0, zero)));
      if (keyword === 'Raw profile type exif' && type !== 'iTXt')
        profile = type === 'tEXt' ? data.subarray(zero + 1) : await unpackText(data.subarray(zero + 2));
      else if (keyword === 'XML:com.adobe.xmp' && type === 'iTXt') {
        // Flag, method, language, zero, translated keyword, zero, text.
        const language = data.indexOf(0, zero + 3);
        const text = data.subarray(data.indexOf(0, language + 1) + 1);
        found.xmp = latin1(data[zero + 1] === 1 ? await unpackText(text) : text);
      }
    } else if (type === 'IEND') break;
  }
  if (found.exif === undefined && profile !== undefined) found.exif = profileBytes(latin1(profile));
  return found;
}

async function unpackText(packed: Uint8Array): Promise<Uint8Array> {
  const text = await unpack('deflate', packed, MOST_TEXT).catch(() => 'longer' as const);
  return text === 'longer' ? new Uint8Array(0) : text;
}

/** An empty line, a name, a length, and from the fourth line on digits. */
function profileBytes(text: string): Uint8Array {
  const digits = text.split('\n').slice(3).join('');
  return Uint8Array.from(digits.match(/[0-9a-f]{2}/gi) ?? [], (pair) => parseInt(pair, 16));
}

function ofWebp(bytes: Uint8Array): Metadata {
  const found: Metadata = {};
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 12; at + 8 <= bytes.length;) {
    const type = latin1(bytes.subarray(at, at + 4));
    const size = view.getUint32(at + 4, true);
    const data = bytes.subarray(at + 8, at + 8 + size);
    if (type === 'EXIF') found.exif ??= data;
    else if (type === 'XMP ') found.xmp ??= latin1(data);
    at += 8 + size + (size % 2);
  }
  return found;
}
