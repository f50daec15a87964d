// expCore in SIMD: two exponentials at a time, step for step the binary64 arithmetic of exp-core.ts, on inputs from
// -700 to 700 and NaN. In that range 2^(k div 64) is a normal number, so that one exact product with it is what the
// plain code's two are.

import {
  f64x2, get, i32, i32x4, i64x2, set, v128, type Code, type FunctionBuilder, type Local,
} from '../wasm/assembler.ts';
import { firsts, seconds } from '../wasm/lanes.ts';
import { INV, LHI, LLO, MAGIC } from './exp-core.ts';
import { EXACT } from './tables.simd.ts';

export interface ExpCore {
  /** Sets e to the exponentials of the two lanes of x; x and e may be the same local. */
  (x: Local, e: Local): Code;
}

/** @param tables address of the tables (tables.simd.ts) */
export function expCore(f: FunctionBuilder, tables: Local): ExpCore {
  const [k, r, p, pair0, pair1, th] = f.locals('v128', 6);
  const c = f64x2.const;
  const pairOf = (lane: number): Code => // the low word of x·INV + MAGIC is k
    v128.load(i32.add(get(tables), i32.shl(i32.and(i32x4.extract_lane(get(k), lane), i32.const(63)), i32.const(4))),
      EXACT);
  return (x, e) => [
    // [1] reduce
    set(k, f64x2.add(f64x2.mul(get(x), c(INV)), c(MAGIC))),
    set(p, f64x2.sub(get(k), c(MAGIC))),
    set(r, f64x2.sub(f64x2.sub(get(x), f64x2.mul(get(p), c(LHI))), f64x2.mul(get(p), c(LLO)))),
    // [2] eʳ - 1
    set(p, f64x2.add(c(1 / 24), f64x2.mul(get(r), f64x2.add(c(1 / 120), f64x2.div(get(r), c(720)))))),
    set(p, f64x2.add(c(1 / 2), f64x2.mul(get(r), f64x2.add(c(1 / 6), f64x2.mul(get(r), get(p)))))),
    set(p, f64x2.add(get(r), f64x2.mul(f64x2.mul(get(r), get(r)), get(p)))),
    // [3] 2^(j/64)·eʳ
    set(pair0, pairOf(0)),
    set(pair1, pairOf(2)),
    set(th, firsts(get(pair0), get(pair1))),
    set(p, f64x2.add(get(th), f64x2.add(seconds(get(pair0), get(pair1)), f64x2.mul(get(th), get(p))))),
    // [4] times 2^(k div 64)
    // Its bits are (k div 64 + 1023)·2^52
    set(k, i64x2.add(v128.and(i64x2.shl(get(k), i32.const(46)), i64x2.const(-(1n << 52n))), i64x2.const(1023n << 52n))),
    set(e, f64x2.mul(get(p), get(k))),
  ];
}
