// erfCore32 in SIMD: two at a time, step for step the binary64 arithmetic of erf-core.ts. Both of its expansions are
// one loop over 13 coefficients of a row of the table (tables.simd.ts), chosen for each lane:
//     rows 0 and 1, |x| < 1/4: a polynomial in x², the tail of 2/√π its constant term; degrees 9 to 12 are 0, and
//                              0 + x²·0 changes nothing
//     rows 2 to 31: the Taylor expansion in |x| - (i + 1/2)/8
//     row 32, from 3.9375 on: 1 and zeros

import type { Constants } from '../wasm/lanes.ts';
import { ERF, ERF_COEFFICIENTS, HEAD } from './tables.simd.ts';
import { f64x2, get, i32, i32x4, set, v128, type Code, type FunctionBuilder, type Local } from '../wasm/assembler.ts';

const ONE_FROM = 3.9375;

/** Sets y to erf of the two binary64 of x, another local. NaN stays NaN. */
export function erfCore(f: FunctionBuilder, tables: Local, constants: Constants): (x: Local, y: Local) => Code {
  const [a, i, u, p, small] = f.locals('v128', 5);
  const [row0, row1] = f.locals('i32', 2);
  const [quarter, four, oneFrom, eight, half, eighth, sign] = [0.25, 4, ONE_FROM, 8, 0.5, 0.125,
    -0].map((value) => constants.f64(value));
  const rowOf = (lane: number): Code => i32.add(get(tables),
    i32.mul(i32x4.extract_lane(get(i), lane), i32.const(8 * ERF_COEFFICIENTS)));
  const coefficient = (n: number): Code => v128.load64_lane(get(row1), v128.load64_zero(get(row0), ERF + 8 * n),
    ERF + 8 * n, 1);
  const horner: Code[] = [];
  for (let n = ERF_COEFFICIENTS - 2; n >= 0; n--) horner.push(set(p,
    f64x2.add(coefficient(n), f64x2.mul(get(u), get(p)))));
  return (x, y) => [
    // [1] a = |x|: the odd series below 1/4, ±1 where erf rounds to it
    set(a, f64x2.abs(get(x))),
    set(small, f64x2.lt(get(a), quarter)),
    set(a, v128.bitselect(four, get(a), f64x2.ge(get(a), oneFrom))),
    // [2] p = the Taylor polynomial about the middle of the interval, by Horner
    set(i, i32x4.trunc_sat_f64x2_s_zero(f64x2.mul(eight, get(a)))), // at most 32; 0 of NaN
    set(row0, rowOf(0)),
    set(row1, rowOf(1)),
    // (i + 1/2)/8 = floor(8a)/8 + 1/16, all of it exact
    set(u, f64x2.sub(get(a), f64x2.mul(f64x2.add(f64x2.convert_low_i32x4_s(get(i)), half), eighth))),
    set(u, v128.bitselect(f64x2.mul(get(x), get(x)), get(u), get(small))),
    set(p, coefficient(ERF_COEFFICIENTS - 1)),
    horner,
    // [3] erf(x), with the sign of x
    // small: x·head + x·(tail + x²·p); else p with the sign of x
    set(y, v128.bitselect(
      f64x2.add(f64x2.mul(get(x), v128.load64_splat(get(tables), HEAD)), f64x2.mul(get(x), get(p))),
      v128.bitselect(get(x), get(p), sign),
      get(small))),
  ];
}
