// The weights of a resize along one axis: Keys' cubic, the triangle, the nearest sample; Pillow's fixed point (its
// Resample.c and Geometry.c) and PyTorch's (ATen's UpSampleKernel.cpp, uint8 with antialiasing).

export const INTERPOLATIONS = ['bicubic', 'bilinear', 'nearest'] as const;
/** How pixels between pixels are made. */
export type Interpolation = (typeof INTERPOLATIONS)[number];

/**
 * Whose integers: `pillow` rounds weights to 2^-22, `torch` to as many bits as let the axis's largest weight fit in 16
 * bits; their nearest neighbours differ where a centre falls between two.
 */
export type Arithmetic = 'pillow' | 'torch';

/** The weights of one axis: output i is the sum over j < count[i] of input[first[i] + j] * weight[i * stride + j]. */
export interface Coefficients {
  first: Int32Array;
  count: Int32Array;
  weight: Float64Array;
  stride: number;
}

interface Filter {
  /** How far from the centre it reaches, in pixels of the input when nothing shrinks. */
  readonly support: number;
  weight(x: number): number;
}

const FILTERS: Readonly<Record<'bicubic' | 'bilinear', Filter>> = {
  // Keys' cubic convolution kernel with a = -0.5, in Pillow's order of operations; PyTorch's gives the same numbers.
  bicubic: {
    support: 2,
    weight(x) {
      const a = -0.5;
      if (x < 0) x = -x;
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
      return 0;
    },
  },
  bilinear: {
    support: 1,
    weight(x) {
      if (x < 0) x = -x;
      return x < 1 ? 1 - x : 0;
    },
  },
};

/** 8 bits for the result and 2 for overshoot leave 22 of 32 bits for the fraction of a weight. */
const PILLOW_BITS = 22;

/**
 * Weights in float64, normalised to a sum of 1, for the outputs start … start + length - 1 of an axis that shrinks or
 * grows from inSize to outSize.
 */
export function coefficients(
  interpolation: 'bicubic' | 'bilinear',
  inSize: number,
  outSize: number,
  start: number,
  length: number,
): Coefficients {
  const filter = FILTERS[interpolation];
  const scale = inSize / outSize;
  const filterScale = scale < 1 ? 1 : scale; // antialiasing: the kernel widens when shrinking, never narrows
  const support = filter.support * filterScale;
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
      const w = filter.weight((j - center + 0.5) * inverse);
      weight[i * stride + j - from] = w;
      sum += w;
    }
    if (sum !== 0) for (let j = from; j < to; j++) weight[i * stride + j - from] /= sum;
    first[i] = from;
    count[i] = to - from;
  }
  return { first, count, weight, stride };
}

/** Outputs whose weights are looked at together in the search for an axis's largest. */
const CHUNK = 4096;

/** How many bits of fraction the integer weights of an axis have. */
export function fractionBits(
  arithmetic: Arithmetic,
  interpolation: 'bicubic' | 'bilinear',
  inSize: number,
  outSize: number,
): number {
  if (arithmetic === 'pillow') return PILLOW_BITS;
  // the largest weight of the whole axis decides, whatever part of it is computed
  let largest = 0;
  for (let start = 0; start < outSize; start += CHUNK) {
    const { weight } = coefficients(interpolation, inSize, outSize, start, Math.min(CHUNK, outSize - start));
    for (const w of weight) if (w > largest) largest = w;
  }
  let bits = 0;
  while (bits < PILLOW_BITS && Math.trunc(0.5 + largest * (1 << (bits + 1))) < 1 << 15) bits++;
  return bits;
}

/** Weights as integers in units of 2^-bits, rounded half away from zero. */
export function toFixedPoint(weight: Float64Array, bits: number): Int32Array {
  return Int32Array.from(weight, (w) => Math.trunc(w * (1 << bits) + (w < 0 ? -0.5 : 0.5)));
}

/**
 * Beyond this many outputs Pillow has no memory for the picture: nothing to be equal to, so the position is multiplied,
 * not added up for minutes.
 */
const MOST_STEPS = 1 << 27;

/**
 * For each output of the window the input under its centre; -1 where rounding leads outside. Pillow adds the step up,
 * output by output, and so its rounding errors; PyTorch (nearest-exact) multiplies in float32.
 */
export function nearestInputs(
  arithmetic: Arithmetic,
  inSize: number,
  outSize: number,
  start: number,
  length: number,
): Int32Array {
  const inputs = new Int32Array(length).fill(-1);
  if (arithmetic === 'torch') {
    const scale = Math.fround(Math.fround(inSize) / Math.fround(outSize));
    for (let i = 0; i < length; i++)
      inputs[i] = Math.min(Math.floor(Math.fround(Math.fround(start + i + 0.5) * scale)), inSize - 1);
    return inputs;
  }
  const step = inSize / outSize;
  let position = step * 0.5;
  if (start < MOST_STEPS) for (let i = 0; i < start; i++) position += step;
  else position += step * start;
  for (let i = 0; i < length; i++, position += step) if (position < inSize) inputs[i] = Math.trunc(position);
  return inputs;
}
