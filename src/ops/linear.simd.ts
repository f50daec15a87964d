// linear and matmul on SIMD lanes: the twin of linear.ts and matmul.ts. Both operands are packed before (packing.ts);
// what follows a product in the network (bias, activation, residual) is applied to a block of C while it is in the
// cache, each with its own rounding.

import { BLOCK, type Summation } from './dot-products.ts';
import { NR } from './dot-products.simd.ts';
import { share, type Machine } from '../wasm/machine.ts';
import { gemmBlock, packColumns, packRows, paddedColumns, type Operand } from './packing.simd.ts';

/** Packs the rows of A, or the columns of B, all threads together. */
export interface PackStep extends Operand {
  kind: 'pack';
  /** Rows of a panel of A; 0 for columns of B. */
  MR: number;
  to: number;
}

export function runPack(step: PackStep, machine: Machine, part: number, parts: number): void {
  const [begin, end] = share(Math.ceil(step.vectors / (step.MR || NR)), 1, part, parts);
  if (step.MR === 0) packColumns(machine, step, step.to, begin, end);
  else packRows(machine, step, step.MR, step.to, begin, end);
}

export const ACTIVATIONS = { none: 0, quickGelu: 1, gelu: 2 } as const;

export interface LinearStep {
  kind: 'linear';
  MR: number;
  M: number;
  K: number;
  O: number;
  /** A, packed in panels of MR rows. */
  a: number;
  /** B, packed in panels of 8 columns, of which the product takes O columns from panel firstPanel on. */
  b: number;
  bColumns: number;
  firstPanel: number;
  /** Room for one widened panel per thread where B is kept in half precision, else 0. */
  widened: number;
  /** Another way to sum than the contract's. */
  summation?: Summation;
  /** O floats, or 0. */
  bias: number;
  activation: (typeof ACTIVATIONS)[keyof typeof ACTIVATIONS];
  /** Added at the end: rows residualStride bytes apart, or 0. */
  residual: number;
  residualStride: number;
  /** Rows yStride bytes apart, each with room for whole panels. */
  y: number;
  yStride: number;
  /** Address of the elementwise kernels' tables. */
  tables: number;
}

// Rows and columns of C that are finished together: with 128 k, A's rows (128 KB) and C's block stay in the
// second-level cache.
const ROWS = 288;
const PANELS = 16;

export function runLinear(step: LinearStep, machine: Machine, part: number, parts: number): void {
  const { MR, M, K, O, bias, activation, residual, residualStride, y, yStride, tables } = step;
  const [begin, end] = share(paddedColumns(O) / NR, 1, part, parts);
  const chunks = Math.ceil(M / ROWS);
  for (let chunk = 0; chunk < chunks; chunk++) {
    const [top, bottom] = share(M, MR, chunk, chunks);
    for (let j = begin; j < end; j += PANELS) {
      const panels = Math.min(PANELS, end - j);
      const c = y + top * yStride + 4 * NR * j;
      for (let k = 0; k < K; k += BLOCK) block(step, machine, part, k, top, bottom, j, panels, c);
      if (bias !== 0 || activation !== 0 || residual !== 0) {
        machine.kernels.linearEpilogue(c, yStride, bottom - top, panels * NR, bias === 0 ? 0 : bias + 4 * NR * j,
          activation,
          residual === 0 ? 0 : residual + top * residualStride + 4 * NR * j, residualStride, tables);
      }
    }
  }
}

/** One block of k of C's rows [top, bottom) and `panels` panels from panel j on. */
function block(step: LinearStep, machine: Machine, part: number, k: number, top: number, bottom: number, j: number,
  panels: number, c: number): void {
  const { MR, M, K, a, b, bColumns, firstPanel, widened, yStride, summation } = step;
  const kc = Math.min(BLOCK, K - k);
  const rows = a + 4 * (k * M + top * kc);
  const element = k * bColumns + (firstPanel + j) * NR * kc;
  if (widened === 0) {
    gemmBlock(machine, MR, rows, bottom - top, b + 4 * element, panels, c, yStride, kc, k === 0, NR, summation);
    return;
  }
  const panel = widened + part * WIDENED_PANEL;
  for (let i = 0; i < panels; i++) {
    machine.kernels.widen(b + 2 * (element + i * NR * kc), panel, NR * kc);
    gemmBlock(machine, MR, rows, bottom - top, panel, 1, c + 4 * NR * i, yStride, kc, k === 0, NR, summation);
  }
}

/** Bytes of a widened panel. */
export const WIDENED_PANEL = 4 * NR * BLOCK;
