// attention on SIMD lanes in float64 mode: the twin of attention.ts, divided as attention.simd.ts divides it. The
// softmax is the plain one.

import { overHeads, type AttentionStep, type Scratch } from './attention.simd.ts';
import { NR } from './dot-products.simd.ts';
import type { Machine } from '../wasm/machine.ts';
import { copyElements, packRows, paddedColumns } from './packing.simd.ts';
import { gemmPacked } from './product.simd.ts';
import { softmaxRows } from './softmax.ts';

/** Fields as those of AttentionStep, with 8 bytes for an element and attentionScratchBytes(S, d, 8) per thread. */
export interface Attention64Step extends Omit<AttentionStep, 'kind' | 'factor' | 'maskStride' | 'tables'> {
  kind: 'attention64';
  /** (T,S) in float64, row-major, or 0. */
  mask: number;
}

export function runAttention64(step: Attention64Step, machine: Machine, part: number, parts: number): void {
  overHeads(step, 8, machine, part, parts, attend);
}

function attend(step: Attention64Step, machine: Machine, scratch: Scratch, n: number, column: number, top: number,
  rows: number): void {
  const { MR, S, d, q, y, mask } = step;
  const { f64 } = machine;
  const panels = Math.ceil(rows / MR);
  const scoreColumns = paddedColumns(S);
  const scoreStride = 8 * scoreColumns;
  const scores = scratch.scores / 8;
  const factor = 1 / Math.sqrt(d);
  // [1] q' (T,d)
  for (let t = 0; t < rows; t++) {
    const from = (q.at + n * q.image + (top + t) * q.token + column) / 8;
    const to = scratch.scaled / 8 + d * t;
    for (let i = 0; i < d; i++) f64[to + i] = f64[from + i] * factor;
  }
  packRows(machine, { from: scratch.scaled, vectorStride: 8 * d, kStride: 8, vectors: rows, K: d, bytes: 8 }, MR,
    scratch.queries, 0, panels);
  // [2] scores (T,S)
  const scored = { MR, a: scratch.queries, M: rows, K: d, b: scratch.keys, panels: scoreColumns / NR };
  gemmPacked(machine, 8, { ...scored, c: scratch.scores, ldc: scoreStride });
  // [3] mask
  if (mask !== 0) {
    for (let t = 0; t < rows; t++) {
      const shift = mask / 8 + (top + t) * S;
      for (let s = 0; s < S; s++) f64[scores + t * scoreColumns + s] += f64[shift + s];
    }
  }
  // [4] p (T,S)
  for (let t = 0; t < rows; t++) softmaxRows(f64.subarray(scores + t * scoreColumns, scores + t * scoreColumns + S), 1,
    S);
  // [5] y (T,d), k running over the S tokens
  packRows(machine, { from: scratch.scores, vectorStride: scoreStride, kStride: 8, vectors: rows, K: S, bytes: 8 }, MR,
    scratch.p, 0, panels);
  const target = y.at + n * y.image + top * y.token + column;
  const valued = { MR, a: scratch.p, M: rows, K: S, b: scratch.values, panels: paddedColumns(d) / NR };
  if (d % NR === 0) {
    gemmPacked(machine, 8, { ...valued, c: target, ldc: y.token });
  } else {
    const stride = 8 * paddedColumns(d);
    gemmPacked(machine, 8, { ...valued, c: scratch.out, ldc: stride });
    for (let t = 0; t < rows; t++)
      copyElements(machine.kernels, 8, scratch.out + t * stride, 8, d, target + t * y.token, 8);
  }
}
