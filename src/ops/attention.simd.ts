// attention on SIMD lanes: the twin of attention.ts. The work is divided into heads of images, and those into runs of
// queries; scores of a run stay in the cache from q'·kᵀ over the softmax to p·v.

import { runAdd } from './add.simd.ts';
import { NR } from './dot-products.simd.ts';
import { copyElements, packColumns, packedColumnsBytes, packRows, paddedColumns } from './packing.simd.ts';
import { gemmPacked } from './product.simd.ts';
import { runScale } from './scale.simd.ts';
import { runSoftmax } from './softmax.simd.ts';
import { share, type Machine } from '../wasm/machine.ts';
import type { Width } from '../wasm/mode.ts';

/** The layout of a (N,T,D) tensor: element (n, t, i) at `at` + n·image + t·token + 4·i, or 8·i in float64 mode. */
export interface Tokens {
  at: number;
  image: number;
  token: number;
}

export interface AttentionStep {
  kind: 'attention';
  MR: number;
  N: number;
  T: number;
  S: number;
  heads: number;
  /** Width of a head. */
  d: number;
  /** RN32(1 / sqrt(d)) */
  factor: number;
  q: Tokens;
  k: Tokens;
  v: Tokens;
  y: Tokens;
  /** (T,S), rows maskStride bytes apart, or 0. */
  mask: number;
  maskStride: number;
  /** Room for attentionScratchBytes(S, d, 4) per thread. */
  scratch: number;
  /** Address of the elementwise kernels' tables. */
  tables: number;
}

/** Queries whose scores are in work together. */
const QUERIES = 40;

export interface Scratch {
  keys: number; values: number; scaled: number; queries: number; scores: number; p: number; out: number; end: number;
}

/**
 * Addresses of a thread's own pieces, from `at` on: packed keys and values, q' and its panels, scores, p's panels, the
 * result of a head.
 */
function layout(at: number, S: number, d: number, bytes: Width): Scratch {
  const keys = at;
  const values = keys + packedColumnsBytes(S, d, bytes);
  const scaled = values + packedColumnsBytes(d, S, bytes);
  const queries = scaled + bytes * QUERIES * d;
  const scores = queries + bytes * QUERIES * d;
  const p = scores + bytes * QUERIES * paddedColumns(S);
  const out = p + bytes * QUERIES * S;
  return { keys, values, scaled, queries, scores, p, out, end: out + bytes * QUERIES * paddedColumns(d) };
}

export const attentionScratchBytes = (S: number, d: number, bytes: Width): number =>
  Math.ceil(layout(0, S, d, bytes).end / 64) * 64;

export function runAttention(step: AttentionStep, machine: Machine, part: number, parts: number): void {
  overHeads(step, 4, machine, part, parts, attend);
}

type Heads = Pick<AttentionStep, 'MR' | 'N' | 'T' | 'S' | 'heads' | 'd' | 'q' | 'k' | 'v' | 'y' | 'scratch'>;

/**
 * `rows` queries from `top` on, of the head that begins at byte `column` of a token of image n; its keys and values are
 * packed in the scratch.
 */
type Attend<Step> = (step: Step, machine: Machine, scratch: Scratch, n: number, column: number, top: number,
  rows: number) => void;

/** Divides the work of either mode: packs a head's keys and values, and attends with runs of its queries. */
export function overHeads<Step extends Heads>(step: Step, bytes: Width, machine: Machine, part: number, parts: number,
  attend: Attend<Step>): void {
  const { N, T, S, heads, d, k, v } = step;
  const scratch = layout(step.scratch + part * attentionScratchBytes(S, d, bytes), S, d, bytes);
  const runs = Math.ceil(T / QUERIES);
  // Whole heads where there are enough of them, so that keys and values are packed once; else single runs of queries.
  const grain = N * heads >= 2 * parts ? runs : 1;
  const [begin, end] = share(N * heads * runs, grain, part, parts);
  let packed = -1;
  for (let item = begin; item < end; item++) {
    const pair = Math.floor(item / runs);
    const n = Math.floor(pair / heads);
    const column = bytes * d * (pair - n * heads);
    if (pair !== packed) {
      const keys = { from: k.at + n * k.image + column, vectorStride: k.token, kStride: bytes, vectors: S, K: d,
        bytes };
      packColumns(machine, keys, scratch.keys, 0, Math.ceil(S / NR));
      const values = { from: v.at + n * v.image + column, vectorStride: bytes, kStride: v.token, vectors: d, K: S,
        bytes };
      packColumns(machine, values, scratch.values, 0, Math.ceil(d / NR));
      packed = pair;
    }
    const top = (item - pair * runs) * QUERIES;
    attend(step, machine, scratch, n, column, top, Math.min(QUERIES, T - top));
  }
}

function attend(step: AttentionStep, machine: Machine, scratch: Scratch, n: number, column: number, top: number,
  rows: number): void {
  const { MR, S, d, q, y, mask, maskStride, factor } = step;
  const panels = Math.ceil(rows / MR);
  const scoreColumns = paddedColumns(S);
  const scoreStride = 4 * scoreColumns;
  // [1] q' (T,d)
  for (let t = 0; t < rows; t++) {
    const x = q.at + n * q.image + (top + t) * q.token + column;
    runScale({ kind: 'scale', x, y: scratch.scaled + 4 * d * t, count: d, factor }, machine, 0, 1);
  }
  packRows(machine, { from: scratch.scaled, vectorStride: 4 * d, kStride: 4, vectors: rows, K: d, bytes: 4 }, MR,
    scratch.queries, 0, panels);
  // [2] scores (T,S)
  const scored = { MR, a: scratch.queries, M: rows, K: d, b: scratch.keys, panels: scoreColumns / NR };
  gemmPacked(machine, 4, { ...scored, c: scratch.scores, ldc: scoreStride });
  // [3] mask
  if (mask !== 0) {
    for (let t = 0; t < rows; t++) {
      const a = scratch.scores + t * scoreStride;
      runAdd({ kind: 'add', a, b: mask + (top + t) * maskStride, y: a, rows: 1, width: S }, machine, 0, 1);
    }
  }
  // [4] p (T,S)
  const { scores } = scratch;
  const square = { x: scores, xStride: scoreStride, y: scores, yStride: scoreStride, rows, width: S };
  runSoftmax({ kind: 'softmax', ...square, tables: step.tables }, machine, 0, 1);
  // [5] y (T,d), k running over the S tokens
  packRows(machine, { from: scratch.scores, vectorStride: scoreStride, kStride: 4, vectors: rows, K: S, bytes: 4 }, MR,
    scratch.p, 0, panels);
  const target = y.at + n * y.image + top * y.token + column;
  const valued = { MR, a: scratch.p, M: rows, K: S, b: scratch.values, panels: paddedColumns(d) / NR };
  if (d % NR === 0) {
    gemmPacked(machine, 4, { ...valued, c: target, ldc: y.token });
  } else {
    const stride = 4 * paddedColumns(d);
    gemmPacked(machine, 4, { ...valued, c: scratch.out, ldc: stride });
    for (let t = 0; t < rows; t++)
      copyElements(machine.kernels, 4, scratch.out + t * stride, 4, d, target + t * y.token, 4);
  }
}
