// From JPEG coefficients to planes of samples at full size, in the integer arithmetic of the Independent JPEG Group's
// library and of libjpeg-turbo (the "islow" inverse cosine transform of jidctint.c, the "fancy" triangle upsampling of
// jdsample.c), because Pillow's pixels come from there.
// Transform: C. Loeffler, A. Ligtenberg, G. Moschytz, Practical fast 1-D DCT algorithms with 11 multiplications, ICASSP
// 1989.

import type { Coefficients } from './jpeg-coefficients.ts';
import { ZIGZAG, type Component } from './jpeg-scan.ts';

/** Constants of the transform in units of 2^-13. */
const C0_298 = 2446,
  C0_390 = 3196,
  C0_541 = 4433,
  C0_765 = 6270,
  C0_899 = 7373,
  C1_175 = 9633;
const C1_501 = 12299,
  C1_847 = 15137,
  C1_961 = 16069,
  C2_053 = 16819,
  C2_562 = 20995,
  C3_072 = 25172;

/**
 * The one-dimensional transform of eight values at offset i, step apart, in place; the results lose `shift` bits with
 * rounding.
 * The first pass (columns) keeps two bits more than the second (rows) returns.
 */
function transform8(d: Int32Array, i: number, step: number, shift: number): void {
  const d0 = d[i],
    d1 = d[i + step],
    d2 = d[i + 2 * step],
    d3 = d[i + 3 * step],
    d4 = d[i + 4 * step],
    d5 = d[i + 5 * step],
    d6 = d[i + 6 * step],
    d7 = d[i + 7 * step];
  // [1] even part
  const e = Math.imul(d2 + d6, C0_541);
  const even2 = e - Math.imul(d6, C1_847),
    even3 = e + Math.imul(d2, C0_765);
  const even0 = (d0 + d4) << 13,
    even1 = (d0 - d4) << 13;
  const s0 = even0 + even3,
    s3 = even0 - even3,
    s1 = even1 + even2,
    s2 = even1 - even2;
  // [2] odd part
  const z5 = Math.imul(d7 + d3 + d5 + d1, C1_175);
  const z1 = -Math.imul(d7 + d1, C0_899),
    z2 = -Math.imul(d5 + d3, C2_562);
  const z3 = z5 - Math.imul(d7 + d3, C1_961),
    z4 = z5 - Math.imul(d5 + d1, C0_390);
  const o0 = Math.imul(d7, C0_298) + z1 + z3,
    o1 = Math.imul(d5, C2_053) + z2 + z4;
  const o2 = Math.imul(d3, C3_072) + z2 + z3,
    o3 = Math.imul(d1, C1_501) + z1 + z4;
  // [3] butterflies
  const half = 1 << (shift - 1);
  d[i] = (s0 + o3 + half) >> shift;
  d[i + 7 * step] = (s0 - o3 + half) >> shift;
  d[i + step] = (s1 + o2 + half) >> shift;
  d[i + 6 * step] = (s1 - o2 + half) >> shift;
  d[i + 2 * step] = (s2 + o1 + half) >> shift;
  d[i + 5 * step] = (s2 - o1 + half) >> shift;
  d[i + 3 * step] = (s3 + o0 + half) >> shift;
  d[i + 4 * step] = (s3 - o0 + half) >> shift;
}

interface Plane {
  width: number;
  height: number;
  stride: number;
  data: Uint8Array;
}

/**
 * All blocks of a component, dequantised and transformed. Width and height are those of its samples, the stride is
 * whole blocks.
 */
function samplesOf(component: Component, quantisation: Uint16Array | undefined, width: number, height: number): Plane {
  if (!quantisation) throw new Error('a quantisation table is missing');
  const factors = new Int32Array(64);
  for (let k = 0; k < 64; k++) factors[ZIGZAG[k]] = quantisation[k];
  const { coefficients, blocksAcross, blocksDown } = component;
  const stride = blocksAcross * 8;
  const data = new Uint8Array(stride * blocksDown * 8);
  const block = new Int32Array(64);
  for (let row = 0; row < blocksDown; row++) {
    for (let column = 0; column < blocksAcross; column++) {
      const from = (row * component.stride + column) * 64;
      for (let i = 0; i < 64; i++) block[i] = Math.imul(coefficients[from + i], factors[i]);
      for (let x = 0; x < 8; x++) transform8(block, x, 8, 11);
      for (let y = 0; y < 8; y++) transform8(block, y * 8, 1, 18);
      for (let i = 0; i < 64; i++) {
        const value = block[i] + 128;
        data[(row * 8 + (i >> 3)) * stride + column * 8 + (i & 7)] = value < 0 ? 0 : value > 255 ? 255 : value;
      }
    }
  }
  return { width, height, stride, data };
}

/** Twice as wide: each sample's two halves lean a quarter towards the neighbour; the roundings alternate. */
function doubleWidth({ width, height, stride, data }: Plane): Plane {
  const out = new Uint8Array(2 * width * height);
  for (let y = 0; y < height; y++) {
    const row = y * stride,
      to = y * 2 * width;
    for (let x = 0; x < width; x++) {
      const here = 3 * data[row + x];
      out[to + 2 * x] = x === 0 ? data[row] : (here + data[row + x - 1] + 1) >> 2;
      out[to + 2 * x + 1] = x === width - 1 ? data[row + x] : (here + data[row + x + 1] + 2) >> 2;
    }
  }
  return { width: 2 * width, height, stride: 2 * width, data: out };
}

/** Twice as high, the same along columns. */
function doubleHeight({ width, height, stride, data }: Plane): Plane {
  const out = new Uint8Array(2 * width * height);
  for (let y = 0; y < 2 * height; y++) {
    const near = y >> 1,
      far = Math.min(height - 1, Math.max(0, y % 2 ? near + 1 : near - 1)),
      bias = y % 2 ? 2 : 1;
    for (let x = 0; x < width; x++)
      out[y * width + x] = (3 * data[near * stride + x] + data[far * stride + x] + bias) >> 2;
  }
  return { width, height: 2 * height, stride: width, data: out };
}

/** Twice as wide and high with one rounding: sums of 3 near + 1 far down the columns, then the same across. */
function doubleBoth({ width, height, stride, data }: Plane): Plane {
  const out = new Uint8Array(4 * width * height);
  const sums = new Int32Array(width);
  for (let y = 0; y < 2 * height; y++) {
    const near = y >> 1,
      far = Math.min(height - 1, Math.max(0, y % 2 ? near + 1 : near - 1)),
      to = y * 2 * width;
    for (let x = 0; x < width; x++) sums[x] = 3 * data[near * stride + x] + data[far * stride + x];
    for (let x = 0; x < width; x++) {
      out[to + 2 * x] = (x === 0 ? 4 * sums[0] + 8 : 3 * sums[x] + sums[x - 1] + 8) >> 4;
      out[to + 2 * x + 1] = (x === width - 1 ? 4 * sums[x] + 7 : 3 * sums[x] + sums[x + 1] + 7) >> 4;
    }
  }
  return { width: 2 * width, height: 2 * height, stride: 2 * width, data: out };
}

/** Every sample repeated. */
function repeat({ width, height, stride, data }: Plane, across: number, down: number): Plane {
  const out = new Uint8Array(width * across * height * down);
  const outWidth = width * across;
  for (let y = 0; y < height * down; y++)
    for (let x = 0; x < outWidth; x++)
      out[y * outWidth + x] = data[Math.floor(y / down) * stride + Math.floor(x / across)];
  return { width: outWidth, height: height * down, stride: outWidth, data: out };
}

/**
 * One plane of width * height samples for each component.
 * @throws Error in a few words if a table is missing or the sampling is fractional
 */
export function jpegPlanes({ width, height, components, quantisation }: Coefficients): Uint8Array[] {
  const hMost = Math.max(...components.map(({ h }) => h)),
    vMost = Math.max(...components.map(({ v }) => v));
  return components.map((component) => {
    const across = hMost / component.h,
      down = vMost / component.v;
    if (across % 1 !== 0 || down % 1 !== 0) throw new Error('fractional sampling, which is not decoded here');
    const samples = samplesOf(
      component,
      quantisation[component.table],
      Math.ceil(width / across),
      Math.ceil(height / down),
    );
    const smooth = samples.width > 2; // libjpeg repeats where a row has no neighbours to speak of
    const full =
      across === 2 && down === 1 && smooth
        ? doubleWidth(samples)
        : across === 2 && down === 2 && smooth
          ? doubleBoth(samples)
          : across === 1 && down === 2
            ? doubleHeight(samples)
            : across === 1 && down === 1
              ? samples
              : repeat(samples, across, down);
    const plane = new Uint8Array(width * height);
    for (let y = 0; y < height; y++) plane.set(full.data.subarray(y * full.stride, y * full.stride + width), y * width);
    return plane;
  });
}
