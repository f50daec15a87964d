// Pillow's resize, integer for integer: bicubic with antialiasing (its Resample.c) and nearest neighbour (its
// Geometry.c, an affine map).
// The figures are in spec/compatibility.md, B6. Every function takes a window of the output and computes nothing else:
// a crop after a resize costs only what it keeps, and a picture of 1 x 100000 pixels needs no gigabytes.
//
// Differs from Pillow in one way: Pillow computes the whole output. The values inside the window are the same.

import { CHANNELS_OF_MODE, mulDiv255, type DecodedImage } from './image.ts';

/** The part of an output that is wanted: columns left … left + width - 1, rows top … top + height - 1. */
export interface Window {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** 8 bits for the result and 2 for overshoot leave 22 of 32 bits for the fraction of a weight. */
const PRECISION_BITS = 22;

/** The weights of one axis: output i is the sum over j < count[i] of input[first[i] + j] * weight[i * stride + j]. */
interface Coefficients {
  first: Int32Array;
  count: Int32Array;
  weight: Float64Array;
  stride: number;
}

/** Keys' cubic convolution kernel with a = -0.5, in Pillow's order of operations. */
function bicubic(x: number): number {
  const a = -0.5;
  if (x < 0) x = -x;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/**
 * Weights in float64, normalised to a sum of 1, for the outputs start … start + length - 1 of an axis that shrinks or
 * grows from inSize to outSize.
 */
function coefficients(inSize: number, outSize: number, start: number, length: number): Coefficients {
  const scale = inSize / outSize;
  const filterScale = scale < 1 ? 1 : scale; // antialiasing: the kernel widens when shrinking, never narrows
  const support = 2 * filterScale;
  const inverse = 1 / filterScale;
  const stride = Math.min(Math.ceil(support) * 2 + 1, inSize);
  const first = new Int32Array(length),
    count = new Int32Array(length),
    weight = new Float64Array(length * stride);
  for (let i = 0; i < length; i++) {
    const center = (start + i + 0.5) * scale;
    const from = Math.max(Math.trunc(center - support + 0.5), 0);
    const to = Math.min(Math.trunc(center + support + 0.5), inSize);
    let sum = 0;
    for (let j = from; j < to; j++) {
      const w = bicubic((j - center + 0.5) * inverse);
      weight[i * stride + j - from] = w;
      sum += w;
    }
    if (sum !== 0) for (let j = from; j < to; j++) weight[i * stride + j - from] /= sum;
    first[i] = from;
    count[i] = to - from;
  }
  return { first, count, weight, stride };
}

/** Weights as integers in units of 2^-22, rounded half away from zero. */
function toFixedPoint(weight: Float64Array): Int32Array {
  return Int32Array.from(weight, (w) => Math.trunc(w * (1 << PRECISION_BITS) + (w < 0 ? -0.5 : 0.5)));
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
  k: Coefficients,
  fixed: Int32Array,
  lines: number,
  channels: number,
  lineStep: number,
  step: number,
  outLineStep: number,
  outStep: number,
): void {
  const outputs = k.first.length;
  for (let line = 0; line < lines; line++) {
    for (let i = 0; i < outputs; i++) {
      const n = k.count[i],
        w = i * k.stride;
      for (let c = 0; c < channels; c++) {
        let from = line * lineStep + k.first[i] * step + c;
        let sum = 1 << (PRECISION_BITS - 1);
        for (let j = 0; j < n; j++, from += step) sum = (sum + Math.imul(input[from], fixed[w + j])) | 0;
        sum >>= PRECISION_BITS;
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
 * Bicubic in two passes, horizontal then vertical, with samples of the mode between them; an axis that keeps its size
 * is copied.
 */
function resizeBicubic(image: DecodedImage, outWidth: number, outHeight: number, window: Window): DecodedImage {
  const { width, height, mode } = image;
  const channels = CHANNELS_OF_MODE[mode];
  const make = (samples: number): Samples =>
    mode === 'I;16'
      ? new Uint16Array(samples)
      : mode === 'I'
        ? new Int32Array(samples)
        : mode === 'F'
          ? new Float32Array(samples)
          : new Uint8Array(samples);
  const pass = (
    input: Samples,
    output: Samples,
    k: Coefficients,
    lines: number,
    lineStep: number,
    step: number,
    outLineStep: number,
    outStep: number,
  ): void => {
    if (!(output instanceof Uint8Array)) passWide(input, output, k, lines, lineStep, step, outLineStep, outStep);
    else pass8(input, output, k, toFixedPoint(k.weight), lines, channels, lineStep, step, outLineStep, outStep);
  };
  const vertical = outHeight === height ? undefined : coefficients(height, outHeight, window.top, window.height);
  // Only the rows that the vertical pass reads go through the horizontal one.
  const rowFirst = vertical ? vertical.first[0] : window.top;
  const rowEnd = vertical
    ? vertical.first[window.height - 1] + vertical.count[window.height - 1]
    : window.top + window.height;
  const rows = rowEnd - rowFirst;
  const inRow = width * channels,
    outRow = window.width * channels;

  // [1] horizontal: rows of the input to rows of the window's width
  const across = make(rows * outRow);
  if (outWidth === width) {
    for (let row = 0; row < rows; row++) {
      const from = (rowFirst + row) * inRow + window.left * channels;
      across.set(image.data.subarray(from, from + outRow), row * outRow);
    }
  } else {
    pass(
      image.data.subarray(rowFirst * inRow),
      across,
      coefficients(width, outWidth, window.left, window.width),
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
  const out = make(window.height * outRow);
  verticalPass(across, out, vertical, outRow);
  return { ...image, width: window.width, height: window.height, data: out };
}

/** The vertical pass row by row, for the cache's sake: the same sums as a pass along each column. */
function verticalPass(input: Samples, output: Samples, k: Coefficients, row: number): void {
  if (!(output instanceof Uint8Array)) {
    passWide(input, output, k, row, 1, row, 1, row);
    return;
  }
  const fixed = toFixedPoint(k.weight);
  const sums = new Int32Array(row);
  for (let i = 0; i < k.first.length; i++) {
    sums.fill(1 << (PRECISION_BITS - 1));
    for (let j = 0; j < k.count[i]; j++) {
      const w = fixed[i * k.stride + j],
        from = (k.first[i] + j) * row;
      for (let x = 0; x < row; x++) sums[x] += Math.imul(input[from + x], w);
    }
    for (let x = 0; x < row; x++) {
      const value = sums[x] >> PRECISION_BITS;
      output[i * row + x] = value < 0 ? 0 : value > 255 ? 255 : value;
    }
  }
}

/**
 * Beyond this many outputs Pillow has no memory for the picture: nothing to be equal to, so the position is multiplied,
 * not added up for minutes.
 */
const MOST_STEPS = 1 << 27;

/**
 * For each output of the window the input under its centre. Pillow adds the step up, output by output, and so
 * its rounding errors.
 */
function nearestInputs(inSize: number, outSize: number, start: number, length: number): Int32Array {
  const step = inSize / outSize;
  const inputs = new Int32Array(length).fill(-1);
  let position = step * 0.5;
  if (start < MOST_STEPS) for (let i = 0; i < start; i++) position += step;
  else position += step * start;
  for (let i = 0; i < length; i++, position += step) if (position < inSize) inputs[i] = Math.trunc(position);
  return inputs;
}

/** Nearest neighbour. An output whose centre falls outside by rounding stays 0, as in Pillow. */
function resizeNearest(image: DecodedImage, outWidth: number, outHeight: number, window: Window): DecodedImage {
  const columns = nearestInputs(image.width, outWidth, window.left, window.width);
  const rows = nearestInputs(image.height, outHeight, window.top, window.height);
  const data = new Uint8Array(window.width * window.height);
  for (let y = 0; y < window.height; y++) {
    if (rows[y] < 0) continue;
    const from = rows[y] * image.width,
      to = y * window.width;
    for (let x = 0; x < window.width; x++) if (columns[x] >= 0) data[to + x] = image.data[from + columns[x]];
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
 * Pillow's `image.resize((outWidth, outHeight), BICUBIC)`, of which only `window` is computed: nearest neighbour in
 * modes `1` and `P` (Pillow ignores the filter there), alpha premultiplied in `LA` and `RGBA`, float64 in `I;16`, `I`
 * and `F`, fixed point in the others.
 * @param window inside the output; default all of it
 * @returns an image of the window's size in the same mode, the palette kept
 * @throws RangeError if a size is not a positive integer or the window does not lie inside the output
 */
export function resize(
  image: DecodedImage,
  outWidth: number,
  outHeight: number,
  window: Window = { left: 0, top: 0, width: outWidth, height: outHeight },
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
  if (image.mode === '1' || image.mode === 'P') return resizeNearest(image, outWidth, outHeight, window);
  // Pillow returns a copy if nothing changes: no trip through premultiplied colours, which would lose some.
  const alpha =
    (image.mode === 'LA' || image.mode === 'RGBA') && !(outWidth === image.width && outHeight === image.height);
  return alpha
    ? unpremultiply(resizeBicubic(premultiply(image), outWidth, outHeight, window))
    : resizeBicubic(image, outWidth, outHeight, window);
}
