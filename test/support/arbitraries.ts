// Arbitraries for fast-check: shapes from the arithmetic of tiles and blocks, floats from raw bits, tensors in any
// memory layout.

import fc from 'fast-check';
import ndarray from 'ndarray';
import type { Tensor } from '../../src/ops/index.ts';
import { elements, float32FromBits } from './bits.ts';

/** Extents around a tile of 4: one, less, equal, more, a multiple, a multiple and a remainder. */
export const tileExtent: fc.Arbitrary<number> = fc.constantFrom(1, 2, 3, 4, 5, 8, 11);
/** The same with 0. */
export const tileExtentOrNone: fc.Arbitrary<number> = fc.constantFrom(0, 1, 3, 4, 5, 8, 9);
/** Depths around a block of 128. */
export const blockDepth: fc.Arbitrary<number> = fc.constantFrom(1, 7, 127, 128, 129, 255, 256, 300);

const SPECIAL_BITS = [
  0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x00800000, 0x80800000, 0x3f800000, 0xbf800000,
  0x7f7fffff, 0xff7fffff,
];
const NOT_FINITE_BITS = [0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001];

/**
 * Finite binary32 numbers from raw bits: every exponent is as likely as every other; ±0, subnormals and the largest
 * come up often.
 */
export const finiteFloat32: fc.Arbitrary<number> = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...SPECIAL_BITS).map(float32FromBits) },
  {
    weight: 3,
    arbitrary: fc
      .integer({ min: 0, max: 0xffffffff })
      .map(float32FromBits)
      .filter((x) => Number.isFinite(x)),
  },
);

/** Every binary32 number from raw bits, infinities and NaNs included. */
export const anyFloat32: fc.Arbitrary<number> = fc.oneof(
  { weight: 6, arbitrary: finiteFloat32 },
  { weight: 1, arbitrary: fc.constantFrom(...NOT_FINITE_BITS).map(float32FromBits) },
);

/** Numbers as they occur in networks: multiples of 2^-23 in [-1, 1), exact in binary32. */
export const unitFloat32: fc.Arbitrary<number> = fc
  .integer({ min: -(2 ** 23), max: 2 ** 23 - 1 })
  .map((i) => i / 2 ** 23);

/** A seed for the tensors below: fast-check prints and shrinks it. */
export const seed: fc.Arbitrary<number> = fc.integer({ min: 1, max: 0x7fffffff });

/** Numbers of a linear congruential generator (Numerical Recipes, 2^32 period) in [-1, 1), exact in binary32. */
export function unitNumbers(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 8) - 2 ** 23) / 2 ** 23;
  };
}

/**
 * Raw-bit binary32 numbers of the same generator: all exponents alike, so that products overflow, underflow and cancel.
 * NaN and infinities with `all`.
 */
export function rawNumbers(start: number, all = false): () => number {
  const next = unitNumbers(start);
  return () => {
    const bits = (((next() + 1) * 2 ** 15) >>> 0) * 2 ** 16 + (((next() + 1) * 2 ** 15) >>> 0);
    const value = float32FromBits(bits);
    return all || Number.isFinite(value) ? value : next();
  };
}

/**
 * Raw-bit binary64 numbers, one in two with an exponent near 0, so that sums do not only overflow. NaN and infinities
 * with `all`.
 */
export function rawNumbers64(start: number, all = false): () => number {
  const next = unitNumbers(start);
  const word = (): number => (((next() + 1) * 2 ** 15) >>> 0) * 2 ** 16 + (((next() + 1) * 2 ** 15) >>> 0);
  const view = new DataView(new ArrayBuffer(8));
  return () => {
    view.setUint32(0, word());
    view.setUint32(4, word());
    if (next() < 0) view.setUint16(0, (view.getUint16(0) & 0x80ff) | 0x3f00);
    const value = view.getFloat64(0);
    return all || Number.isFinite(value) ? value : next();
  };
}

/** A tensor in row-major order of the numbers that come. */
export function fill(
  shape: readonly number[],
  next: () => number,
  Type: typeof Float32Array | typeof Float64Array = Float32Array,
): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = new Type(size);
  for (let i = 0; i < size; i++) data[i] = next();
  return ndarray(data, [...shape]) as Tensor;
}

/** Network-like numbers. */
export function unitTensor(
  shape: readonly number[],
  start: number,
  Type: typeof Float32Array | typeof Float64Array = Float32Array,
): Tensor {
  return fill(shape, unitNumbers(start), Type);
}

/** A tensor of given values. */
export function tensorOf(
  values: ArrayLike<number>,
  shape: readonly number[] = [values.length],
  Type: typeof Float32Array | typeof Float64Array = Float32Array,
): Tensor {
  return ndarray(Type.from(values), [...shape]) as Tensor;
}

/**
 * How elements lie in memory: axes in some order, with steps and directions of their own, after an offset. Applies to
 * any shape.
 */
export interface Layout {
  orders: number[];
  steps: number[];
  offset: number;
}

export const layout: fc.Arbitrary<Layout> = fc.record({
  orders: fc.array(fc.nat(1000), { minLength: 4, maxLength: 4 }),
  steps: fc.array(fc.constantFrom(1, 2, 3, -1, -2), { minLength: 4, maxLength: 4 }),
  offset: fc.nat(7),
});

/** The same elements as x in another layout; the gaps hold NaN, so that reading one shows. */
export function laidOut(x: Tensor, { orders, steps, offset }: Layout): Tensor {
  const rank = x.shape.length;
  const axes = x.shape.map((_, axis) => axis).sort((a, b) => orders[a % 4] - orders[b % 4]);
  const stride = new Array<number>(rank).fill(0);
  let reach = 1;
  let start = offset;
  for (const axis of axes) {
    const step = steps[axis % 4];
    stride[axis] = reach * step;
    if (step < 0) start += (Math.max(1, x.shape[axis]) - 1) * reach * -step;
    reach *= Math.max(1, x.shape[axis]) * Math.abs(step);
  }
  const size = offset + reach + 3;
  const data = x.data instanceof Float32Array ? new Float32Array(size).fill(NaN) : new Float64Array(size).fill(NaN);
  const y = ndarray(data, [...x.shape], stride, start) as Tensor;
  const values = elements(x);
  for (let i = 0; i < values.length; i++) {
    let rest = i;
    const index = new Array<number>(rank);
    for (let axis = rank - 1; axis >= 0; axis--) {
      index[axis] = rest % x.shape[axis];
      rest = Math.floor(rest / x.shape[axis]);
    }
    y.set(...([...index, values[i]] as [number, number]));
  }
  return y;
}
