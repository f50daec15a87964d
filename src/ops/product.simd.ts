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

/**
 * Computes one block of k, tile by tile; in float32 or float64 mode by the bytes of an element. Arguments are written
 * out here and where this is called: V8 copies spread objects so slowly that ViT-B/32 took 1.5 times as long.
 */
export function gemmBlock({ kernels }: Pick<Machine, 'kernels'>, bytes: Width, block: ProductBlock): void {
  const { MR, a, M, b, panels, c, ldc, kc, first, columns = NR, summation = null } = block;
  const chunk = summation?.chunk ?? kc;
  const total = summation?.total ?? null;
  const whole = Math.floor(M / MR);
  const rest = M - whole * MR;
  const [aStride, bStride] = [bytes * MR * kc, bytes * NR * kc];
  // In chunks of the block's k, after each of which the running totals in C are rounded; the contract: in one.
  for (let k = 0; k < kc; k += chunk) {
    const fromB = b + bytes * NR * k;
    const lines = Math.min(chunk, kc - k);
    const overwrite = first && k === 0;
    if (whole > 0) {
      gemm(kernels, bytes, MR, columns, {
        a: a + bytes * MR * k, aPanels: whole, aStride, b: fromB, bPanels: panels, bStride, c, ldc, kc: lines,
        first: overwrite,
      });
    }
    if (rest > 0) {
      gemm(kernels, bytes, rest, columns, {
        a: a + bytes * (whole * MR * kc + rest * k), aPanels: 1, aStride: 0, b: fromB, bPanels: panels, bStride,
        c: c + whole * MR * ldc, ldc, kc: lines, first: overwrite,
      });
    }
    if (total === null) continue;
    for (let row = 0; row < M; row++)
      roundElements(kernels, total, c + row * ldc, c + row * ldc, columns === NR ? panels * NR : columns);
  }
}

/** C (M, panels·8) = A·B for whole packed operands, over all their K. */
export function gemmPacked(
  machine: Pick<Machine, 'kernels'>, bytes: Width,
  { K, MR, a, M, b, panels, c, ldc, summation }: Omit<ProductBlock, 'kc' | 'first' | 'columns'> & { K: number },
): void {
  for (let k = 0; k < K; k += BLOCK) {
    gemmBlock(machine, bytes, {
      MR, a: a + bytes * k * M, M, b: b + bytes * NR * k * panels, panels, c, ldc, kc: Math.min(BLOCK, K - k),
      first: k === 0, columns: NR, summation,
    });
  }
}
