// Bicubic interpolation of a square grid of vectors, with antialiasing: what
// torch.nn.functional.interpolate(mode='bicubic', antialias=True, align_corners=False) does, which open_clip resizes
// positional embeddings with. The filter is Pillow's (a = -1/2, widened when the grid shrinks).
// Sources: PyTorch, aten/src/ATen/native/cpu/UpSampleKernel.cpp (HelperInterpCubic, antialias); Pillow,
// src/libImaging/Resample.c.

/** The weights of one output position: for each input from `begin` on. */
interface Taps {
  begin: number;
  weights: number[];
}

/** Keys' cubic convolution kernel with a = -1/2. */
function cubic(x: number): number {
  const t = Math.abs(x);
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  if (t < 2) return ((-0.5 * t + 2.5) * t - 4) * t + 2;
  return 0;
}

/** Weights that add up to 1 for each of `to` positions on a line of `from`. */
export function cubicTaps(from: number, to: number): Taps[] {
  const scale = from / to;
  const width = Math.max(scale, 1);
  const support = 2 * width;
  return Array.from({ length: to }, (_, i) => {
    const center = scale * (i + 0.5);
    const begin = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(from, Math.trunc(center + support + 0.5));
    const weights = Array.from({ length: end - begin }, (_, j) => cubic((begin + j - center + 0.5) / width));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { begin, weights: weights.map((weight) => weight / sum) };
  });
}

/**
 * Columns, then rows, in float64 and rounded once.
 * @param x (from, from, D), row-major
 * @returns (to, to, D)
 */
export function resizeGrid(x: Float32Array, from: number, to: number): Float32Array {
  const D = x.length / (from * from);
  const taps = cubicTaps(from, to);
  // [1] along each row: (from, to, D)
  const wide = new Float64Array(from * to * D);
  for (let row = 0; row < from; row++) {
    taps.forEach(({ begin, weights }, i) => {
      weights.forEach((weight, j) => add(wide, (row * to + i) * D, weight, x, (row * from + begin + j) * D, D));
    });
  }
  // [2] along each column
  const sum = new Float64Array(to * to * D);
  taps.forEach(({ begin, weights }, i) => {
    weights.forEach((weight, j) => add(sum, i * to * D, weight, wide, (begin + j) * to * D, to * D));
  });
  return Float32Array.from(sum);
}

function add(
  to: Float64Array,
  at: number,
  factor: number,
  from: Float32Array | Float64Array,
  begin: number,
  count: number,
): void {
  for (let k = 0; k < count; k++) to[at + k] += factor * from[begin + k];
}
