// Kernels that docs/kernel-tour.md passes on its way to src/ops/dot-products.simd.ts: slower forms of the same product,
// and tiles that lost.
// All of them round as the contract says.

import {
  advance,
  f32,
  f32x4,
  FunctionBuilder,
  get,
  i32,
  loopWhile,
  repeat,
  set,
  tee,
  v128,
  when,
  type Code,
} from '../src/wasm/assembler.ts';

/** Where a tile finds its operands: bytes from row to row of A, from column to column of B, and from k to k in both. */
export interface Layout {
  a: { row: number; k: number };
  b: { column: number; k: number };
}

/** A (M,K) and B (O,K) as a linear layer has them. */
export const asLaid = (K: number): Layout => ({ a: { row: 4 * K, k: 4 }, b: { column: 4 * K, k: 4 } });

/** A (M,K) as it is, B transposed to (K,O). */
export const transposed = (K: number, O: number): Layout => ({ a: { row: 4 * K, k: 4 }, b: { column: 4, k: 4 * O } });

/** Both in panels as wide as the tile. */
export const packed = (MR: number, NR: number): Layout => ({ a: { row: 4, k: 4 * MR }, b: { column: 4, k: 4 * NR } });

/** loops_1x1(a, b, c, M, O, K, block): the three loops of dot32 with f32 numbers; K a multiple of the block. */
export function threeLoops(): FunctionBuilder {
  const f = new FunctionBuilder('loops_1x1');
  const [a, b, c, M, O, K, block] = Array.from({ length: 7 }, () => f.param('i32'));
  const [m, o, n, k, ak, bk] = f.locals('i32', 6);
  const [acc, s] = f.locals('f32', 2);
  f.emit(
    repeat(m, get(M), [
      set(bk, get(b)),
      repeat(o, get(O), [
        set(ak, get(a)),
        set(acc, f32.const(0)),
        set(n, get(K)),
        loopWhile(
          [
            set(s, f32.const(0)),
            repeat(k, get(block), [
              set(s, f32.add(get(s), f32.mul(f32.load(get(ak)), f32.load(get(bk))))),
              advance(ak, 4),
              advance(bk, 4),
            ]),
            set(acc, f32.add(get(acc), get(s))),
          ],
          tee(n, i32.sub(get(n), get(block))),
        ),
        f32.store(get(c), get(acc)),
        advance(c, 4),
      ]),
      advance(a, i32.shl(get(K), i32.const(2))),
    ]),
  );
  return f;
}

/**
 * name(a, aTiles, aStride, b, bTiles, bStride, c, ldc, kc, first): what gemm_MRx8 does, for any tile and layout;
 * strides from tile to tile.
 * @param unroll steps of k between two looks at the counter; kc must be a multiple
 */
export function tileKernel(
  name: string,
  MR: number,
  NR: number,
  { a: inA, b: inB }: Layout,
  unroll = 1,
): FunctionBuilder {
  const f = new FunctionBuilder(name);
  const [a, aTiles, aStride, b, bTiles, bStride, c, ldc, kc, first] = Array.from({ length: 10 }, () => f.param('i32'));
  const [i, j, k, ak, bk, ai, ci, row] = f.locals('i32', 8);
  const s = Array.from({ length: MR }, () => f.locals('v128', NR / 4));
  const bv = f.locals('v128', NR / 4);
  const av = f.local('v128');
  // Columns side by side are one load, others one for each lane.
  const loadB = (x: number, at: number): Code =>
    inB.column === 4
      ? set(bv[x], v128.load(get(bk), at + 16 * x))
      : [
          set(bv[x], v128.load32_splat(get(bk), at + 4 * x * inB.column)),
          [1, 2, 3].map((lane) =>
            set(bv[x], v128.load32_lane(get(bk), get(bv[x]), at + (4 * x + lane) * inB.column, lane)),
          ),
        ];
  const store = (add: boolean): Code =>
    s.map((tile, r) => [
      tile.map((sum, x) =>
        v128.store(get(row), add ? f32x4.add(v128.load(get(row), 16 * x), get(sum)) : get(sum), 16 * x),
      ),
      r < MR - 1 ? advance(row, get(ldc)) : [],
    ]);
  f.emit(
    repeat(j, get(bTiles), [
      set(ai, get(a)),
      set(ci, get(c)),
      repeat(i, get(aTiles), [
        set(ak, get(ai)),
        set(bk, get(b)),
        s.flat().map((sum) => set(sum, f32x4.const(0))),
        set(k, i32.shr_u(get(kc), i32.const(31 - Math.clz32(unroll)))),
        loopWhile(
          [
            Array.from({ length: unroll }, (_, u) => [
              bv.map((_v, x) => loadB(x, u * inB.k)),
              s.map((tile, r) => [
                set(av, v128.load32_splat(get(ak), u * inA.k + r * inA.row)),
                tile.map((sum, x) => set(sum, f32x4.add(get(sum), f32x4.mul(get(av), get(bv[x]))))),
              ]),
            ]),
            advance(ak, unroll * inA.k),
            advance(bk, unroll * inB.k),
          ],
          tee(k, i32.sub(get(k), i32.const(1))),
        ),
        set(row, get(ci)),
        when(get(first), store(false), store(true)),
        advance(ai, get(aStride)),
        advance(ci, i32.mul(get(ldc), i32.const(MR))),
      ]),
      advance(b, get(bStride)),
      advance(c, 4 * NR),
    ]),
  );
  return f;
}
