// Dot products on SIMD lanes in float64 mode: the twin of dot64 in dot-products.ts, built as dot-products.simd.ts is.
// Panels have the same 8 columns, so that packed float32 weights only have to be widened; a tile takes half of one,
// because a register holds two binary64 where it holds four binary32: one more loop than in float32 mode. The tile
// itself is that of dot-products.simd.ts, and so are the labels of its steps; where those say RN32, nothing is rounded
// here but to binary64.
//
// Names: gemm64_MRx8, pack64_TECHNIQUE. Every line of a panel is 64 bytes, a line of the cache.

import { NR, packCopy, packFill, packLines, packName, tileCode } from './dot-products.simd.ts';
import type { Tile } from './tiles.simd.ts';
import {
  advance, f64, f64x2, FunctionBuilder, get, i32, i8x16, repeat, set, v128, when,
} from '../wasm/assembler.ts';
import { paramsOf } from '../wasm/lanes.ts';
import type { Kernels } from '../wasm/machine.ts';
import { DOUBLE } from '../wasm/mode.ts';

/** Columns of a tile: half a panel. */
const HALF = NR / 2;

const FIRSTS = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
const SECONDS = [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31];

/**
 * gemm64_MRx8(a, aPanels, aStride, b, bPanels, bStride, c, ldc, kc, first, halves): C tile by tile over one block of kc
 * k.
 *
 * Arguments as those of gemm_MRx8 (dot-products.simd.ts), in bytes; `halves` is 2, or 1 where only the first four
 * columns of each panel are wanted.
 * @param unroll steps of k between two looks at the counter; each k still adds in its turn
 */
function gemm64Kernel(MR: number, unroll: number): FunctionBuilder {
  const f = new FunctionBuilder(`gemm64_${MR}x${NR}`);
  const [a, aPanels, aStride, b, bPanels, bStride, c, ldc, kc, first, halves] = paramsOf(f, 'i32', 11);
  const [i, j, k, h, ak, bk, bh, ai, ci, ch, row] = f.locals('i32', 11);
  const tile = tileCode(f, DOUBLE, MR, unroll, HALF, { ak, bk, k, row });
  f.emit(repeat(j, get(bPanels), [
    set(ai, get(a)),
    set(ci, get(c)),
    repeat(i, get(aPanels), [
      set(bh, get(b)),
      set(ch, get(ci)),
      repeat(h, get(halves), [
        set(ak, get(ai)),
        set(bk, get(bh)),
        // [1] s = +0
        // [2] s = RN32(s + RN32(a·b)), k ascending in the block
        // [3] acc = RN32(acc + s)
        tile(ch, ldc, kc, first),
        advance(bh, 8 * HALF),
        advance(ch, 8 * HALF),
      ]),
      advance(ai, get(aStride)),
      advance(ci, i32.mul(get(ldc), i32.const(MR))),
    ]),
    advance(b, get(bStride)),
    advance(c, 8 * NR),
  ]));
  return f;
}

/**
 * pack64_transpose(from, rowStride, count, to, toStride): four rows become columns: element (k, r) goes to to +
 * k·toStride + 8·r.
 */
function packTranspose(): FunctionBuilder {
  const f = new FunctionBuilder(packName(DOUBLE, 'transpose'));
  const [from, rowStride, count, to, toStride] = paramsOf(f, 'i32', 5);
  const n = f.local('i32');
  const r = f.locals('i32', 4);
  const v = f.locals('v128', 4);
  f.emit(
    set(r[0], get(from)),
    [1, 2, 3].map((x) => set(r[x], i32.add(get(r[x - 1]), get(rowStride)))),
    repeat(n, i32.shr_u(get(count), i32.const(1)), [
      v.map((x, y) => set(x, v128.load(get(r[y])))),
      [FIRSTS, SECONDS].map((halves) => [
        [0, 2].map((x) => v128.store(get(to), i8x16.shuffle(get(v[x]), get(v[x + 1]), halves), 8 * x)),
        advance(to, get(toStride)),
      ]),
      r.map((x) => advance(x, 16)),
    ]),
    when(i32.and(get(count), i32.const(1)), r.map((x, y) => f64.store(get(to), f64.load(get(x)), 8 * y))),
  );
  return f;
}

/** promote(from, to, count): binary32 to binary64, exactly. Reads up to 12 bytes and writes up to 24 past the end. */
function promoteKernel(): FunctionBuilder {
  const f = new FunctionBuilder('promote');
  const [from, to, count] = paramsOf(f, 'i32', 3);
  const n = f.local('i32');
  f.emit(repeat(n, i32.shr_u(i32.add(get(count), i32.const(3)), i32.const(2)), [
    // In pairs, each read before the next is written: `from` may be the upper half of the room at `to`.
    [0, 1].map((x) => v128.store(get(to), f64x2.promote_low_f32x4(v128.load64_zero(get(from), 8 * x)), 16 * x)),
    advance(from, 16),
    advance(to, 32),
  ]));
  return f;
}

/** Calls promote. */
export function promote(kernels: Kernels, from: number, to: number, count: number): void {
  kernels.promote(from, to, count);
}

export function dotProducts64Kernels({ MR, unroll }: Tile): FunctionBuilder[] {
  const tiles = Array.from({ length: MR }, (_, i) => gemm64Kernel(i + 1, unroll));
  return [...tiles, packTranspose(), packCopy(DOUBLE), packFill(DOUBLE), packLines(DOUBLE), promoteKernel()];
}
