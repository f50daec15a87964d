// What a decoded picture is, in Pillow's words: a mode and the samples of each pixel. The mode is kept, because the
// `openai` pipeline resizes in the file's own mode and converts to RGB afterwards (spec: the order of OpenAI's
// _transform).
//
// Left out: Pillow's modes that no file decoded here has (PA, HSV, LAB, YCbCr).

/**
 * Pillow's modes.
 * `1` black and white (0 or 255 a pixel), `L` gray, `LA` gray and alpha, `P` an index into a palette, `RGB`, `RGBA`,
 * `CMYK` (255 is full ink), `I;16` gray in 16 bits, `I` in 32 bits with a sign, `F` in floats; these three are clipped,
 * not scaled, when they become 8-bit. (Pillow's `I;16B`, of big-endian files, is `I;16` here.)
 */
export type ImageMode = '1' | 'L' | 'LA' | 'P' | 'RGB' | 'RGBA' | 'CMYK' | 'I;16' | 'I' | 'F';

export interface DecodedImage {
  width: number;
  height: number;
  mode: ImageMode;
  /**
   * Row by row, the channels of a pixel side by side. A Uint16Array in mode `I;16`, an Int32Array in `I`, a
   * Float32Array in `F`.
   */
  data: Uint8Array | Uint16Array | Int32Array | Float32Array;
  /** 256 RGB triples; only in mode `P`. */
  palette?: Uint8Array;
}

/** Samples per pixel of each mode. */
export const CHANNELS_OF_MODE: Readonly<Record<ImageMode, number>> = {
  1: 1,
  L: 1,
  LA: 2,
  P: 1,
  RGB: 3,
  RGBA: 4,
  CMYK: 4,
  'I;16': 1,
  I: 1,
  F: 1,
};

/** Room for samples of a mode. */
export function samplesOf(mode: ImageMode, count: number): DecodedImage['data'] {
  if (mode === 'I;16') return new Uint16Array(count);
  if (mode === 'I') return new Int32Array(count);
  return mode === 'F' ? new Float32Array(count) : new Uint8Array(count);
}

/** a * b / 255, rounded, in Pillow's integer arithmetic (MULDIV255 of its ImagingUtils.h). */
export function mulDiv255(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/**
 * The picture in mode RGB, as Pillow's `convert('RGB')` makes it: gray is repeated, alpha is dropped (not blended), a
 * palette is looked up without its transparency, ink is subtracted, more than 8 bits are clipped at 255.
 * @returns an image of mode RGB with `data` of 3 * width * height bytes; the same object if it has the mode already
 */
export function toRGB(image: DecodedImage): DecodedImage {
  const { width, height, mode, data } = image;
  if (mode === 'RGB') return image;
  const pixels = width * height;
  const rgb = new Uint8Array(pixels * 3);
  if (mode === 'RGBA') {
    for (let i = 0, from = 0, to = 0; i < pixels; i++, from += 4, to += 3) {
      rgb[to] = data[from];
      rgb[to + 1] = data[from + 1];
      rgb[to + 2] = data[from + 2];
    }
  } else if (mode === 'CMYK') {
    for (let i = 0, from = 0, to = 0; i < pixels; i++, from += 4, to += 3) {
      // Ink c takes its share of what black leaves: (255 - k) - c * (255 - k) / 255.
      const light = 255 - data[from + 3];
      for (let ink = 0; ink < 3; ink++) rgb[to + ink] = light - mulDiv255(data[from + ink], light);
    }
  } else if (mode === 'P') {
    const palette = image.palette!;
    for (let i = 0, to = 0; i < pixels; i++, to += 3) {
      const from = data[i] * 3;
      rgb[to] = palette[from];
      rgb[to + 1] = palette[from + 1];
      rgb[to + 2] = palette[from + 2];
    }
  } else {
    const step = CHANNELS_OF_MODE[mode];
    for (let i = 0, from = 0, to = 0; i < pixels; i++, from += step, to += 3) {
      const value = data[from];
      rgb[to] = rgb[to + 1] = rgb[to + 2] = value < 0 ? 0 : value > 255 ? 255 : value; // of floats the whole part
    }
  }
  return { width, height, mode: 'RGB', data: rgb };
}
