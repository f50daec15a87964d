// Pillow's resize, integer for integer: filters with antialiasing (its Resample.c) and nearest neighbour (its
// Geometry.c, an affine map); and PyTorch's of uint8 tensors, which differs in its weights (filters.ts).
// Every function takes a window of the output and computes nothing else:
// a crop after a resize costs only what it keeps, and a picture of 1 x 100000 pixels needs no gigabytes.
//
// Differs from Pillow in one way: Pillow computes the whole output. The values inside the window are the same.

import {
  coefficients,
  fractionBits,
  nearestInputs,
  toFixedPoint,
  type Arithmetic,
  type Coefficients,
  type Interpolation,
} from './filters.ts';
import { CHANNELS_OF_MODE, mulDiv255, samplesOf, type DecodedImage } from './image.ts';

/** How a picture is resized. */
export interface Resampling {
  /** Default bicubic. */
  readonly interpolation?: Interpolation;
  /** Default pillow. */
  readonly arithmetic?: Arithmetic;
}

/** The part of an output that is wanted: columns left … left + width - 1, rows top … top + height - 1. */
export interface Window {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** The integer weights of one axis, in units of 2^-bits. */
interface Axis extends Coefficients {
  readonly fixed: Int32Array;
  readonly bits: number;
}

/** @param start the first output that is wanted, of `length` */
function axis(
  interpolation: 'bicubic' | 'bilinear',
  arithmetic: Arithmetic,
  inSize: number,
  outSize: number,
  start: number,
  length: number,
): Axis {
  const bits = fractionBits(arithmetic, interpolation, inSize, outSize);
  const found = coefficients(interpolation, inSize, outSize, start, length);
  return { ...found, fixed: toFixedPoint(found.weight, bits), bits };
}

type Samples = DecodedImage['data'];
type Wide = Exclude<Samples, Uint8Array>;

/**
 * One pass along one axis of a picture of `lines` lines of samples. Sample j of line l is input[l * lineStep + j *
 * step], and so does output i at output[l * outLineStep + i * outStep]; c more channels lie side by side.
 */
function pass8(
  input: Samples,
  output: Uint8Array,
  k: Axis,
  lines: number,
  channels: number,
  lineStep: number,
  step: number,
  outLineStep: number,
  outStep: number,
): void {
  const { fixed, bits } = k;
  const outputs = k.first.length;
  for (let line = 0; line < lines; line++) {
    for (let i = 0; i < outputs; i++) {
      const n = k.count[i],
        w = i * k.stride;
      for (let c = 0; c < channels; c++) {
        let from = line * lineStep + k.first[i] * step + c;
        let sum = 1 << (bits - 1);
        for (let j = 0; j < n; j++, from += step) sum = (sum + Math.imul(input[from], fixed[w + j])) | 0;
        sum >>= bits;
        output[line * outLineStep + i * outStep + c] = sum < 0 ? 0 : sum > 255 ? 255 : sum;
      }
    }
  }
}

/**
 * The same in float64 sums: each rounded half away from zero to an integer in mode `I`, which is clipped to 16 bits in
 * `I;16`; to a float in `F`.
 */
function passWide(
  input: Samples,
  output: Wide,
  k: Coefficients,
  lines: number,
  lineStep: number,
  step: number,
  outLineStep: number,
  outStep: number,
): void {
  const outputs = k.first.length;
  for (let line = 0; line < lines; line++) {
    for (let i = 0; i < outputs; i++) {
      let from = line * lineStep + k.first[i] * step;
      let sum = 0;
      for (let j = 0; j < k.count[i]; j++, from += step) sum += input[from] * k.weight[i * k.stride + j];
      if (!(output instanceof Float32Array)) sum = sum >= 0 ? Math.floor(sum + 0.5) : -Math.floor(-sum + 0.5);
      if (output instanceof Uint16Array) sum = Math.min(Math.max(sum, 0), 65535);
      output[line * outLineStep + i * outStep] = sum;
    }
  }
}

/**
 * Two passes, horizontal then vertical, with samples of the mode between them; an axis that keeps its size
 * is copied.
 */
function resizeFiltered(
  image: DecodedImage,
  outWidth: number,
  outHeight: number,
  window: Window,
  interpolation: 'bicubic' | 'bilinear',
  arithmetic: Arithmetic,
): DecodedImage {
  const { width, height, mode } = image;
  const channels = CHANNELS_OF_MODE[mode];
  const pass = (
    input: Samples,
    output: Samples,
    k: Axis,
    lines: number,
    lineStep: number,
    step: number,
    outLineStep: number,
    outStep: number,
  ): void => {
    if (!(output instanceof Uint8Array)) passWide(input, output, k, lines, lineStep, step, outLineStep, outStep);
    else pass8(input, output, k, lines, channels, lineStep, step, outLineStep, outStep);
  };
  const vertical =
    outHeight === height ? undefined : axis(interpolation, arithmetic, height, outHeight, window.top, window.height);
  // Only the rows that the vertical pass reads go through the horizontal one.
  const rowFirst = vertical ? vertical.first[0] : window.top;
  const rowEnd = vertical
    ? vertical.first[window.height - 1] + vertical.count[window.height - 1]
    : window.top + window.height;
  const rows = rowEnd - rowFirst;
  const inRow = width * channels,
    outRow = window.width * channels;

  // [1] horizontal: rows of the input to rows of the window's width
  const across = samplesOf(mode, rows * outRow);
  if (outWidth === width) {
    for (let row = 0; row < rows; row++) {
      const from = (rowFirst + row) * inRow + window.left * channels;
      across.set(image.data.subarray(from, from + outRow), row * outRow);
    }
  } else {
    pass(
      image.data.subarray(rowFirst * inRow),
      across,
      axis(interpolation, arithmetic, width, outWidth, window.left, window.width),
      rows,
      inRow,
      channels,
      outRow,
      channels,
    );
  }
  if (!vertical) return { ...image, width: window.width, height: window.height, data: across };

  // [2] vertical: columns of samples (every channel of every pixel is a line of its own) to the window's height
  for (let i = 0; i < window.height; i++) vertical.first[i] -= rowFirst;
  const out = samplesOf(mode, window.height * outRow);
  verticalPass(across, out, vertical, outRow);
  return { ...image, width: window.width, height: window.height, data: out };
}

/** The vertical pass row by row, for the cache's sake: the same sums as a pass along each column. */
function verticalPass(input: Samples, output: Samples, k: Axis, row: number): void {
  if (!(output instanceof Uint8Array)) {
    passWide(input, output, k, row, 1, row, 1, row);
    return;
  }
  const { fixed, bits } = k;
  const sums = new Int32Array(row);
  for (let i = 0; i < k.first.length; i++) {
    sums.fill(1 << (bits - 1));
    for (let j = 0; j < k.count[i]; j++) {
      const w = fixed[i * k.stride + j],
        from = (k.first[i] + j) * row;
      for (let x = 0; x < row; x++) sums[x] += Math.imul(input[from + x], w);
    }
    for (let x = 0; x < row; x++) {
      const value = sums[x] >> bits;
      output[i * row + x] = value < 0 ? 0 : value > 255 ? 255 : value;
    }
  }
}

/** Nearest neighbour. An output whose centre falls outside by rounding stays 0, as in Pillow. */
function resizeNearest(
  image: DecodedImage,
  outWidth: number,
  outHeight: number,
  window: Window,
  arithmetic: Arithmetic,
): DecodedImage {
  const columns = nearestInputs(arithmetic, image.width, outWidth, window.left, window.width);
  const rows = nearestInputs(arithmetic, image.height, outHeight, window.top, window.height);
  const channels = CHANNELS_OF_MODE[image.mode];
  const data = samplesOf(image.mode, window.width * window.height * channels);
  for (let y = 0; y < window.height; y++) {
    if (rows[y] < 0) continue;
    for (let x = 0; x < window.width; x++) {
      if (columns[x] < 0) continue;
      const from = (rows[y] * image.width + columns[x]) * channels,
        to = (y * window.width + x) * channels;
      for (let c = 0; c < channels; c++) data[to + c] = image.data[from + c];
    }
  }
  return { ...image, width: window.width, height: window.height, data };
}

/** Colours multiplied by their alpha (Pillow's RGBA -> RGBa and LA -> La). */
function premultiply(image: DecodedImage): DecodedImage {
  const channels = CHANNELS_OF_MODE[image.mode];
  const data = Uint8Array.from(image.data);
  for (let pixel = 0; pixel < data.length; pixel += channels) {
    const alpha = data[pixel + channels - 1];
    for (let c = 0; c < channels - 1; c++) data[pixel + c] = mulDiv255(data[pixel + c], alpha);
  }
  return { ...image, data };
}

/**
 * Colours divided by their alpha, truncated, clipped; where alpha is 0 or 255 they stay (RGBa -> RGBA, La -> LA). In
 * place.
 */
function unpremultiply(image: DecodedImage): DecodedImage {
  const channels = CHANNELS_OF_MODE[image.mode];
  const { data } = image;
  for (let pixel = 0; pixel < data.length; pixel += channels) {
    const alpha = data[pixel + channels - 1];
    if (alpha === 0 || alpha === 255) continue;
    for (let c = 0; c < channels - 1; c++) data[pixel + c] = Math.min(255, Math.trunc((255 * data[pixel + c]) / alpha));
  }
  return image;
}

/**
 * Pillow's `image.resize((outWidth, outHeight), filter)`, of which only `window` is computed: nearest neighbour in
 * modes `1` and `P` (Pillow ignores the filter there), alpha premultiplied in `LA` and `RGBA`, float64 in `I;16`, `I`
 * and `F`, fixed point in the others. Or PyTorch's `interpolate` of a uint8 tensor with antialias, which
 * knows no modes.
 * @param window inside the output; default all of it
 * @returns an image of the window's size in the same mode, the palette kept
 * @throws RangeError if a size is not a positive integer or the window does not lie inside the output
 */
export function resize(
  image: DecodedImage,
  outWidth: number,
  outHeight: number,
  window: Window = { left: 0, top: 0, width: outWidth, height: outHeight },
  { interpolation = 'bicubic', arithmetic = 'pillow' }: Resampling = {},
): DecodedImage {
  if (!(Number.isSafeInteger(outWidth) && Number.isSafeInteger(outHeight) && outWidth > 0 && outHeight > 0)) {
    throw new RangeError(`resize: expected a width and a height of at least 1, got ${outWidth} x ${outHeight}`);
  }
  const { left, top, width, height } = window;
  if (!(
    [left, top, width, height].every(Number.isSafeInteger) &&
    left >= 0 &&
    top >= 0 &&
    width > 0 &&
    height > 0 &&
    left + width <= outWidth &&
    top + height <= outHeight
  )) {
    throw new RangeError(
      `resize: "window" expected a part of ${outWidth} x ${outHeight}, got ${width} x ${height} at (${left}, ${top})`,
    );
  }
  if (interpolation === 'nearest' || image.mode === '1' || image.mode === 'P')
    return resizeNearest(image, outWidth, outHeight, window, arithmetic);
  const resized = (from: DecodedImage): DecodedImage =>
    resizeFiltered(from, outWidth, outHeight, window, interpolation, arithmetic);
  // Pillow returns a copy if nothing changes: no trip through premultiplied colours, which would lose some.
  const alpha =
    (image.mode === 'LA' || image.mode === 'RGBA') && !(outWidth === image.width && outHeight === image.height);
  return alpha ? unpremultiply(resized(premultiply(image))) : resized(image);
}
