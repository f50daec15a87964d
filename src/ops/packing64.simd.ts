// Products of packed operands in float64 mode. Weights are packed once for both modes, in float32 or in half precision,
// and widened block by block on the way into a product: no second copy of them is ever made.

import { NR } from './dot-products.simd.ts';
import { HALF } from './dot-products64.simd.ts';
import type { Machine } from '../wasm/machine.ts';

/** How a packed operand lies in memory. */
export type PackedForm = 'f64' | 'f32' | 'f16';

const BYTES: Record<PackedForm, number> = { f64: 8, f32: 4, f16: 2 };

/**
 * Elements [element, element + count) of a packed operand as float64.
 * @param room 8·count bytes, and 64 more
 * @returns where they lie: in the operand itself, or in the room
 */
export function widened({ kernels }: Machine, packed: number, form: PackedForm, element: number, count: number,
  room: number): number {
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
 * One block of k of C (M, panels·8) = A·B, tile by tile; `a` and `b` at the block, A in panels of MR rows from a whole
 * panel on.
 * @param columns of each panel that are wanted: all 8, or the first 4
 */
export function gemmBlock64({ kernels }: Machine, MR: number, a: number, M: number, b: number, panels: number,
  c: number, ldc: number, kc: number, first: boolean, columns = NR): void {
  const whole = Math.floor(M / MR);
  const bStride = 8 * NR * kc;
  const halves = columns / HALF;
  if (whole > 0) kernels[`gemm64_${MR}x${NR}`](a, whole, 8 * MR * kc, b, panels, bStride, c, ldc, kc, first ? 1 : 0,
    halves);
  const rest = M - whole * MR;
  if (rest > 0) {
    kernels[`gemm64_${rest}x${NR}`](a + 8 * whole * MR * kc, 1, 0, b, panels, bStride, c + whole * MR * ldc, ldc, kc,
      first ? 1 : 0, halves);
  }
}
