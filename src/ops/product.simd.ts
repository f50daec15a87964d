// Products of packed operands (packing.simd.ts), tile by tile, in float32 or float64 mode. Addresses and strides in
// bytes.

import { BLOCK, type Summation } from './dot-products.ts';
import { gemm, NR } from './dot-products.simd.ts';
import { roundElements } from './round.simd.ts';
import type { Machine } from '../wasm/machine.ts';
import type { Width } from '../wasm/mode.ts';

/** One block of k of C (M, panels·8) = A·B. */
export interface ProductBlock {
  /** Rows of a panel of A. */
  MR: number;
  /** Address of A at the block, from a whole panel on, and its rows. */
  a: number;
  M: number;
  /** Address of B at the block, and its panels. */
  b: number;
  panels: number;
  /** Address of C, and the bytes from one of its rows to the next. */
  c: number;
  ldc: number;
  /** Lines of the block. */
  kc: number;
  /** Whether this is the first block of k, which overwrites C. */
  first: boolean;
  /** Columns of each panel that are wanted: all 8 (the default), or the first 4. */
  columns?: number;
  /** Another order of summation than the contract's (float32 mode only). */
  summation?: Summation | null;
}

/** Computes one block of k, tile by tile; in float32 or float64 mode by the bytes of an element. */
export function gemmBlock({ kernels }: Pick<Machine, 'kernels'>, bytes: Width, block: ProductBlock): void {
  const { MR, a, M, b, panels, c, ldc, kc, first, columns = NR, summation = null } = block;
  const chunk = summation?.chunk ?? kc;
  const total = summation?.total ?? null;
  const whole = Math.floor(M / MR);
  const rest = M - whole * MR;
  const rows = { aPanels: whole, aStride: bytes * MR * kc, bPanels: panels, bStride: bytes * NR * kc, ldc };
  // In chunks of the block's k, after each of which the running totals in C are rounded; the contract: in one.
  for (let k = 0; k < kc; k += chunk) {
    const lines = { b: b + bytes * NR * k, kc: Math.min(chunk, kc - k), first: first && k === 0 };
    if (whole > 0) gemm(kernels, bytes, MR, columns, { ...rows, ...lines, a: a + bytes * MR * k, c });
    if (rest > 0) {
      const last = { a: a + bytes * (whole * MR * kc + rest * k), aPanels: 1, aStride: 0, c: c + whole * MR * ldc };
      gemm(kernels, bytes, rest, columns, { ...rows, ...lines, ...last });
    }
    if (total === null) continue;
    for (let row = 0; row < M; row++)
      roundElements(kernels, total, c + row * ldc, c + row * ldc, columns === NR ? panels * NR : columns);
  }
}

/** C (M, panels·8) = A·B for whole packed operands, over all their K. */
export function gemmPacked(
  machine: Pick<Machine, 'kernels'>, bytes: Width,
  { K, a, b, ...block }: Omit<ProductBlock, 'kc' | 'first' | 'columns'> & { K: number },
): void {
  for (let k = 0; k < K; k += BLOCK) {
    const at = { a: a + bytes * k * block.M, b: b + bytes * NR * k * block.panels };
    gemmBlock(machine, bytes, { ...block, ...at, kc: Math.min(BLOCK, K - k), first: k === 0 });
  }
}
