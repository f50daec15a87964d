// The RIFF container of a WebP (RFC 9649), without decoding: size, alpha, and the first picture of an animation as a
// file of its own.

export interface WebpHeader {
  /** Of the canvas. */
  width: number;
  height: number;
  /** Whether Pillow opens it as RGBA (else RGB). */
  alpha: boolean;
  /** An alpha chunk that the header's flags deny: Pillow opens the file as RGBA and makes every pixel opaque. */
  opaque: boolean;
  /** A file with one still picture: the file itself, or the first frame of an animation. */
  still: Uint8Array;
  /** Position and size of the still picture on the canvas. */
  frame: { left: number; top: number; width: number; height: number };
}

interface Chunk {
  type: string;
  start: number;
  from: number;
  to: number;
  next: number;
}

const again = 'fetch or export it again';
const uint24 = (bytes: Uint8Array, at: number): number => bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
const uint32 = (bytes: Uint8Array, at: number): number => (uint24(bytes, at) | (bytes[at + 3] << 24)) >>> 0;

/** The chunks between two offsets. @throws Error if one reaches over the end */
function* chunksOf(bytes: Uint8Array, from: number, end: number): Generator<Chunk> {
  let at = from;
  while (at + 8 <= end) {
    const type = String.fromCharCode(...bytes.subarray(at, at + 4));
    const start = at + 8,
      to = start + uint32(bytes, at + 4);
    if (to > end)
      throw new Error(
        `WebP: the chunk ${JSON.stringify(type)} at byte ${at} reaches over the end of its container; the file ` +
          `is damaged: ${again}`,
      );
    at = to + ((to - start) % 2); // chunks begin at even offsets
    yield { type, start: start - 8, from: start, to, next: at };
  }
}

interface Bitstream {
  width: number;
  height: number;
  alpha: boolean;
}

/** The frame header of lossy (VP8, RFC 6386) or lossless (VP8L) data. */
function bitstream(bytes: Uint8Array, chunk: Chunk): Bitstream {
  const at = chunk.from;
  if (chunk.type === 'VP8L') {
    if (chunk.to - at < 5 || bytes[at] !== 0x2f)
      throw new Error(`WebP: the lossless picture has no header; the file is damaged: ${again}`);
    const bits = uint32(bytes, at + 1);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1, alpha: ((bits >>> 28) & 1) === 1 };
  }
  if (
    chunk.to - at < 10 ||
    (bytes[at] & 1) !== 0 ||
    bytes[at + 3] !== 0x9d ||
    bytes[at + 4] !== 0x01 ||
    bytes[at + 5] !== 0x2a
  ) {
    throw new Error(`WebP: the lossy picture does not begin with a key frame; the file is damaged: ${again}`);
  }
  return {
    width: (bytes[at + 6] | (bytes[at + 7] << 8)) & 0x3fff,
    height: (bytes[at + 8] | (bytes[at + 9] << 8)) & 0x3fff,
    alpha: false,
  };
}

const isPicture = (chunk: Chunk): boolean => chunk.type === 'VP8 ' || chunk.type === 'VP8L';

/**
 * One frame of an animation as a WebP file: its chunks in a container of their own, with a VP8X header if there is an
 * alpha chunk.
 */
function stillOf(bytes: Uint8Array, chunks: Chunk[], { width, height }: Bitstream): Uint8Array {
  const alpha = chunks.some((chunk) => chunk.type === 'ALPH');
  const kept = chunks.filter((chunk) => isPicture(chunk) || chunk.type === 'ALPH');
  const size = 12 + (alpha ? 18 : 0) + kept.reduce((sum, chunk) => sum + chunk.next - chunk.start, 0);
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  const name = (at: number, text: string): void => {
    for (let i = 0; i < 4; i++) file[at + i] = text.charCodeAt(i);
  };
  name(0, 'RIFF');
  view.setUint32(4, size - 8, true);
  name(8, 'WEBP');
  let at = 12;
  if (alpha) {
    name(12, 'VP8X');
    view.setUint32(16, 10, true);
    file[20] = 0x10;
    view.setUint16(24, (width - 1) & 0xffff, true);
    file[26] = (width - 1) >> 16;
    view.setUint16(27, (height - 1) & 0xffff, true);
    file[29] = (height - 1) >> 16;
    at = 30;
  }
  for (const chunk of kept) {
    file.set(bytes.subarray(chunk.start, chunk.next), at);
    at += chunk.next - chunk.start;
  }
  return file;
}

/** Size and kind of a WebP. @throws Error if the file is cut off or holds no picture */
export function webpHeader(bytes: Uint8Array): WebpHeader {
  if (bytes.length < 20) throw new Error(`WebP: the file ends after ${bytes.length} bytes; it is truncated: ${again}`);
  const end = uint32(bytes, 4) + 8;
  if (end > bytes.length)
    throw new Error(
      `WebP: the file says it has ${end} bytes, but ends after ${bytes.length}; it is truncated: ${again}`,
    );
  const [first] = chunksOf(bytes, 12, end);
  if (!first) throw new Error(`WebP: an empty container; ${again}`);
  if (isPicture(first)) return single(bytes, bitstream(bytes, first));
  if (first.type !== 'VP8X' || first.to - first.from < 10)
    throw new Error(
      `WebP: expected VP8, VP8L or VP8X first, got ${JSON.stringify(first.type)}; the file is damaged: ${again}`,
    );

  const flags = bytes[first.from];
  const width = uint24(bytes, first.from + 4) + 1,
    height = uint24(bytes, first.from + 7) + 1;
  let hasAlphaChunk = false;
  for (const chunk of chunksOf(bytes, first.next, end)) {
    if (chunk.type === 'ALPH') hasAlphaChunk = true;
    if (isPicture(chunk)) {
      const picture = bitstream(bytes, chunk);
      if (picture.width !== width || picture.height !== height) {
        throw new Error(
          `WebP: a canvas of ${width} x ${height} with a picture of ${picture.width} x ${picture.height}; the ` +
            `file is damaged: ${again}`,
        );
      }
      const flagged = (flags & 0x10) !== 0;
      if (chunk.type === 'VP8L') return single(bytes, picture);
      return single(bytes, { width, height, alpha: flagged || hasAlphaChunk }, hasAlphaChunk && !flagged);
    }
    if (chunk.type === 'ANMF') return firstFrame(bytes, chunk, width, height, (flags & 0x10) !== 0);
  }
  throw new Error(`WebP: no picture in the container; the file is damaged: ${again}`);
}

function single(bytes: Uint8Array, { width, height, alpha }: Bitstream, opaque = false): WebpHeader {
  if (width === 0 || height === 0) throw new Error(`WebP: a picture of ${width} x ${height} has no pixels; ${again}`);
  return { width, height, alpha, opaque, still: bytes, frame: { left: 0, top: 0, width, height } };
}

/** The first frame of an animation, as Pillow shows it: on a canvas of transparent black. */
function firstFrame(bytes: Uint8Array, anmf: Chunk, width: number, height: number, alpha: boolean): WebpHeader {
  const at = anmf.from;
  const frame = {
    left: uint24(bytes, at) * 2,
    top: uint24(bytes, at + 3) * 2,
    width: uint24(bytes, at + 6) + 1,
    height: uint24(bytes, at + 9) + 1,
  };
  const chunks = anmf.to - at < 16 ? [] : [...chunksOf(bytes, at + 16, anmf.to)];
  const picture = chunks.find(isPicture);
  if (!picture)
    throw new Error(`WebP: the first frame of the animation holds no picture; the file is damaged: ${again}`);
  const size = bitstream(bytes, picture);
  if (
    size.width !== frame.width ||
    size.height !== frame.height ||
    frame.left + frame.width > width ||
    frame.top + frame.height > height
  ) {
    throw new Error(
      `WebP: the first frame of the animation does not fit its canvas of ${width} x ${height}; the file is ` +
        `damaged: ${again}`,
    );
  }
  return { width, height, alpha, opaque: false, still: stillOf(bytes, chunks, size), frame };
}
