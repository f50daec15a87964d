// Which tile the products are computed with. What is best depends on the engine's compiler, the bits never do.
//
// Measured, GFLOP/s of one core on 260 x 1024 x 4096 (AMD EPYC, Zen 4; 2026-11):
//
//     rows x columns, k unrolled    Node 20    Node 22    Node 24    Node 26
//     4 x 8, 1                         41.8       42.1       44.9       42.5
//     5 x 8, 8                         21.6       20.9       48.5       47.1
//
// V8 up to 12 keeps eight sums in registers, and no more; from 13 on ten, if the loop is unrolled so far that V8 does
// not unroll it itself.

export interface Tile {
  /** Rows. */
  readonly MR: number;
  /** Steps of k between two looks at the counter. A power of two. */
  readonly unroll: number;
}

/** Float16Array came with V8 13, whose compiler takes the larger tile. */
const NEW_COMPILER = typeof (globalThis as { Float16Array?: unknown }).Float16Array === 'function';

export const TILE: Tile = NEW_COMPILER ? { MR: 5, unroll: 8 } : { MR: 4, unroll: 1 };
