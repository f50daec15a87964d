// The screen and the first frame of a GIF87a or GIF89a (CompuServe 1990), nothing decompressed.
//
// Left out on purpose: later frames, which none of the Python paths looks at, and the looping and comment extensions.

export interface GifHeader {
  /** Of the canvas: the logical screen, enlarged where the frame reaches beyond it. */
  width: number;
  height: number;
  left: number;
  top: number;
  frameWidth: number;
  frameHeight: number;
  interlaced: boolean;
  /** RGB triples; null where the table is a ramp of gray or is missing, which Pillow takes for mode L. */
  palette: Uint8Array | null;
  /** The index that is transparent, which also fills what the frame leaves of the canvas; -1 for none. */
  transparent: number;
  /** Bits of the smallest code. */
  minimumBits: number;
  /** Where the first block of compressed data begins. */
  dataStart: number;
}

const again = 'fetch or export it again';

const uint16 = (bytes: Uint8Array, at: number): number => bytes[at] | (bytes[at + 1] << 8);

/** A color table, or null for one whose entry i is (i, i, i): then indices are gray values. */
function colorTable(bytes: Uint8Array, at: number, size: number): Uint8Array | null {
  const table = bytes.subarray(at, at + 3 * size);
  for (let i = 0; i < table.length; i++) if (table[i] !== Math.floor(i / 3)) return table;
  return null;
}

/**
 * The screen and the first frame, nothing decompressed.
 * @throws Error if the file ends before the first frame or has a block that is not one
 */
export function gifHeader(bytes: Uint8Array): GifHeader {
  const need = (end: number): void => {
    if (end > bytes.length) {
      throw new Error(
        `GIF: the file ends after ${bytes.length} bytes, before its first frame; it is truncated: ${again}`,
      );
    }
  };
  need(13);
  let width = uint16(bytes, 6);
  let height = uint16(bytes, 8);
  let at = 13;
  let palette: Uint8Array | null = null;
  if (bytes[10] & 0x80) {
    const size = 2 << (bytes[10] & 7);
    need(at + 3 * size);
    palette = colorTable(bytes, at, size);
    at += 3 * size;
  }
  let transparent = -1;
  for (;;) {
    need(at + 1);
    const kind = bytes[at++];
    if (kind === 0x21) {
      need(at + 1);
      const label = bytes[at++];
      need(at + 1);
      if (label === 0xf9 && bytes[at] >= 4) {
        need(at + 5);
        if (bytes[at + 1] & 1) transparent = bytes[at + 4];
      }
      // Sub-blocks: a length, so many bytes, and so on to a length of 0.
      while (bytes[at] !== 0) {
        at += bytes[at] + 1;
        need(at + 1);
      }
      at += 1;
    } else if (kind === 0x2c) {
      need(at + 10);
      const [left, top, frameWidth, frameHeight] = [0, 2, 4, 6].map((offset) => uint16(bytes, at + offset));
      const flags = bytes[at + 8];
      at += 9;
      if (flags & 0x80) {
        const size = 2 << (flags & 7);
        need(at + 3 * size + 1);
        // Under a table of colors for all frames, Pillow passes over a ramp of gray for one.
        palette = colorTable(bytes, at, size) ?? palette;
        at += 3 * size;
      }
      const minimumBits = bytes[at];
      width = Math.max(width, left + frameWidth);
      height = Math.max(height, top + frameHeight);
      if (width === 0 || height === 0 || frameWidth === 0 || frameHeight === 0) {
        throw new Error(`GIF: expected at least one pixel, got ${frameWidth} x ${frameHeight} on ${width} x ${height}`);
      }
      if (minimumBits < 1 || minimumBits > 11) {
        throw new Error(`GIF: codes of ${minimumBits} bits, expected 2 to 8; the file is damaged: ${again}`);
      }
      const interlaced = (flags & 0x40) !== 0;
      return {
        width,
        height,
        left,
        top,
        frameWidth,
        frameHeight,
        interlaced,
        palette,
        transparent,
        minimumBits,
        dataStart: at + 1,
      };
    } else if (kind === 0x3b) {
      throw new Error(`GIF: the file has no frame; ${again}`);
    } else if (kind !== 0) {
      throw new Error(`GIF: no block where one must begin, at byte ${at - 1}; the file is damaged: ${again}`);
    }
  }
}
