// The small reductions of stripes.ts in SIMD: stripes 0 and 1 are the lanes of one register, 2 and 3 of another.

import {
  advance, f64, f64x2, get, i32, repeat, set, tee, v128, when, type Code, type FunctionBuilder, type Local,
} from '../wasm/assembler.ts';
import { high, highOfTail, loadTail, low, lowOfTail } from '../wasm/lanes.ts';

/**
 * Code that sets `sum` to (s0 + s1) + (s2 + s3), s[j] the sum of term(x[i]) over i = j mod 4 of the `width` elements at
 * `row`.
 */
export type Total = (row: Local, width: Local, sum: Local, term: (x: Code) => Code) => Code;

export function total(f: FunctionBuilder): Total {
  const [x, s01, s23] = f.locals('v128', 3);
  const [at, n, rest] = f.locals('i32', 3);
  return (row, width, sum, term) => [
    // [1] s0 … s3 = +0
    set(at, get(row)), set(s01, f64x2.const(0)), set(s23, f64x2.const(0)),
    // [2] four elements at a time, one to each stripe
    repeat(n, i32.shr_u(get(width), i32.const(2)), [
      set(s01, f64x2.add(get(s01), term(low(v128.load64_zero(get(at)))))),
      set(s23, f64x2.add(get(s23), term(low(v128.load64_zero(get(at), 8))))),
      advance(at, 16),
    ]),
    // [3] the last elements
    // A lane that the row does not have adds +0, which changes no sum: none is ever -0.
    when(tee(rest, i32.and(get(width), i32.const(3))), [
      loadTail(x, at, rest),
      set(s01, f64x2.add(get(s01), v128.and(lowOfTail(rest), term(low(get(x)))))),
      set(s23, f64x2.add(get(s23), v128.and(highOfTail(rest), term(high(x))))),
    ]),
    // [4] (s0 + s1) + (s2 + s3)
    set(sum, totalOf(s01, s23)),
  ];
}

/** (s0 + s1) + (s2 + s3) */
export const totalOf = (s01: Local, s23: Local): Code =>
  f64.add(f64.add(f64x2.extract_lane(get(s01), 0), f64x2.extract_lane(get(s01), 1)),
    f64.add(f64x2.extract_lane(get(s23), 0), f64x2.extract_lane(get(s23), 1)));
