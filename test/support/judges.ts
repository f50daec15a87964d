// Independent judges of the operations: direct loops over indices in float64, written from the formulas and not from
// src. Slow and plain.
// A judge gives the true value of every output and, for sums of products, Σ|a||b|, to which the error bounds of the
// literature refer.

import ndarray from 'ndarray';
import type { Tensor } from '../../src/ops/index.ts';
import { elements } from './bits.ts';

export const U = 2 ** -24; // unit roundoff of binary32
const SMALLEST = 2 ** -149;

/** γ_n = n·u / (1 - n·u): Higham, Accuracy and Stability of Numerical Algorithms, chapter 3. */
export function gamma(n: number, u = U): number {
  return (n * u) / (1 - n * u);
}

export interface Judged {
  truth: Tensor;
  /** Σ|a||b| (+ |bias|) per output. */
  magnitude: Tensor;
  /** Number of products per output. */
  terms: number;
}

function make(shape: readonly number[]): Tensor {
  return ndarray(new Float64Array(shape.reduce((a, b) => a * b, 1)), [...shape]) as Tensor;
}

/** The element of x there, 0 outside (padding). */
function at(x: Tensor, ...index: number[]): number {
  return index.every((i, axis) => i >= 0 && i < x.shape[axis]) ? x.get(...index) : 0;
}

/** Convolution by its definition: seven nested loops. */
export function judgeConv2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  stride: [number, number] = [1, 1],
  padding: [number, number] = [0, 0],
): Judged {
  const [N, C, H, W] = x.shape;
  const [O, , KH, KW] = weight.shape;
  const OH = Math.floor((H + 2 * padding[0] - KH) / stride[0]) + 1;
  const OW = Math.floor((W + 2 * padding[1] - KW) / stride[1]) + 1;
  const truth = make([N, O, OH, OW]);
  const magnitude = make([N, O, OH, OW]);
  for (let n = 0; n < N; n++)
    for (let o = 0; o < O; o++)
      for (let i = 0; i < OH; i++)
        for (let j = 0; j < OW; j++) {
          let sum = bias === null ? 0 : bias.get(o);
          let absolute = Math.abs(sum);
          for (let p = 0; p < KH; p++)
            for (let q = 0; q < KW; q++)
              for (let c = 0; c < C; c++) {
                const product =
                  at(x, n, c, i * stride[0] + p - padding[0], j * stride[1] + q - padding[1]) * weight.get(o, c, p, q);
                sum += product;
                absolute += Math.abs(product);
              }
          truth.set(n, o, i, j, sum);
          magnitude.set(n, o, i, j, absolute);
        }
  return { truth, magnitude, terms: C * KH * KW };
}

/**
 * The windows of a convolution in the contract's order of k: for output (n, o, i, j) the two vectors whose dot product
 * it is.
 */
export function convolutionOperands(
  x: Tensor,
  weight: Tensor,
  stride: [number, number],
  padding: [number, number],
  n: number,
  o: number,
  i: number,
  j: number,
): [number[], number[]] {
  const [, C, KH, KW] = weight.shape;
  const window: number[] = [];
  const kernel: number[] = [];
  for (let c = 0; c < C; c++)
    for (let p = 0; p < KH; p++)
      for (let q = 0; q < KW; q++) {
        window.push(at(x, n, c, i * stride[0] + p - padding[0], j * stride[1] + q - padding[1]));
        kernel.push(weight.get(o, c, p, q));
      }
  return [window, kernel];
}

/** a (M,K) x b (K,O). */
export function judgeMatmul(a: Tensor, b: Tensor): Judged {
  const [M, K] = a.shape;
  const O = b.shape[1];
  const truth = make([M, O]);
  const magnitude = make([M, O]);
  for (let k = 0; k < K; k++)
    for (let o = 0; o < O; o++)
      for (let m = 0; m < M; m++) {
        const product = a.get(m, k) * b.get(k, o);
        truth.set(m, o, truth.get(m, o) + product);
        magnitude.set(m, o, magnitude.get(m, o) + Math.abs(product));
      }
  return { truth, magnitude, terms: K };
}

/** x (M,K), weight (O,K), bias (O). */
export function judgeLinear(x: Tensor, weight: Tensor, bias: Tensor | null): Judged {
  const judged = judgeMatmul(x, weight.transpose(1, 0) as Tensor);
  if (bias !== null)
    for (let m = 0; m < x.shape[0]; m++)
      for (let o = 0; o < weight.shape[0]; o++) {
        judged.truth.set(m, o, judged.truth.get(m, o) + bias.get(o));
        judged.magnitude.set(m, o, judged.magnitude.get(m, o) + Math.abs(bias.get(o)));
      }
  return judged;
}

/**
 * Throws where |y - truth| exceeds γ_n·Σ|a||b| with the n of sums in blocks of 128: a product, up to 128 sums within
 * the block, one for each block, one for the bias.
 */
export function assertWithinGamma(y: Tensor, judged: Judged, u = U): void {
  if (y.shape.join() !== judged.truth.shape.join())
    throw new Error(`expected shape (${judged.truth.shape.join(', ')}), got (${y.shape.join(', ')})`);
  const n = Math.min(judged.terms, 128) + Math.ceil(judged.terms / 128) + 1;
  const bound = gamma(n, u) + gamma(judged.terms + 1, 2 ** -53); // the judge's own error
  const values = elements(y);
  const truth = elements(judged.truth);
  const magnitude = elements(judged.magnitude);
  for (let i = 0; i < values.length; i++) {
    const error = Math.abs(values[i] - truth[i]);
    // Products that underflow lose up to half of the smallest number each.
    if (!(error <= bound * magnitude[i] + judged.terms * SMALLEST)) {
      throw new Error(
        `element ${i}: |${values[i]} - ${truth[i]}| = ${error} > γ_${n}·Σ|a||b| = ${bound * magnitude[i]}`,
      );
    }
  }
}

/**
 * One output of the contract's item 2, written with cells of a Float32Array as its roundings instead of Math.fround,
 * and the blocks counted instead of sliced.
 * In float64 the same with cells of a Float64Array.
 */
export function contractDot(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  bias: number | null,
  Cells: typeof Float32Array | typeof Float64Array = Float32Array,
): number {
  const [PRODUCT, BLOCK, SUM] = [0, 1, 2];
  const cell = new Cells(3);
  for (let k = 0; k < a.length; k++) {
    cell[PRODUCT] = a[k] * b[k];
    cell[BLOCK] += cell[PRODUCT];
    if (k % 128 === 127 || k === a.length - 1) {
      cell[SUM] += cell[BLOCK];
      cell[BLOCK] = 0;
    }
  }
  if (bias !== null) cell[SUM] += bias;
  return cell[SUM];
}

/** The contract's item 3 with an array of four sums. */
export function contractTotal(values: ArrayLike<number>): number {
  const s = [0, 0, 0, 0];
  for (let i = 0; i < values.length; i++) s[i % 4] += values[i];
  return s[0] + s[1] + (s[2] + s[3]);
}

/** e^x / Σ e^x by Math.exp, good to 1e-15: rows of the last axis. */
export function judgeSoftmax(row: ArrayLike<number>): number[] {
  const values = Array.from(row);
  const top = Math.max(...values);
  const e = values.map((v) => Math.exp(v - top));
  const sum = e.reduce((s, v) => s + v, 0);
  return e.map((v) => v / sum);
}

/**
 * erf by the series of positive terms 2/√π·e^(-x²)·Σ 2^n·x^(2n+1)/(2n+1)!! (Abramowitz & Stegun 7.1.6), good to about
 * 1e-15.
 */
export function judgeErf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 300; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return Math.min(1, Math.max(-1, (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum));
}

/** Attention of one head by the textbook, in float64: q (T,d), k and v (S,d), mask (T,S). */
export function judgeAttention(q: Tensor, k: Tensor, v: Tensor, heads = 1, mask: Tensor | null = null): Tensor {
  const [T, D] = q.shape;
  const S = k.shape[0];
  const d = D / heads;
  const y = make([T, D]);
  for (let t = 0; t < T; t++)
    for (let h = 0; h < heads; h++) {
      const scores = Array.from({ length: S }, (_, s) => {
        let dot = 0;
        for (let i = h * d; i < (h + 1) * d; i++) dot += q.get(t, i) * k.get(s, i);
        return dot / Math.sqrt(d) + (mask === null ? 0 : mask.get(t, s));
      });
      judgeSoftmax(scores).forEach((p, s) => {
        for (let i = h * d; i < (h + 1) * d; i++) y.set(t, i, y.get(t, i) + p * v.get(s, i));
      });
    }
  return y;
}

/** Mean and variance (divided by n) in two passes. */
export function judgeMoments(values: ArrayLike<number>): { mean: number; variance: number } {
  const list = Array.from(values);
  const mean = list.reduce((s, v) => s + v, 0) / list.length;
  return { mean, variance: list.reduce((s, v) => s + (v - mean) * (v - mean), 0) / list.length };
}

/** Throws where |y - truth| > relative·|truth| + absolute. */
export function assertClose(
  y: ArrayLike<number>,
  truth: ArrayLike<number>,
  relative: number,
  absolute = 0,
  what = 'result',
): void {
  if (y.length !== truth.length) throw new Error(`${what}: expected ${truth.length} elements, got ${y.length}`);
  for (let i = 0; i < truth.length; i++) {
    const error = Math.abs(y[i] - truth[i]);
    if (!(error <= relative * Math.abs(truth[i]) + absolute))
      throw new Error(`${what}: element ${i}: expected ${truth[i]}, got ${y[i]}, off by ${error}`);
  }
}
