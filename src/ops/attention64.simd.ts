// attention on SIMD lanes in float64 mode: the twin of attention.ts, divided as attention.simd.ts divides it. The softmax is the plain one.

import type { Tokens } from './attention.simd.ts';
import { BLOCK } from './dotProducts.ts';
import { NR } from './dotProducts.simd.ts';
import { share, type Machine } from './simd/machine.ts';
import { paddedColumns } from './simd/packing.ts';
import { gemmBlock64, packColumns64, packedColumnsBytes64, packRows64 } from './simd/packing64.ts';
import { softmaxRows } from './softmax.ts';

export interface Attention64Step {
  kind: 'attention64';
  MR: number;
  N: number;
  T: number;
  S: number;
  heads: number;
  /** Width of a head. */
  d: number;
  q: Tokens;
  k: Tokens;
  v: Tokens;
  y: Tokens;
  /** (T,S) in float64, row-major, or 0. */
  mask: number;
  /** Room for attention64ScratchBytes(S, d) per thread. */
  scratch: number;
}

/** Queries whose scores are in work together. */
const QUERIES = 40;

interface Scratch { keys: number; values: number; scaled: number; queries: number; scores: number; p: number; out: number; end: number }

/** Addresses of a thread's own pieces, from `at` on: packed keys and values, q' and its panels, scores, p's panels, the result of a head. */
function layout(at: number, S: number, d: number): Scratch {
  const keys = at;
  const values = keys + packedColumnsBytes64(S, d);
  const scaled = values + packedColumnsBytes64(d, S);
  const queries = scaled + 8 * QUERIES * d;
  const scores = queries + 8 * QUERIES * d;
  const p = scores + 8 * QUERIES * paddedColumns(S);
  const out = p + 8 * QUERIES * S;
  return { keys, values, scaled, queries, scores, p, out, end: out + 8 * QUERIES * paddedColumns(d) };
}

export const attention64ScratchBytes = (S: number, d: number): number => Math.ceil(layout(0, S, d).end / 64) * 64;

export function runAttention64(step: Attention64Step, machine: Machine, part: number, parts: number): void {
  const { N, T, S, heads, d, k, v } = step;
  const scratch = layout(step.scratch + part * attention64ScratchBytes(S, d), S, d);
  const runs = Math.ceil(T / QUERIES);
  // Whole heads where there are enough of them, so that keys and values are packed once; else single runs of queries.
  const grain = N * heads >= 2 * parts ? runs : 1;
  const [begin, end] = share(N * heads * runs, grain, part, parts);
  let packed = -1;
  for (let item = begin; item < end; item++) {
    const pair = Math.floor(item / runs);
    const n = Math.floor(pair / heads);
    const column = 8 * d * (pair - n * heads);
    if (pair !== packed) {
      const keys = { from: k.at + n * k.image + column, vectorStride: k.token, kStride: 8, vectors: S, K: d };
      packColumns64(machine, keys, scratch.keys, 0, Math.ceil(S / NR));
      const values = { from: v.at + n * v.image + column, vectorStride: 8, kStride: v.token, vectors: d, K: S };
      packColumns64(machine, values, scratch.values, 0, Math.ceil(d / NR));
      packed = pair;
    }
    const top = (item - pair * runs) * QUERIES;
    attend(step, machine, scratch, n, column, top, Math.min(QUERIES, T - top));
  }
}

/** `rows` queries from `top` on, of the head that begins at byte `column` of a token. */
function attend(step: Attention64Step, machine: Machine, scratch: Scratch, n: number, column: number, top: number, rows: number): void {
  const { MR, S, d, q, y, mask } = step;
  const { f64 } = machine;
  const panels = Math.ceil(rows / MR);
  const scoreColumns = paddedColumns(S);
  const scores = scratch.scores / 8;
  const factor = 1 / Math.sqrt(d);
  // [1] q' (T,d)
  for (let t = 0; t < rows; t++) {
    const from = (q.at + n * q.image + (top + t) * q.token + column) / 8;
    const to = scratch.scaled / 8 + d * t;
    for (let i = 0; i < d; i++) f64[to + i] = f64[from + i] * factor;
  }
  packRows64(machine, { from: scratch.scaled, vectorStride: 8 * d, kStride: 8, vectors: rows, K: d }, MR, scratch.queries, 0, panels);
  // [2] scores (T,S)
  product(machine, MR, scratch.queries, rows, d, scratch.keys, scoreColumns, scratch.scores, 8 * scoreColumns);
  // [3] mask
  if (mask !== 0) {
    for (let t = 0; t < rows; t++) {
      const shift = mask / 8 + (top + t) * S;
      for (let s = 0; s < S; s++) f64[scores + t * scoreColumns + s] += f64[shift + s];
    }
  }
  // [4] p (T,S)
  for (let t = 0; t < rows; t++) softmaxRows(f64.subarray(scores + t * scoreColumns, scores + t * scoreColumns + S), 1, S);
  // [5] y (T,d), k running over the S tokens
  packRows64(machine, { from: scratch.scores, vectorStride: 8 * scoreColumns, kStride: 8, vectors: rows, K: S }, MR, scratch.p, 0, panels);
  const target = y.at + n * y.image + top * y.token + column;
  if (d % NR === 0) {
    product(machine, MR, scratch.p, rows, S, scratch.values, d, target, y.token);
  } else {
    const stride = 8 * paddedColumns(d);
    product(machine, MR, scratch.p, rows, S, scratch.values, paddedColumns(d), scratch.out, stride);
    for (let t = 0; t < rows; t++) machine.kernels.pack64_copy(scratch.out + t * stride, 8, d, target + t * y.token, 8);
  }
}

/** C (rows, columns) = A·B for packed A and B, columns whole panels. */
function product(machine: Machine, MR: number, a: number, rows: number, K: number, b: number, columns: number, c: number, ldc: number): void {
  for (let k = 0; k < K; k += BLOCK) {
    const kc = Math.min(BLOCK, K - k);
    gemmBlock64(machine, MR, a + 8 * k * rows, rows, b + 8 * k * columns, columns / NR, c, ldc, kc, k === 0);
  }
}
