// linear and matmul on SIMD lanes in float64 mode: the twin of linear.ts and matmul.ts. What follows a product is an
// operation of its own, but for the bias.

import { BLOCK } from './dot-products.ts';
import { NR } from './dot-products.simd.ts';
import type { LinearStep } from './linear.simd.ts';
import { share, type Machine } from '../wasm/machine.ts';
import { paddedColumns } from './packing.simd.ts';
import { gemmBlock64, widened, type PackedForm } from './packing64.simd.ts';

/** Fields as those of LinearStep, with 8 bytes for an element of A, y and the bias, in float64. */
export interface Linear64Step extends Omit<LinearStep,
  'kind' | 'summation' | 'activation' | 'residual' | 'residualStride' | 'tables'> {
  kind: 'linear64';
  form: PackedForm;
  /** Room for WIDENED_PANEL64 bytes per thread where B is not in float64, else 0. */
  widened: number;
}

/** Bytes of a widened panel. */
export const WIDENED_PANEL64 = 8 * NR * BLOCK + 64;

// Rows and columns of C that are finished together: with 128 k, A's rows (144 KB) and C's block stay in the
// second-level cache.
const ROWS = 144;
const PANELS = 16;

export function runLinear64(step: Linear64Step, machine: Machine, part: number, parts: number): void {
  const { MR, M, K, O, y, yStride } = step;
  const [begin, end] = share(paddedColumns(O) / NR, 1, part, parts);
  const chunks = Math.ceil(M / ROWS);
  for (let chunk = 0; chunk < chunks; chunk++) {
    const [top, bottom] = share(M, MR, chunk, chunks);
    for (let j = begin; j < end; j += PANELS) {
      const panels = Math.min(PANELS, end - j);
      const c = y + top * yStride + 8 * NR * j;
      for (let k = 0; k < K; k += BLOCK) block(step, machine, part, k, top, bottom, j, panels, c);
      if (step.bias !== 0) addBias(machine.f64, c, yStride, bottom - top, Math.min(panels * NR, O - NR * j),
        step.bias + 8 * NR * j);
    }
  }
}

/** One block of k of C's rows [top, bottom) and `panels` panels from panel j on. */
function block(step: Linear64Step, machine: Machine, part: number, k: number, top: number, bottom: number, j: number,
  panels: number, c: number): void {
  const { MR, M, K, a, b, form, bColumns, firstPanel, yStride } = step;
  const kc = Math.min(BLOCK, K - k);
  const rows = a + 8 * (k * M + top * kc);
  const room = step.widened + part * WIDENED_PANEL64;
  for (let i = 0; i < panels; i++) {
    const panel = widened(machine, b, form, k * bColumns + (firstPanel + j + i) * NR * kc, NR * kc, room);
    gemmBlock64(machine, MR, rows, bottom - top, panel, 1, c + 8 * NR * i, yStride, kc, k === 0);
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
