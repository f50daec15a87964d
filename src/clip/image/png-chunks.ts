// The chunks of a PNG (W3C PNG specification, third edition), checked one by one; nothing is inflated here.

export interface PngHeader {
  width: number;
  height: number;
  depth: number;
  /** 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGBA. */
  colour: number;
  interlaced: boolean;
}

export interface PngChunks extends PngHeader {
  /** The zlib stream: all IDAT chunks' data, in order. */
  compressed: Uint8Array;
  /** RGB triples as the file has them. */
  palette?: Uint8Array;
}

/** Depths that the specification allows for each colour type. */
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** CRC-32 of bytes from … to - 1. */
function crc32(bytes: Uint8Array, from: number, to: number): number {
  let c = 0xffffffff;
  for (let i = from; i < to; i++) c = CRC_TABLE[(c ^ bytes[i]) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

const uint32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
const again = 'fetch or export it again';

interface Chunk {
  type: string;
  from: number;
  to: number;
  next: number;
}

/** The chunk at an offset, its checksum verified. @throws Error if it is cut off, damaged or no chunk at all */
function chunkAt(bytes: Uint8Array, at: number): Chunk {
  if (at + 12 > bytes.length)
    throw new Error(`PNG: the file ends after ${bytes.length} bytes, before its IEND chunk; it is truncated: ${again}`);
  const length = uint32(bytes, at);
  const type = String.fromCharCode(bytes[at + 4], bytes[at + 5], bytes[at + 6], bytes[at + 7]);
  if (!/^[A-Za-z]{4}$/.test(type))
    throw new Error(`PNG: no chunk where one must begin, at byte ${at}; the file is damaged: ${again}`);
  const from = at + 8,
    to = from + length;
  if (to + 4 > bytes.length)
    throw new Error(
      `PNG: the chunk ${type} at byte ${at} has ${length} bytes by its header, but the file ends before; it is truncated: ${again}`,
    );
  if (crc32(bytes, at + 4, to) !== uint32(bytes, to))
    throw new Error(`PNG: the checksum of the chunk ${type} at byte ${at} is wrong; the file is damaged: ${again}`);
  return { type, from, to, next: to + 4 };
}

/** The IHDR chunk. @throws Error if it is missing, damaged or says what the specification does not allow */
export function pngHeader(bytes: Uint8Array): PngHeader {
  const chunk = chunkAt(bytes, 8);
  if (chunk.type === 'CgBI')
    throw new Error(
      "PNG: this is Apple's own variant (CgBI) out of an app; convert it with pngcrush " +
        '-revert-iphone-optimizations first',
    );
  if (chunk.type !== 'IHDR' || chunk.to - chunk.from !== 13)
    throw new Error(
      `PNG: expected a chunk IHDR of 13 bytes first, got ${chunk.type} of ${chunk.to - chunk.from}; ${again}`,
    );
  const at = chunk.from;
  const header = {
    width: uint32(bytes, at),
    height: uint32(bytes, at + 4),
    depth: bytes[at + 8],
    colour: bytes[at + 9],
    interlaced: bytes[at + 12] === 1,
  };
  if (header.width === 0 || header.height === 0)
    throw new Error(`PNG: a picture of ${header.width} x ${header.height} has no pixels; ${again}`);
  if (header.width > 0x7fffffff || header.height > 0x7fffffff)
    throw new Error(`PNG: ${header.width} x ${header.height} is more than the format allows (2^31 - 1); ${again}`);
  if (!DEPTHS[header.colour]?.includes(header.depth))
    throw new Error(`PNG: colour type ${header.colour} with ${header.depth} bits does not exist in PNG; ${again}`);
  if (bytes[at + 10] !== 0 || bytes[at + 11] !== 0 || bytes[at + 12] > 1)
    throw new Error(
      `PNG: unknown compression, filter or interlace method (${bytes[at + 10]}, ${bytes[at + 11]}, ` +
        `${bytes[at + 12]}); ${again}`,
    );
  return header;
}

const hasText = (bytes: Uint8Array, at: number, text: string): boolean =>
  [...text].every((letter, i) => bytes[at + i] === letter.charCodeAt(0));

/**
 * The data of the first run of IDAT chunks, which may be cut off, with checksums that are not looked at; chunks before
 * them must be whole, but the checksums of those that a reader may leave out are not looked at either.
 */
function tolerated(bytes: Uint8Array): { data: { from: number; to: number }[]; palette?: Uint8Array } {
  const data: { from: number; to: number }[] = [];
  let palette: Uint8Array | undefined;
  for (let at = chunkAt(bytes, 8).next; ;) {
    if (hasText(bytes, at + 4, 'IDAT')) {
      const from = at + 8,
        to = Math.min(from + uint32(bytes, at), bytes.length);
      if (from <= bytes.length) data.push({ from, to });
      at = to + 4;
    } else if (data.length > 0) return { data, palette };
    else {
      const optional = (bytes[at + 4] & 32) !== 0;
      const chunk = optional ? { type: '', from: 0, to: 0, next: at + 12 + uint32(bytes, at) } : chunkAt(bytes, at);
      if (chunk.next > bytes.length) chunkAt(bytes, at); // says that it is cut off
      if (chunk.type === 'IEND') return { data, palette };
      if (chunk.type === 'PLTE') palette = bytes.subarray(chunk.from, chunk.to);
      at = chunk.next;
    }
  }
}

function whole(bytes: Uint8Array): { data: { from: number; to: number }[]; palette?: Uint8Array } {
  const data: Chunk[] = [];
  let palette: Uint8Array | undefined;
  let chunk = chunkAt(bytes, 8);
  while (chunk.type !== 'IEND') {
    chunk = chunkAt(bytes, chunk.next);
    if (chunk.type === 'IDAT') data.push(chunk);
    else if (chunk.type === 'PLTE' && data.length === 0) palette = bytes.subarray(chunk.from, chunk.to);
  }
  return { data, palette };
}

/**
 * All chunks to IEND. Of an animated PNG the IDAT chunks are the first (or the default) picture, as Pillow shows it.
 * @param tolerant take what there is of the picture's data, checksums or not
 * @throws Error at the first thing that is wrong
 */
export function pngChunks(bytes: Uint8Array, tolerant: boolean): PngChunks {
  const header = pngHeader(bytes);
  const { data, palette } = tolerant ? tolerated(bytes) : whole(bytes);
  if (data.length === 0) throw new Error(`PNG: no IDAT chunk, so no picture; ${again}`);
  if (header.colour === 3) {
    if (!palette) throw new Error(`PNG: a palette picture without a palette (PLTE); ${again}`);
    if (palette.length === 0 || palette.length % 3 !== 0 || palette.length > 768)
      throw new Error(`PNG: expected a palette of 1 to 256 RGB triples, got ${palette.length} bytes; ${again}`);
  }
  const compressed = new Uint8Array(data.reduce((sum, c) => sum + c.to - c.from, 0));
  let at = 0;
  for (const c of data) {
    compressed.set(bytes.subarray(c.from, c.to), at);
    at += c.to - c.from;
  }
  return { ...header, compressed, palette: header.colour === 3 ? palette : undefined };
}
