// A PNG writer for the tests that want a broken one: what it is told to write, it writes.

import { deflateSync } from 'node:zlib';

/** CRC-32, bit by bit. */
export function crc32Of(bytes: Uint8Array): number {
  let c = ~0;
  for (const byte of bytes) {
    c ^= byte;
    for (let bit = 0; bit < 8; bit++) c = (c >>> 1) ^ (c & 1 ? 0xedb88320 : 0);
  }
  return ~c >>> 0;
}

export function chunk(type: string, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) out[4 + i] = type.charCodeAt(i);
  out.set(data, 8);
  view.setUint32(8 + data.length, crc32Of(out.subarray(4, 8 + data.length)));
  return out;
}

export interface PngParts {
  width: number;
  height: number;
  depth?: number;
  /** Colour type; default 2, RGB. */
  colour?: number;
  /** Filter bytes and samples, to be compressed … */
  raw?: Uint8Array;
  /** … or the zlib stream itself. */
  compressed?: Uint8Array;
  /** Chunks between IHDR and IDAT. */
  extra?: Uint8Array;
}

export function png({
  width,
  height,
  depth = 8,
  colour = 2,
  raw = new Uint8Array(0),
  compressed = deflateSync(raw),
  extra = new Uint8Array(0),
}: PngParts): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = depth;
  header[9] = colour;
  const parts = [
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10),
    chunk('IHDR', header),
    extra,
    chunk('IDAT', compressed),
    chunk('IEND', new Uint8Array(0)),
  ];
  return new Uint8Array(Buffer.concat(parts));
}
