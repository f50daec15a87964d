// Operands of a product, packed for the tiles of dotProducts.simd.ts and dotProducts64.simd.ts. Addresses and strides
// in bytes.
//
// Layout of a packed operand of R-wide panels: for each block of 128 k, for each panel: kc lines of R elements. A block
// of n vectors (rows of A, columns of B) takes n·kc elements, so block b begins at element 128·n·b and panel p of it at
// R·kc·p.

import { BLOCK, type Summation } from './dot-products.ts';
import { NR } from './dot-products.simd.ts';
import type { Machine } from '../wasm/machine.ts';

/** Bytes of an element: 4 in float32 mode, 8 in float64 mode. */
export type Width = 4 | 8;

/**
 * A matrix of vectors to be packed: rows of A, or columns of B. Element k of vector v is at from + v·vectorStride +
 * k·kStride.
 */
export interface Operand {
  from: number;
  vectorStride: number;
  kStride: number;
  vectors: number;
  K: number;
  /** Bytes of an element, packed and not: float32 or float64. */
  bytes: Width;
}

/** Columns of B are padded with zeros to whole panels. */
export const paddedColumns = (O: number): number => Math.ceil(O / NR) * NR;

/** Bytes of B, packed. */
export const packedColumnsBytes = (O: number, K: number, bytes: Width): number => bytes * paddedColumns(O) * K;

/** Packs panels [begin, end) of B: 8 columns each, the last one filled up with zeros. */
export function packColumns(machine: Machine, b: Operand, to: number, begin: number, end: number): void {
  packPanels(machine, b, NR, paddedColumns(b.vectors), to, begin, end);
}

/** Packs panels [begin, end) of A: MR rows each, the last one as narrow as it is. */
export function packRows(machine: Machine, a: Operand, MR: number, to: number, begin: number, end: number): void {
  packPanels(machine, a, MR, a.vectors, to, begin, end);
}

function packPanels(machine: Machine, x: Operand, R: number, padded: number, to: number, begin: number,
  end: number): void {
  for (let k = 0; k < x.K; k += BLOCK) {
    const kc = Math.min(BLOCK, x.K - k);
    for (let panel = begin; panel < end; panel++) {
      const first = panel * R;
      const width = Math.min(R, padded - first);
      packPanel(machine, x, first, k, kc, Math.min(width, x.vectors - first), width,
        to + x.bytes * (k * padded + first * kc));
    }
  }
}

const PACK = {
  4: { transpose: 'pack_transpose', lines: 'pack_lines', copy: 'pack_copy', fill: 'pack_fill' },
  8: { transpose: 'pack64_transpose', lines: 'pack64_lines', copy: 'pack64_copy', fill: 'pack64_fill' },
} as const;

/** One panel of one block: `present` vectors from `first` on, in lines of `width`. */
function packPanel({ kernels }: Machine, x: Operand, first: number, k: number, kc: number, present: number,
  width: number, to: number): void {
  const { bytes } = x;
  const pack = PACK[bytes];
  const from = x.from + first * x.vectorStride + k * x.kStride;
  let v = 0;
  if (x.kStride === bytes) {
    for (; v + 4 <= present; v += 4) kernels[pack.transpose](from + v * x.vectorStride, x.vectorStride, kc,
      to + bytes * v, bytes * width);
  } else if (x.vectorStride === bytes && present === NR && width === NR) {
    kernels[pack.lines](from, x.kStride, kc, to);
    v = NR;
  }
  for (; v < present; v++) kernels[pack.copy](from + v * x.vectorStride, x.kStride, kc, to + bytes * v, bytes * width);
  for (; v < width; v++) kernels[pack.fill](to + bytes * v, bytes * width, kc);
}

/**
 * One block of k of C (M, panels·8) = A·B, tile by tile; `a` and `b` at the block, A in panels of MR rows from a whole
 * panel on.
 * @param columns of each panel that are wanted: all 8, or the first 4
 * @param summation another way to sum than the contract's
 */
export function gemmBlock(machine: Machine, MR: number, a: number, M: number, b: number, panels: number, c: number,
  ldc: number, kc: number, first: boolean, columns = NR, summation: Summation | null = null): void {
  const { kernels } = machine;
  if (summation !== null) {
    gemmChunks(machine, MR, a, M, b, panels, c, ldc, kc, first, columns, summation);
    return;
  }
  const whole = Math.floor(M / MR);
  const bStride = 4 * NR * kc;
  if (whole > 0) kernels[`gemm_${MR}x${columns}`](a, whole, 4 * MR * kc, b, panels, bStride, c, ldc, kc, first ? 1 : 0);
  const rest = M - whole * MR;
  if (rest > 0) {
    kernels[`gemm_${rest}x${columns}`](a + 4 * whole * MR * kc, 1, 0, b, panels, bStride, c + whole * MR * ldc, ldc, kc,
      first ? 1 : 0);
  }
}

/** gemmBlock in chunks of the block's k, after each of which the running totals in C are rounded. */
function gemmChunks({ kernels }: Machine, MR: number, a: number, M: number, b: number, panels: number, c: number,
  ldc: number, kc: number, first: boolean,
  columns: number, { chunk, total }: Summation): void {
  const whole = Math.floor(M / MR);
  const rest = M - whole * MR;
  for (let k = 0; k < kc; k += chunk) {
    const lines = Math.min(chunk, kc - k);
    const overwrite = first && k === 0 ? 1 : 0;
    const bk = b + 4 * NR * k;
    if (whole > 0) kernels[`gemm_${MR}x${columns}`](a + 4 * MR * k, whole, 4 * MR * kc, bk, panels, 4 * NR * kc, c, ldc,
      lines, overwrite);
    if (rest > 0) kernels[`gemm_${rest}x${columns}`](a + 4 * (whole * MR * kc + rest * k), 1, 0, bk, panels,
      4 * NR * kc, c + whole * MR * ldc, ldc, lines, overwrite);
    if (total === null) continue;
    for (let row = 0; row < M; row++) kernels[`round_${total}`](c + row * ldc, c + row * ldc,
      columns === NR ? panels * NR : columns);
  }
}
