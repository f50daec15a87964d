// JPEG in TypeScript alone, sample for sample equal to libjpeg-turbo as Pillow uses it. The default for what mozjpeg
// does not decode (CMYK and YCCK) or decodes otherwise (4:4:0, chroma halved in height only: libjpeg-turbo smooths it,
// mozjpeg repeats rows; progressive files that do not give all coefficients); by option for everything.

import type { DecodedImage } from './image.ts';
import { jpegCoefficients, type Coefficients } from './jpeg-coefficients.ts';
import { jpegPlanes } from './jpeg-planes.ts';

/** FIX(x) of jdcolor.c: a constant in units of 2^-16. */
const RED_OF_CR = 91881,
  GREEN_OF_CB = 22554,
  GREEN_OF_CR = 46802,
  BLUE_OF_CB = 116130;
const HALF = 1 << 15;

const clip = (x: number): number => (x < 0 ? 0 : x > 255 ? 255 : x);

/** Whether the first three components are luma and chroma: libjpeg's rules (default_decompress_parms in jdapimin.c). */
function isYcc({ adobe, jfif, components }: Coefficients): boolean {
  if (components.length === 4) return adobe !== undefined && adobe !== 0;
  if (jfif) return true;
  if (adobe !== undefined) return adobe !== 0;
  return String.fromCharCode(...components.map(({ id }) => id)) !== 'RGB';
}

/**
 * Gray as mode L, colour as RGB, four components as CMYK (inverted as Pillow does it for every such file, because Adobe
 * stores 255 for no ink).
 * @throws Error in a few words if the file is damaged or its coding is not decoded here (arithmetic)
 */
export function decodeJpegInTypeScript(bytes: Uint8Array, tolerant: boolean): DecodedImage {
  const coefficients = jpegCoefficients(bytes, tolerant);
  const { width, height } = coefficients;
  const planes = jpegPlanes(coefficients);
  if (planes.length === 1) return { width, height, mode: 'L', data: planes[0] };
  const channels = planes.length;
  const ycc = isYcc(coefficients);
  const data = new Uint8Array(channels * width * height);
  for (let i = 0, to = 0; i < width * height; i++, to += channels) {
    let r = planes[0][i],
      g = planes[1][i],
      b = planes[2][i];
    if (ycc) {
      const luma = r,
        cb = g - 128,
        cr = b - 128;
      r = clip(luma + ((RED_OF_CR * cr + HALF) >> 16));
      g = clip(luma + ((HALF - GREEN_OF_CB * cb - GREEN_OF_CR * cr) >> 16));
      b = clip(luma + ((BLUE_OF_CB * cb + HALF) >> 16));
    }
    // YCCK is CMY = 255 - RGB, which Pillow's inversion undoes; plain CMYK is only inverted.
    data[to] = channels === 4 && !ycc ? 255 - r : r;
    data[to + 1] = channels === 4 && !ycc ? 255 - g : g;
    data[to + 2] = channels === 4 && !ycc ? 255 - b : b;
    if (channels === 4) data[to + 3] = 255 - planes[3][i];
  }
  return { width, height, mode: channels === 3 ? 'RGB' : 'CMYK', data };
}
