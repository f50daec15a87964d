// What the pixels of a TIFF become: Pillow's mode for each combination of tags (the table OPEN_INFO of its
// TiffImagePlugin.py, version 12.3), or why they are refused.

import type { ImageMode } from './image.ts';
import type { TiffDirectory } from './tiff-directory.ts';

const COMPRESSIONS: Readonly<Record<number, string>> = {
  2: 'fax',
  3: 'fax',
  4: 'fax',
  6: 'JPEG',
  7: 'JPEG',
  34712: 'JPEG 2000',
  34925: 'LZMA',
  50000: 'Zstandard',
  50001: 'WebP',
};
const PHOTOMETRICS: Readonly<Record<number, string>> = {
  6: 'YCbCr',
  8: 'L*a*b*',
  32803: 'a raw photo',
  34892: 'a raw photo',
};

/** How a pixel becomes one of Pillow's: the mode, how many samples are taken, and what is done to them. */
export interface Layout {
  mode: ImageMode;
  samples: number;
  /** Dark is high. */
  inverted: boolean;
  premultiplied: boolean;
}

/** @throws Error for what Pillow does not read either, or only with a codec */
export function layoutOf(directory: TiffDirectory): Layout {
  const { photometric, bits, extra, sampleFormat, compression, predictor } = directory;
  const refuse = (what: string): never => {
    throw new Error(`TIFF: ${what}, which is not supported; convert it to PNG first`);
  };
  if (![1, 5, 8, 32946, 32773].includes(compression))
    refuse(`compressed as ${COMPRESSIONS[compression] ?? `kind ${compression}`}`);
  if (predictor > 2) refuse(`with predictor ${predictor}`);
  const depth = bits[0];
  if (bits.some((one) => one !== depth)) refuse(`with samples of ${bits.join(', ')} bits`);
  const colors = { 0: 1, 1: 1, 2: 3, 3: 1, 5: 4 }[photometric];
  if (colors === undefined) return refuse(PHOTOMETRICS[photometric] ?? `of the photometric kind ${photometric}`);
  if (bits.length < colors) refuse(`with ${bits.length} samples a pixel where ${colors} are needed`);
  const layout = (mode: ImageMode, samples = 1, premultiplied = false): Layout => ({
    mode,
    samples,
    inverted: photometric === 0 && depth <= 8,
    premultiplied,
  });
  // An alpha that is not described follows RGB, as in files of old programs.
  const alpha = bits.length > colors ? (extra[0] ?? (photometric === 2 ? 2 : 0)) : 0;
  const wide = depth === 16 && sampleFormat === 1;
  if (photometric <= 1 && bits.length === 1) {
    const gray = grayMode(directory);
    if (gray !== null) return layout(gray);
  } else if (depth === 8 || wide) {
    if (photometric === 2) {
      return alpha === 1 || alpha === 2 || alpha === 999 ? layout('RGBA', 4, alpha === 1) : layout('RGB', 3);
    }
    if (photometric === 5) return layout('CMYK', 4);
    if (photometric === 1 && depth === 8 && alpha === 2) return layout('LA', 2);
  }
  if (photometric === 3 && [1, 2, 4, 8].includes(depth) && alpha === 0) return layout('P');
  return refuse(`with ${bits.length} samples of ${depth} bits of the photometric kind ${photometric}`);
}

/** The mode of one gray sample a pixel; null if Pillow has none. */
function grayMode({ photometric, bits, sampleFormat, littleEndian }: TiffDirectory): ImageMode | null {
  const [depth] = bits;
  const [unsigned, signed, float] = [1, 2, 3].map((format) => format === sampleFormat);
  if (depth === 1 && unsigned) return '1';
  if (((depth === 2 || depth === 4) && unsigned) || (depth === 8 && !float)) return 'L';
  if (depth === 32 && float) return 'F';
  if (photometric === 0) return depth === 16 && unsigned && littleEndian ? 'I;16' : null;
  if ((depth === 12 || depth === 16) && unsigned) return 'I;16';
  return (depth === 16 && signed) || (depth === 32 && (signed || littleEndian)) ? 'I' : null;
}
