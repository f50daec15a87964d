// Dot products on SIMD lanes in float64 mode: the twin of dot64 in dotProducts.ts, built as dotProducts.simd.ts is.
// Panels have the same 8 columns, so that packed float32 weights only have to be widened; a tile takes half of one,
// because a register holds two binary64 where it holds four binary32.
//
// The steps carry dot32's labels; where those say RN32, nothing is rounded here but to binary64.
//
// Names: gemm64_MRx8, pack64_TECHNIQUE. Every line of a panel is 64 bytes, a line of the cache.

import { NR } from './dot-products.simd.ts';
import type { Tile } from './tiles.simd.ts';
import {
  advance, f64, f64x2, FunctionBuilder, get, i32, i8x16, loopWhile, repeat, set, tee, v128, when, type Code,
  type Local,
} from '../wasm/assembler.ts';

/** Columns of a tile: half a panel. */
export const HALF = NR / 2;

const FIRSTS = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
const SECONDS = [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31];

/**
 * gemm64_MRx8(a, aPanels, aStride, b, bPanels, bStride, c, ldc, kc, first, halves): C tile by tile over one block of kc
 * k.
 *
 * Arguments as those of gemm_MRx8 (dotProducts.simd.ts), in bytes; `halves` is 2, or 1 where only the first four
 * columns of each panel are wanted.
 * @param unroll steps of k between two looks at the counter; each k still adds in its turn
 */
function gemm64Kernel(MR: number, unroll: number): FunctionBuilder {
  const f = new FunctionBuilder(`gemm64_${MR}x${NR}`);
  const [a, aPanels, aStride, b, bPanels, bStride, c, ldc, kc, first, halves] = Array.from({ length: 11 },
    () => f.param('i32'));
  const [i, j, k, h, ak, bk, bh, ai, ci, ch, row] = f.locals('i32', 11);
  const s = Array.from({ length: MR }, () => f.locals('v128', HALF / 2));
  const bv = f.locals('v128', HALF / 2);
  const av = f.local('v128');
  const rows = (each: (tile: Local[]) => Code): Code =>
    s.map((tile, r) => [each(tile), r < MR - 1 ? set(row, i32.add(get(row), get(ldc))) : []]);
  const line = (u: number): Code => [
    bv.map((v, x) => set(v, v128.load(get(bk), 8 * NR * u + 16 * x))),
    s.map((tile, r) => [
      set(av, v128.load64_splat(get(ak), 8 * (MR * u + r))),
      tile.map((sum, x) => set(sum, f64x2.add(get(sum), f64x2.mul(get(av), get(bv[x]))))),
    ]),
  ];
  /** Runs k times over `count` lines of the panels. */
  const lines = (count: number): Code => loopWhile(
    [Array.from({ length: count }, (_, u) => line(u)), advance(ak, 8 * MR * count), advance(bk, 8 * NR * count)],
    tee(k, i32.sub(get(k), i32.const(1))),
  );
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
        s.flat().map((sum) => set(sum, f64x2.const(0))),
        // [2] s = RN32(s + RN32(a·b)), k ascending in the block
        unroll === 1 ? [set(k, get(kc)), lines(1)] : [
          when(tee(k, i32.shr_u(get(kc), i32.const(Math.clz32(1) - Math.clz32(unroll)))), lines(unroll)),
          when(tee(k, i32.and(get(kc), i32.const(unroll - 1))), lines(1)),
        ],
        // [3] acc = RN32(acc + s)
        set(row, get(ch)),
        when(get(first),
          rows((tile) => tile.map((sum, x) => v128.store(get(row), get(sum), 16 * x))),
          rows((tile) => tile.map((sum, x) => v128.store(get(row), f64x2.add(v128.load(get(row), 16 * x), get(sum)),
            16 * x)))),
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
  const f = new FunctionBuilder('pack64_transpose');
  const [from, rowStride, count, to, toStride] = Array.from({ length: 5 }, () => f.param('i32'));
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

/** pack64_copy(from, fromStride, count, to, toStride): single elements, for what the others leave. */
function packCopy(): FunctionBuilder {
  const f = new FunctionBuilder('pack64_copy');
  const [from, fromStride, count, to, toStride] = Array.from({ length: 5 }, () => f.param('i32'));
  const n = f.local('i32');
  f.emit(repeat(n, get(count), [f64.store(get(to), f64.load(get(from))), advance(from, get(fromStride)),
    advance(to, get(toStride))]));
  return f;
}

/** pack64_fill(to, toStride, count): zeros, for the columns that a last panel lacks. */
function packFill(): FunctionBuilder {
  const f = new FunctionBuilder('pack64_fill');
  const [to, toStride, count] = Array.from({ length: 3 }, () => f.param('i32'));
  const n = f.local('i32');
  f.emit(repeat(n, get(count), [f64.store(get(to), f64.const(0)), advance(to, get(toStride))]));
  return f;
}

/**
 * pack64_lines(from, kStride, count, to): a panel of 8 columns from lines of which the columns lie one after the other.
 */
function packLines(): FunctionBuilder {
  const f = new FunctionBuilder('pack64_lines');
  const [from, kStride, count, to] = Array.from({ length: 4 }, () => f.param('i32'));
  const n = f.local('i32');
  f.emit(repeat(n, get(count), [
    [0, 16, 32, 48].map((at) => v128.store(get(to), v128.load(get(from), at), at)),
    advance(from, get(kStride)),
    advance(to, 8 * NR),
  ]));
  return f;
}

/** promote(from, to, count): binary32 to binary64, exactly. Reads up to 12 bytes and writes up to 24 past the end. */
function promote(): FunctionBuilder {
  const f = new FunctionBuilder('promote');
  const [from, to, count] = Array.from({ length: 3 }, () => f.param('i32'));
  const n = f.local('i32');
  f.emit(repeat(n, i32.shr_u(i32.add(get(count), i32.const(3)), i32.const(2)), [
    // In pairs, each read before the next is written: `from` may be the upper half of the room at `to`.
    [0, 1].map((x) => v128.store(get(to), f64x2.promote_low_f32x4(v128.load64_zero(get(from), 8 * x)), 16 * x)),
    advance(from, 16),
    advance(to, 32),
  ]));
  return f;
}

export function dotProducts64Kernels({ MR, unroll }: Tile): FunctionBuilder[] {
  return [...Array.from({ length: MR }, (_, i) => gemm64Kernel(i + 1, unroll)), packTranspose(), packCopy(), packFill(),
    packLines(), promote()];
}
