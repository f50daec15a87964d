// Dot products (numerics contract, item 2): what matmul, linear, conv2d, q·kᵀ and p·v are made of.
//
// `dot32` is the definition. `rowProducts` computes many of them, four at a time: each output keeps its own sums in the
// order of the definition, and the processor has four chains of additions to work on while one waits. On one core of an
// AMD EPYC (Zen 4, Node 20, 2026-11) that gives 2.2 to 2.4 GFLOP/s against 0.8 for one output at a time, and eight at a
// time would add 3 %: the conversions between binary64 and binary32 are the limit.

import { roundInto, type RoundFormat } from './round.ts';
import type { FloatArray } from './tensor.ts';

/** Products are summed in blocks of this many consecutive k, and the blocks' sums are summed in turn. */
export const BLOCK = 128;

/** A matrix of O rows and K columns in any order: element (o, k) is data[offset + o·strideO + k·strideK]. */
export interface Rows {
  data: FloatArray;
  offset: number;
  strideO: number;
  strideK: number;
}

/** Where results go: element (m, o) is data[offset + m·strideM + o·strideO]. */
export interface Output {
  data: FloatArray;
  offset: number;
  strideM: number;
  strideO: number;
}

/** Another way to sum than the contract's, for the emulation of other backends (float32 mode only). */
export interface Summation {
  /** Consecutive k of one partial sum; a divisor of 128. The contract: 128. */
  readonly chunk: number;
  /** The format that the running total is rounded to after each partial sum; null: float32. */
  readonly total: RoundFormat | null;
}

/** dot32 with partial sums of `chunk` k (a block of 128 ends one, too) and a total that is kept in another format. */
function dotOf({ chunk, total }: Summation, a: FloatArray, at: number, b: FloatArray, bt: number, K: number): number {
  const acc = new Float32Array(1);
  for (let start = 0; start < K; start += chunk) {
    const end = Math.min(start + chunk, K);
    let s = 0;
    for (let k = start; k < end; k++) s = Math.fround(s + Math.fround(a[at + k] * b[bt + k]));
    acc[0] += s; // rounded by the store
    if (total !== null) roundInto(acc, acc, total);
  }
  return acc[0];
}

/**
 * The definition in float32 mode: a[at …] · b[bt …] over K elements, each operation with its own rounding. The values
 * of a and b are binary32.
 */
export function dot32(a: FloatArray, at: number, b: FloatArray, bt: number, K: number): number {
  let acc = 0;
  for (let start = 0; start < K; start += BLOCK) {
    const end = Math.min(start + BLOCK, K);
    // [1] s = +0
    let s = 0;
    // [2] s = RN32(s + RN32(a·b)), k ascending in the block
    for (let k = start; k < end; k++) s = Math.fround(s + Math.fround(a[at + k] * b[bt + k]));
    // [3] acc = RN32(acc + s)
    acc = Math.fround(acc + s);
  }
  return acc;
}

/** The definition in float64 mode: the same order, no rounding to binary32. */
export function dot64(a: FloatArray, at: number, b: FloatArray, bt: number, K: number): number {
  let acc = 0;
  for (let start = 0; start < K; start += BLOCK) {
    const end = Math.min(start + BLOCK, K);
    let s = 0;
    for (let k = start; k < end; k++) s += a[at + k] * b[bt + k];
    acc += s;
  }
  return acc;
}

/**
 * Element (m, o) of out = a's row m · b's row o (+ bias[o]) for all m < M and o < O; float32 or float64 mode by the
 * type of `a`.
 * @param a (M,K) in row-major order from `at`
 * @param b (O,K) in any order, float32 or float64 (never float64 beside a float32 `a`)
 * @param summation another order than the contract's
 */
export function rowProducts(
  a: FloatArray,
  at: number,
  M: number,
  K: number,
  b: Rows,
  O: number,
  bias: FloatArray | null,
  out: Output,
  summation: Summation | null = null,
): void {
  const { data: y, strideM, strideO } = out;
  // Four rows of b at a time, copied to be contiguous. float64 holds binary32 values exactly, and
  // saves converting them once per row of a.
  const panel = new Float64Array(4 * K);
  const narrow = a instanceof Float32Array;
  for (let o = 0; o < O; o += 4) {
    const rows = Math.min(4, O - o);
    copyRows(b, o, rows, K, panel);
    const target = out.offset + o * strideO;
    if (summation !== null) {
      for (let r = 0; r < rows; r++)
        for (let m = 0; m < M; m++)
          y[target + r * strideO + m * strideM] = dotOf(summation, a, at + m * K, panel, r * K, K);
    } else if (rows < 4) {
      for (let r = 0; r < rows; r++) {
        for (let m = 0; m < M; m++)
          y[target + r * strideO + m * strideM] = narrow
            ? dot32(a, at + m * K, panel, r * K, K)
            : dot64(a, at + m * K, panel, r * K, K);
      }
    } else if (narrow) {
      fourColumns32(a, at, M, K, panel, y as Float32Array, target, strideM, strideO);
    } else {
      fourColumns64(a as Float64Array, at, M, K, panel, y as Float64Array, target, strideM, strideO);
    }
    if (bias === null) continue;
    for (let r = 0; r < rows; r++) {
      const shift = bias[o + r];
      for (let m = 0; m < M; m++) y[target + r * strideO + m * strideM] += shift; // the store rounds: RN32(acc + bias)
    }
  }
}

function copyRows(b: Rows, first: number, count: number, K: number, panel: Float64Array): void {
  const { data, strideK } = b;
  for (let r = 0; r < count; r++) {
    let from = b.offset + (first + r) * b.strideO;
    for (let k = 0; k < K; k++, from += strideK) panel[r * K + k] = data[from];
  }
}

/** Same as: dot32 of every row of a with each of the panel's four rows. */
function fourColumns32(
  a: Float32Array,
  at: number,
  M: number,
  K: number,
  panel: Float64Array,
  out: Float32Array,
  outAt: number,
  outM: number,
  outO: number,
): void {
  const b1 = K;
  const b2 = 2 * K;
  const b3 = 3 * K;
  for (let m = 0; m < M; m++) {
    const am = at + m * K;
    let acc0 = 0;
    let acc1 = 0;
    let acc2 = 0;
    let acc3 = 0;
    for (let start = 0; start < K; start += BLOCK) {
      const end = Math.min(start + BLOCK, K);
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      for (let k = start; k < end; k++) {
        const x = a[am + k];
        s0 = Math.fround(s0 + Math.fround(x * panel[k]));
        s1 = Math.fround(s1 + Math.fround(x * panel[b1 + k]));
        s2 = Math.fround(s2 + Math.fround(x * panel[b2 + k]));
        s3 = Math.fround(s3 + Math.fround(x * panel[b3 + k]));
      }
      acc0 = Math.fround(acc0 + s0);
      acc1 = Math.fround(acc1 + s1);
      acc2 = Math.fround(acc2 + s2);
      acc3 = Math.fround(acc3 + s3);
    }
    const target = outAt + m * outM;
    out[target] = acc0;
    out[target + outO] = acc1;
    out[target + 2 * outO] = acc2;
    out[target + 3 * outO] = acc3;
  }
}

/** Same as: dot64 of every row of a with each of the panel's four rows. */
function fourColumns64(
  a: Float64Array,
  at: number,
  M: number,
  K: number,
  panel: Float64Array,
  out: Float64Array,
  outAt: number,
  outM: number,
  outO: number,
): void {
  const b1 = K;
  const b2 = 2 * K;
  const b3 = 3 * K;
  for (let m = 0; m < M; m++) {
    const am = at + m * K;
    let acc0 = 0;
    let acc1 = 0;
    let acc2 = 0;
    let acc3 = 0;
    for (let start = 0; start < K; start += BLOCK) {
      const end = Math.min(start + BLOCK, K);
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      for (let k = start; k < end; k++) {
        const x = a[am + k];
        s0 += x * panel[k];
        s1 += x * panel[b1 + k];
        s2 += x * panel[b2 + k];
        s3 += x * panel[b3 + k];
      }
      acc0 += s0;
      acc1 += s1;
      acc2 += s2;
      acc3 += s3;
    }
    const target = outAt + m * outM;
    out[target] = acc0;
    out[target + outO] = acc1;
    out[target + 2 * outO] = acc2;
    out[target + 3 * outO] = acc3;
  }
}
