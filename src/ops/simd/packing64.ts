// Operands of a product in float64 mode: packed as packing.ts packs them, in elements of 8 bytes. Weights are packed once for both modes, in float32 or in half
// precision, and widened block by block on the way into a product: no second copy of them is ever made.

import { BLOCK } from '../dotProducts.ts';
import { NR } from '../dotProducts.simd.ts';
import { HALF } from '../dotProducts64.simd.ts';
import type { Machine } from './machine.ts';
import { paddedColumns, type Operand } from './packing.ts';

/** How a packed operand lies in memory. */
export type PackedForm = 'f64' | 'f32' | 'f16';

const BYTES: Record<PackedForm, number> = { f64: 8, f32: 4, f16: 2 };

/** Bytes of B, packed in float64. */
export const packedColumnsBytes64 = (O: number, K: number): number => 8 * paddedColumns(O) * K;

/** Packs panels [begin, end) of B: 8 columns each, the last one filled up with zeros. */
export function packColumns64(machine: Machine, b: Operand, to: number, begin: number, end: number): void {
  packPanels(machine, b, NR, paddedColumns(b.vectors), to, begin, end);
}

/** Packs panels [begin, end) of A: MR rows each, the last one as narrow as it is. */
export function packRows64(machine: Machine, a: Operand, MR: number, to: number, begin: number, end: number): void {
  packPanels(machine, a, MR, a.vectors, to, begin, end);
}

function packPanels(machine: Machine, x: Operand, R: number, padded: number, to: number, begin: number, end: number): void {
  for (let k = 0; k < x.K; k += BLOCK) {
    const kc = Math.min(BLOCK, x.K - k);
    for (let panel = begin; panel < end; panel++) {
      const first = panel * R;
      const width = Math.min(R, padded - first);
      packPanel(machine, x, first, k, kc, Math.min(width, x.vectors - first), width, to + 8 * (k * padded + first * kc));
    }
  }
}

/** One panel of one block: `present` vectors from `first` on, in lines of `width`. */
function packPanel({ kernels }: Machine, x: Operand, first: number, k: number, kc: number, present: number, width: number, to: number): void {
  const from = x.from + first * x.vectorStride + k * x.kStride;
  let v = 0;
  if (x.kStride === 8) {
    for (; v + 4 <= present; v += 4) kernels.pack64_transpose(from + v * x.vectorStride, x.vectorStride, kc, to + 8 * v, 8 * width);
  } else if (x.vectorStride === 8 && present === NR && width === NR) {
    kernels.pack64_lines(from, x.kStride, kc, to);
    v = NR;
  }
  for (; v < present; v++) kernels.pack64_copy(from + v * x.vectorStride, x.kStride, kc, to + 8 * v, 8 * width);
  for (; v < width; v++) kernels.pack64_fill(to + 8 * v, 8 * width, kc);
}

/**
 * Elements [element, element + count) of a packed operand as float64.
 * @param room 8·count bytes, and 64 more
 * @returns where they lie: in the operand itself, or in the room
 */
export function widened({ kernels }: Machine, packed: number, form: PackedForm, element: number, count: number, room: number): number {
  const from = packed + BYTES[form] * element;
  if (form === 'f64') return from;
  if (form === 'f32') {
    kernels.promote(from, room, count);
  } else {
    // First to float32 in the upper half of the room: promote never writes what it has yet to read.
    kernels.widen(from, room + 4 * count, count);
    kernels.promote(room + 4 * count, room, count);
  }
  return room;
}

/**
 * One block of k of C (M, panels·8) = A·B, tile by tile; `a` and `b` at the block, A in panels of MR rows from a whole panel on.
 * @param columns of each panel that are wanted: all 8, or the first 4
 */
export function gemmBlock64({ kernels }: Machine, MR: number, a: number, M: number, b: number, panels: number, c: number, ldc: number, kc: number, first: boolean, columns = NR): void {
  const whole = Math.floor(M / MR);
  const bStride = 8 * NR * kc;
  const halves = columns / HALF;
  if (whole > 0) kernels[`gemm64_${MR}x${NR}`](a, whole, 8 * MR * kc, b, panels, bStride, c, ldc, kc, first ? 1 : 0, halves);
  const rest = M - whole * MR;
  if (rest > 0) {
    kernels[`gemm64_${rest}x${NR}`](a + 8 * whole * MR * kc, 1, 0, b, panels, bStride, c + whole * MR * ldc, ldc, kc, first ? 1 : 0, halves);
  }
}
