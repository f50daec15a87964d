// linear and matmul on SIMD lanes: the twin of linear.ts and matmul.ts, in float32 and float64 mode. Both operands are
// packed before (packing.simd.ts); what follows a product in the network (bias, activation, residual) is applied to a
// block of C while it is in the cache, each with its own rounding.

import { BLOCK, type Summation } from './dot-products.ts';
import { NR } from './dot-products.simd.ts';
import { linearEpilogue } from './epilogues.simd.ts';
import {
  formOfWidth, packColumns, packRows, paddedColumns, widened, widenedBytes, type Operand, type WeightForm,
} from './packing.simd.ts';
import { gemmBlock } from './product.simd.ts';
import { share, type Machine } from '../wasm/machine.ts';
import type { Width } from '../wasm/mode.ts';

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
  /** The form of B's elements. */
  form: WeightForm;
  /** Room for widenedPanelBytes(form, 4) per thread, or 0 where B needs no widening. */
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

/** Fields as those of LinearStep, with 8 bytes for an element of A, y and the bias, in float64. */
export interface Linear64Step
  extends Omit<LinearStep, 'kind' | 'summation' | 'activation' | 'residual' | 'residualStride' | 'tables'> {
  kind: 'linear64';
}

// Rows (by the bytes of an element) and columns of C that are finished together: with 128 k, A's rows (144 KB) and C's
// block stay in the second-level cache.
const ROWS = { 4: 288, 8: 144 } as const;
const PANELS = 16;

/** Bytes of a widened panel: room that each thread needs where B is not in the mode's own form. */
export const widenedPanelBytes = (form: WeightForm, bytes: Width): number => widenedBytes(form, bytes, NR * BLOCK);

/** What follows: rows [top, top + rows) of `panels` panels from panel j on are computed, C's block is at c. */
type Finish = (c: number, top: number, rows: number, j: number, panels: number) => void;

/** Divides the work of either mode into blocks of C, and computes all k of one before the next. */
function overBlocks(
  step: LinearStep | Linear64Step, bytes: Width, machine: Machine, part: number, parts: number, finish: Finish,
): void {
  const { MR, M, K, O, y, yStride } = step;
  const [begin, end] = share(paddedColumns(O) / NR, 1, part, parts);
  const chunks = Math.ceil(M / ROWS[bytes]);
  for (let chunk = 0; chunk < chunks; chunk++) {
    const [top, bottom] = share(M, MR, chunk, chunks);
    for (let j = begin; j < end; j += PANELS) {
      const panels = Math.min(PANELS, end - j);
      const c = y + top * yStride + bytes * NR * j;
      // [1] acc, k ascending in blocks of 128
      for (let k = 0; k < K; k += BLOCK) block(step, bytes, machine, part, k, top, bottom, j, panels, c);
      // [2] y = RN32(acc + bias)
      finish(c, top, bottom - top, j, panels);
    }
  }
}

/** One block of k of C's rows [top, bottom) and `panels` panels from panel j on. */
function block(
  step: LinearStep | Linear64Step, bytes: Width, machine: Machine, part: number, k: number, top: number, bottom: number,
  j: number, panels: number, c: number,
): void {
  const { MR, M, K, b, form, bColumns, firstPanel, yStride: ldc } = step;
  const summation = step.kind === 'linear' ? step.summation : null;
  const kc = Math.min(BLOCK, K - k);
  const first = k === 0;
  const a = step.a + bytes * (k * M + top * kc);
  const element = k * bColumns + (firstPanel + j) * NR * kc;
  const room = step.widened + part * widenedPanelBytes(form, bytes);
  // All panels at once, or those that have to be widened one by one.
  const most = form === formOfWidth(bytes) ? panels : 1;
  for (let i = 0; i < panels; i += most) {
    const panel = widened(machine, bytes, b, form, element + i * NR * kc, NR * kc, room);
    gemmBlock(machine, bytes, {
      MR, a, M: bottom - top, b: panel, panels: most, c: c + bytes * NR * i, ldc, kc, first, columns: NR, summation,
    });
  }
}

/** y = acc + bias */
function addBias(f64: Float64Array, c: number, ldc: number, rows: number, columns: number, bias: number): void {
  const shift = bias / 8;
  for (let r = 0; r < rows; r++) {
    const row = (c + r * ldc) / 8;
    for (let o = 0; o < columns; o++) f64[row + o] += f64[shift + o];
  }
}

export function runLinear(step: LinearStep, machine: Machine, part: number, parts: number): void {
  overBlocks(step, 4, machine, part, parts, (c, top, rows, j, panels) => {
    const { bias, activation, residual, residualStride, yStride, tables } = step;
    if (bias === 0 && activation === 0 && residual === 0) return;
    linearEpilogue(machine.kernels, {
      c, ldc: yStride, rows, columns: panels * NR,
      bias: bias === 0 ? 0 : bias + 4 * NR * j,
      activation,
      residual: residual === 0 ? 0 : residual + top * residualStride + 4 * NR * j,
      ldr: residualStride,
      tables,
    });
  });
}

/** What follows a product is an operation of its own, but for the bias. */
export function runLinear64(step: Linear64Step, machine: Machine, part: number, parts: number): void {
  overBlocks(step, 8, machine, part, parts, (c, _, rows, j, panels) => {
    const { bias, yStride, O } = step;
    if (bias !== 0) addBias(machine.f64, c, yStride, rows, Math.min(panels * NR, O - NR * j), bias + 8 * NR * j);
  });
}
