// Dot products on SIMD lanes: the twin of dotProducts.ts. Lanes are distinct outputs; k is never split.
//
// A product (M,K) x (K,O) is computed in tiles of MR rows by NR = 8 columns whose sums stay in registers for a block of
// 128 k. Operands are packed so that a tile reads them one after the other: A in panels of MR rows, element (k, row) at
// k·MR + row; B in panels of 8 columns, (k, column) at k·8 + column. The tile's sums s are added to C after each block,
// which is the contract's acc = RN32(acc + s).
//
// Names: gemm_MRx8 and gemm_MRx4, pack_TECHNIQUE. docs/kernel-tour.md takes the way from three loops to here.

import type { Tile } from './tiles.simd.ts';
import {
  advance, f32, f32x4, FunctionBuilder, get, i32, i8x16, loopWhile, repeat, set, tee, v128, when, type Code,
  type Local,
} from '../wasm/assembler.ts';

/** Columns of a tile. */
export const NR = 8;

/**
 * gemm_MRx8(a, aPanels, aStride, b, bPanels, bStride, c, ldc, kc, first): C tile by tile over one block of kc k.
 *
 * a, b, c are addresses; aStride and bStride the bytes from one panel to the next, ldc those from one row of C to the
 * next. C is overwritten in the first block (acc = +0 + s is s, because s is never -0) and added to in the others.
 * @param unroll steps of k between two looks at the counter; each k still adds in its turn
 * @param columns 8, or 4: the first half of each panel only, for a last panel whose other half nobody reads
 */
function gemmKernel(MR: number, unroll: number, columns = NR): FunctionBuilder {
  const f = new FunctionBuilder(`gemm_${MR}x${columns}`);
  const [a, aPanels, aStride, b, bPanels, bStride, c, ldc, kc, first] = Array.from({ length: 10 },
    () => f.param('i32'));
  const [i, j, k, ak, bk, ai, ci, row] = f.locals('i32', 8);
  const s = Array.from({ length: MR }, () => f.locals('v128', columns / 4));
  const bv = f.locals('v128', columns / 4);
  const av = f.local('v128');
  const rows = (each: (tile: Local[]) => Code): Code =>
    s.map((tile, r) => [each(tile), r < MR - 1 ? set(row, i32.add(get(row), get(ldc))) : []]);
  const line = (u: number): Code => [
    bv.map((v, x) => set(v, v128.load(get(bk), 4 * NR * u + 16 * x))),
    s.map((tile, r) => [
      set(av, v128.load32_splat(get(ak), 4 * (MR * u + r))),
      tile.map((sum, x) => set(sum, f32x4.add(get(sum), f32x4.mul(get(av), get(bv[x]))))),
    ]),
  ];
  /** Runs k times over `count` lines of the panels. */
  const lines = (count: number): Code => loopWhile(
    [Array.from({ length: count }, (_, u) => line(u)), advance(ak, 4 * MR * count), advance(bk, 4 * NR * count)],
    tee(k, i32.sub(get(k), i32.const(1))),
  );
  f.emit(repeat(j, get(bPanels), [
    set(ai, get(a)),
    set(ci, get(c)),
    repeat(i, get(aPanels), [
      set(ak, get(ai)),
      set(bk, get(b)),
      // [1] s = +0
      s.flat().map((sum) => set(sum, f32x4.const(0))),
      // [2] s = RN32(s + RN32(a·b)), k ascending in the block
      unroll === 1 ? [set(k, get(kc)), lines(1)] : [
        when(tee(k, i32.shr_u(get(kc), i32.const(Math.clz32(1) - Math.clz32(unroll)))), lines(unroll)),
        when(tee(k, i32.and(get(kc), i32.const(unroll - 1))), lines(1)),
      ],
      // [3] acc = RN32(acc + s)
      set(row, get(ci)),
      when(get(first),
        rows((tile) => tile.map((sum, x) => v128.store(get(row), get(sum), 16 * x))),
        rows((tile) => tile.map((sum, x) =>
          v128.store(get(row), f32x4.add(v128.load(get(row), 16 * x), get(sum)), 16 * x)))),
      advance(ai, get(aStride)),
      advance(ci, i32.mul(get(ldc), i32.const(MR))),
    ]),
    advance(b, get(bStride)),
    advance(c, 4 * NR),
  ]));
  return f;
}

/**
 * pack_transpose(from, rowStride, count, to, toStride): four rows that lie rowStride bytes apart become columns:
 * element (k, r) goes to to + k·toStride + 4·r. Elements of a row lie one after the other.
 */
function packTranspose(): FunctionBuilder {
  const f = new FunctionBuilder('pack_transpose');
  const [from, rowStride, count, to, toStride] = Array.from({ length: 5 }, () => f.param('i32'));
  const n = f.local('i32');
  const r = f.locals('i32', 4);
  const v = f.locals('v128', 4);
  const t = f.locals('v128', 4);
  const words = (...w: number[]): number[] => w.flatMap((word) => [4 * word, 4 * word + 1, 4 * word + 2, 4 * word + 3]);
  f.emit(
    set(r[0], get(from)),
    [1, 2, 3].map((x) => set(r[x], i32.add(get(r[x - 1]), get(rowStride)))),
    repeat(n, i32.shr_u(get(count), i32.const(2)), [
      v.map((x, y) => set(x, v128.load(get(r[y])))),
      set(t[0], i8x16.shuffle(get(v[0]), get(v[1]), words(0, 4, 1, 5))),
      set(t[1], i8x16.shuffle(get(v[2]), get(v[3]), words(0, 4, 1, 5))),
      set(t[2], i8x16.shuffle(get(v[0]), get(v[1]), words(2, 6, 3, 7))),
      set(t[3], i8x16.shuffle(get(v[2]), get(v[3]), words(2, 6, 3, 7))),
      [[0, 0], [0, 1], [2, 0], [2, 1]].map(([pair, half]) => [
        v128.store(get(to), i8x16.shuffle(get(t[pair]), get(t[pair + 1]),
          half === 0 ? words(0, 1, 4, 5) : words(2, 3, 6, 7))),
        advance(to, get(toStride)),
      ]),
      r.map((x) => advance(x, 16)),
    ]),
    repeat(n, i32.and(get(count), i32.const(3)), [
      r.map((x, y) => f32.store(get(to), f32.load(get(x)), 4 * y)),
      r.map((x) => advance(x, 4)),
      advance(to, get(toStride)),
    ]),
  );
  return f;
}

/** pack_copy(from, fromStride, count, to, toStride): single elements, for what the others leave. */
function packCopy(): FunctionBuilder {
  const f = new FunctionBuilder('pack_copy');
  const [from, fromStride, count, to, toStride] = Array.from({ length: 5 }, () => f.param('i32'));
  const n = f.local('i32');
  f.emit(repeat(n, get(count), [f32.store(get(to), f32.load(get(from))), advance(from, get(fromStride)),
    advance(to, get(toStride))]));
  return f;
}

/** pack_fill(to, toStride, count): zeros, for the columns that a last panel lacks. */
function packFill(): FunctionBuilder {
  const f = new FunctionBuilder('pack_fill');
  const [to, toStride, count] = Array.from({ length: 3 }, () => f.param('i32'));
  const n = f.local('i32');
  f.emit(repeat(n, get(count), [f32.store(get(to), f32.const(0)), advance(to, get(toStride))]));
  return f;
}

/**
 * pack_lines(from, kStride, count, to): a panel of 8 columns from lines of which the columns lie one after the other.
 */
function packLines(): FunctionBuilder {
  const f = new FunctionBuilder('pack_lines');
  const [from, kStride, count, to] = Array.from({ length: 4 }, () => f.param('i32'));
  const n = f.local('i32');
  f.emit(repeat(n, get(count), [
    v128.store(get(to), v128.load(get(from))),
    v128.store(get(to), v128.load(get(from), 16), 16),
    advance(from, get(kStride)),
    advance(to, 4 * NR),
  ]));
  return f;
}

export function dotProductsKernels({ MR, unroll }: Tile): FunctionBuilder[] {
  return [...[NR, NR / 2].flatMap((columns) => Array.from({ length: MR },
    (_, i) => gemmKernel(i + 1, unroll, columns))), packTranspose(), packCopy(), packFill(), packLines()];
}
