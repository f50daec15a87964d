// The first directory of a TIFF or BigTIFF: what the picture is and where its strips or tiles are (Adobe, TIFF 6.0,
// 1992; BigTIFF by libtiff). Nothing is decompressed here.

export interface TiffDirectory {
  /** Before the orientation is applied. */
  width: number;
  height: number;
  /** 1 to 8, as in EXIF. */
  orientation: number;
  littleEndian: boolean;
  compression: number;
  photometric: number;
  /** Bits of each sample of a pixel. */
  bits: readonly number[];
  /** What each sample beyond the colors is: 0 unspecified, 1 premultiplied alpha, 2 alpha. */
  extra: readonly number[];
  /** 1 unsigned, 2 signed, 3 float. */
  sampleFormat: number;
  fillOrder: number;
  predictor: number;
  /** Each sample in a plane of its own. */
  planar: boolean;
  /** Of a tile; of a strip, whose width is the picture's. */
  tileWidth: number;
  tileHeight: number;
  offsets: readonly number[];
  byteCounts: readonly number[];
  /** The palette's reds, greens and blues, 16 bits each; null without one. */
  colorMap: readonly number[] | null;
}

const again = 'fetch or export it again';

const TAGS = {
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  stripOffsets: 273,
  orientation: 274,
  samples: 277,
  rowsPerStrip: 278,
  stripByteCounts: 279,
  planar: 284,
  predictor: 317,
  colorMap: 320,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileByteCounts: 325,
  extra: 338,
  sampleFormat: 339,
} as const;

/** Bytes of a value of each type of integers: BYTE, SHORT, LONG, LONG8 and what is signed or undefined like them. */
const TYPE_BYTES: Readonly<Record<number, number>> = {
  1: 1,
  3: 2,
  4: 4,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  13: 4,
  16: 8,
  17: 8,
  18: 8,
};

/**
 * The first directory of a file.
 * @throws Error if it is cut off, damaged, or lacks what every picture has
 */
export function tiffDirectory(bytes: Uint8Array): TiffDirectory {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const truncated = (): Error =>
    new Error(`TIFF: the file ends after ${bytes.length} bytes, inside its directory; it is truncated: ${again}`);
  if (bytes.length < 16) throw truncated();
  const littleEndian = bytes[0] === 0x49;
  const big = view.getUint16(2, littleEndian) === 43;
  const integer = (at: number, size: number): number => {
    if (at + size > bytes.length) throw truncated();
    if (size === 1) return bytes[at];
    if (size === 2) return view.getUint16(at, littleEndian);
    if (size === 4) return view.getUint32(at, littleEndian);
    return Number(view.getBigUint64(at, littleEndian));
  };
  const start = integer(big ? 8 : 4, big ? 8 : 4);
  const [countBytes, entryBytes, inline] = big ? [8, 20, 8] : [2, 12, 4];
  const count = integer(start, countBytes);
  if (count * entryBytes > bytes.length) throw truncated();
  const values = new Map<number, readonly number[]>();
  const wanted = new Set<number>(Object.values(TAGS));
  for (let i = 0; i < count; i++) {
    const entry = start + countBytes + i * entryBytes;
    const [tag, type, length] = [integer(entry, 2), integer(entry + 2, 2), integer(entry + 4, big ? 8 : 4)];
    const size = TYPE_BYTES[type];
    if (!wanted.has(tag) || size === undefined || values.has(tag)) continue;
    if (length * size > bytes.length) throw truncated();
    const field = entry + (big ? 12 : 8);
    const at = length * size <= inline ? field : integer(field, inline);
    values.set(
      tag,
      Array.from({ length }, (_, k) => integer(at + k * size, size)),
    );
  }
  return described(values, littleEndian);
}

function described(values: ReadonlyMap<number, readonly number[]>, littleEndian: boolean): TiffDirectory {
  const one = (tag: number, otherwise: number): number => values.get(tag)?.[0] ?? otherwise;
  const [width, height] = [one(TAGS.width, 0), one(TAGS.height, 0)];
  if (width === 0 || height === 0) {
    throw new Error(`TIFF: expected at least one pixel, got ${width} x ${height}; the file is damaged: ${again}`);
  }
  const samples = one(TAGS.samples, 1);
  if (samples < 1 || samples > 8) {
    throw new Error(`TIFF: ${samples} samples a pixel, expected 1 to 8; convert it to PNG`);
  }
  let bits = values.get(TAGS.bits) ?? [1];
  if (bits.length === 1) bits = Array.from({ length: samples }, () => bits[0]);
  if (bits.length < samples) {
    throw new Error(`TIFF: bits of ${bits.length} samples, expected ${samples}; the file is damaged: ${again}`);
  }
  const tiled = values.has(TAGS.tileOffsets);
  const offsets = values.get(tiled ? TAGS.tileOffsets : TAGS.stripOffsets);
  if (offsets === undefined) throw new Error(`TIFF: no strips and no tiles; the file is damaged: ${again}`);
  const tileWidth = tiled ? one(TAGS.tileWidth, 0) : width;
  const tileHeight = tiled ? one(TAGS.tileHeight, 0) : Math.min(height, one(TAGS.rowsPerStrip, height));
  if (tileWidth === 0 || tileHeight === 0) {
    throw new Error(`TIFF: tiles of ${tileWidth} x ${tileHeight} pixels; the file is damaged: ${again}`);
  }
  const planar = one(TAGS.planar, 1) === 2 && samples > 1;
  const expected = Math.ceil(width / tileWidth) * Math.ceil(height / tileHeight) * (planar ? samples : 1);
  if (offsets.length < expected) {
    throw new Error(`TIFF: ${offsets.length} strips or tiles, expected ${expected}; the file is damaged: ${again}`);
  }
  const orientation = one(TAGS.orientation, 1);
  return {
    width,
    height,
    orientation: orientation >= 1 && orientation <= 8 ? orientation : 1,
    littleEndian,
    compression: one(TAGS.compression, 1),
    photometric: one(TAGS.photometric, 0),
    bits: bits.slice(0, samples),
    extra: values.get(TAGS.extra) ?? [],
    sampleFormat: one(TAGS.sampleFormat, 1),
    fillOrder: one(TAGS.fillOrder, 1),
    predictor: one(TAGS.predictor, 1),
    planar,
    tileWidth,
    tileHeight,
    offsets,
    byteCounts: values.get(tiled ? TAGS.tileByteCounts : TAGS.stripByteCounts) ?? [],
    colorMap: values.get(TAGS.colorMap) ?? null,
  };
}

/** Width and height as Pillow says them: exchanged where the orientation turns the picture by a quarter. */
export function tiffSize(bytes: Uint8Array): { width: number; height: number } {
  const { width, height, orientation } = tiffDirectory(bytes);
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}
