// Dot products on SIMD lanes: the twin of dot-products.ts. Lanes are distinct outputs; k is never split.
//
// A product (M,K) x (K,O) is computed in tiles of MR rows by NR = 8 columns whose sums stay in registers for a block of
// 128 k. Operands are packed so that a tile reads them one after the other: A in panels of MR rows, element (k, row) at
// k·MR + row; B in panels of 8 columns, (k, column) at k·8 + column. The tile's sums s are added to C after each block,
// which is the contract's acc = RN32(acc + s).
//
// Names: gemm_MRx8 and gemm_MRx4, pack_TECHNIQUE. docs/kernel-tour.md derives these kernels from three loops.

import type { Tile } from './tiles.simd.ts';
import {
  advance, FunctionBuilder, get, i32, i8x16, loopWhile, repeat, set, tee, v128, when, type Code, type Local,
} from '../wasm/assembler.ts';
import { paramsOf } from '../wasm/lanes.ts';
import type { Kernels } from '../wasm/machine.ts';
import { SINGLE, type Mode, type Width } from '../wasm/mode.ts';

/** Columns of a panel of B, and of the largest tile in float32 mode. */
export const NR = 8;

/** The locals that a tile uses and its kernel sets: addresses of its panels, lines left, a row of C. */
interface TileLocals {
  ak: Local;
  bk: Local;
  k: Local;
  row: Local;
}

/**
 * Code for one tile: MR rows by `columns` columns over kc lines of the panels at ak and bk, then stored at c or added
 * to what is there.
 * @param unroll steps of k between two looks at the counter; each k still adds in its turn
 */
export function tileCode(
  f: FunctionBuilder, { bytes, vector, splat }: Mode, MR: number, unroll: number, columns: number,
  { ak, bk, k, row }: TileLocals,
): (c: Local, ldc: Local, kc: Local, first: Local) => Code {
  const vectors = (columns * bytes) / 16;
  const s = Array.from({ length: MR }, () => f.locals('v128', vectors));
  const bv = f.locals('v128', vectors);
  const av = f.local('v128');
  const line = (u: number): Code => [
    bv.map((v, x) => set(v, v128.load(get(bk), bytes * NR * u + 16 * x))),
    s.map((tile, r) => [
      set(av, splat(get(ak), bytes * (MR * u + r))),
      tile.map((sum, x) => set(sum, vector.add(get(sum), vector.mul(get(av), get(bv[x]))))),
    ]),
  ];
  /** Runs k times over `count` lines of the panels. */
  const lines = (count: number): Code => loopWhile(
    [
      Array.from({ length: count }, (_, u) => line(u)),
      advance(ak, bytes * MR * count),
      advance(bk, bytes * NR * count),
    ],
    tee(k, i32.sub(get(k), i32.const(1))),
  );
  return (c, ldc, kc, first) => {
    const rows = (each: (tile: Local[]) => Code): Code =>
      s.map((tile, r) => [each(tile), r < MR - 1 ? set(row, i32.add(get(row), get(ldc))) : []]);
    const added = (sum: Local, x: number): Code => vector.add(v128.load(get(row), 16 * x), get(sum));
    return [
      // [1] s = +0
      s.flat().map((sum) => set(sum, vector.const(0))),
      // [2] s = RN32(s + RN32(a·b)), k ascending in the block
      unroll === 1 ? [set(k, get(kc)), lines(1)] : [
        when(tee(k, i32.shr_u(get(kc), i32.const(Math.clz32(1) - Math.clz32(unroll)))), lines(unroll)),
        when(tee(k, i32.and(get(kc), i32.const(unroll - 1))), lines(1)),
      ],
      // [3] acc = RN32(acc + s)
      set(row, get(c)),
      when(get(first),
        rows((tile) => tile.map((sum, x) => v128.store(get(row), get(sum), 16 * x))),
        rows((tile) => tile.map((sum, x) => v128.store(get(row), added(sum, x), 16 * x)))),
    ];
  };
}

/**
 * gemm_MRx8(a, aPanels, aStride, b, bPanels, bStride, c, ldc, kc, first): C tile by tile over one block of kc k; see
 * Gemm for the arguments.
 * @param unroll steps of k between two looks at the counter
 * @param columns 8, or 4: the first half of each panel only, for a last panel whose other half is never read
 */
function gemmKernel(MR: number, unroll: number, columns = NR): FunctionBuilder {
  const f = new FunctionBuilder(`gemm_${MR}x${columns}`);
  const [a, aPanels, aStride, b, bPanels, bStride, c, ldc, kc, first] = paramsOf(f, 'i32', 10);
  const [i, j, k, ak, bk, ai, ci, row] = f.locals('i32', 8);
  const tile = tileCode(f, SINGLE, MR, unroll, columns, { ak, bk, k, row });
  f.emit(repeat(j, get(bPanels), [
    set(ai, get(a)),
    set(ci, get(c)),
    repeat(i, get(aPanels), [
      set(ak, get(ai)),
      set(bk, get(b)),
      tile(ci, ldc, kc, first),
      advance(ai, get(aStride)),
      advance(ci, i32.mul(get(ldc), i32.const(MR))),
    ]),
    advance(b, get(bStride)),
    advance(c, 4 * NR),
  ]));
  return f;
}

/** Arguments of a gemm kernel: panels of A times panels of B, over one block of k. */
export interface Gemm {
  /** Address of the first panel of A, their number, and the bytes from one to the next. */
  a: number;
  aPanels: number;
  aStride: number;
  /** The same of B. */
  b: number;
  bPanels: number;
  bStride: number;
  /** Address of C's first row, and the bytes from one row to the next. */
  c: number;
  ldc: number;
  /** Lines of a panel. */
  kc: number;
  /**
   * Whether C is overwritten instead of added to: in the first block acc = +0 + s is s, because s is never -0.
   */
  first: boolean;
}

/**
 * Runs the gemm kernel of a width for panels of `rows` rows.
 * @param columns of each panel of B: all 8, or the first 4
 */
export function gemm(kernels: Kernels, bytes: Width, rows: number, columns: number, x: Gemm): void {
  const first = x.first ? 1 : 0;
  if (bytes === 4) {
    const kernel = kernels[`gemm_${rows}x${columns}`];
    kernel(x.a, x.aPanels, x.aStride, x.b, x.bPanels, x.bStride, x.c, x.ldc, x.kc, first);
  } else {
    const halves = (2 * columns) / NR;
    const kernel = kernels[`gemm64_${rows}x${NR}`];
    kernel(x.a, x.aPanels, x.aStride, x.b, x.bPanels, x.bStride, x.c, x.ldc, x.kc, first, halves);
  }
}

/** The name of a packing kernel: pack_TECHNIQUE, pack64_TECHNIQUE. */
export const packName = ({ bytes }: Mode, technique: string): string => `pack${bytes === 4 ? '' : '64'}_${technique}`;

/**
 * pack_transpose(from, rowStride, count, to, toStride): four rows that are rowStride bytes apart become columns:
 * element (k, r) goes to to + k·toStride + 4·r. Elements of a row are adjacent.
 */
function packTranspose(): FunctionBuilder {
  const f = new FunctionBuilder('pack_transpose');
  const [from, rowStride, count, to, toStride] = paramsOf(f, 'i32', 5);
  const n = f.local('i32');
  const r = f.locals('i32', 4);
  const v = f.locals('v128', 4);
  const t = f.locals('v128', 4);
  const words = (...w: number[]): number[] => w.flatMap((word) => [4 * word, 4 * word + 1, 4 * word + 2, 4 * word + 3]);
  const halves = [words(0, 1, 4, 5), words(2, 3, 6, 7)];
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
        v128.store(get(to), i8x16.shuffle(get(t[pair]), get(t[pair + 1]), halves[half])),
        advance(to, get(toStride)),
      ]),
      r.map((x) => advance(x, 16)),
    ]),
    repeat(n, i32.and(get(count), i32.const(3)), [
      r.map((x, y) => SINGLE.scalar.store(get(to), SINGLE.scalar.load(get(x)), 4 * y)),
      r.map((x) => advance(x, 4)),
      advance(to, get(toStride)),
    ]),
  );
  return f;
}

/** pack_copy(from, fromStride, count, to, toStride): single elements, for what the other techniques leave. */
export function packCopy(mode: Mode): FunctionBuilder {
  const { scalar } = mode;
  const f = new FunctionBuilder(packName(mode, 'copy'));
  const [from, fromStride, count, to, toStride] = paramsOf(f, 'i32', 5);
  const n = f.local('i32');
  f.emit(repeat(n, get(count), [
    scalar.store(get(to), scalar.load(get(from))),
    advance(from, get(fromStride)),
    advance(to, get(toStride)),
  ]));
  return f;
}

/** pack_fill(to, toStride, count): zeros, for the columns that a last panel lacks. */
export function packFill(mode: Mode): FunctionBuilder {
  const { scalar } = mode;
  const f = new FunctionBuilder(packName(mode, 'fill'));
  const [to, toStride, count] = paramsOf(f, 'i32', 3);
  const n = f.local('i32');
  f.emit(repeat(n, get(count), [scalar.store(get(to), scalar.const(0)), advance(to, get(toStride))]));
  return f;
}

/** Byte offsets of the vectors in a line of a panel of B. */
export const lineOffsets = ({ bytes }: Mode): number[] =>
  Array.from({ length: (NR * bytes) / 16 }, (_, x) => 16 * x);

/** pack_lines(from, kStride, count, to): a panel of 8 columns from lines whose columns are adjacent. */
export function packLines(mode: Mode): FunctionBuilder {
  const f = new FunctionBuilder(packName(mode, 'lines'));
  const [from, kStride, count, to] = paramsOf(f, 'i32', 4);
  const n = f.local('i32');
  f.emit(repeat(n, get(count), [
    lineOffsets(mode).map((at) => v128.store(get(to), v128.load(get(from), at), at)),
    advance(from, get(kStride)),
    advance(to, mode.bytes * NR),
  ]));
  return f;
}

export function dotProductsKernels({ MR, unroll }: Tile): FunctionBuilder[] {
  const tiles = [NR, NR / 2].flatMap((columns) =>
    Array.from({ length: MR }, (_, i) => gemmKernel(i + 1, unroll, columns)));
  return [...tiles, packTranspose(), packCopy(SINGLE), packFill(SINGLE), packLines(SINGLE)];
}
