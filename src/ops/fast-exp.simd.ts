// The exponential for results that are rounded to binary32 anyway: less exact than expCore, with a test of where that
// could matter.
//
// Method: x = (k + f)·L with L = ln 2 / 512, k an integer and |f| <= 1/2; eˣ = 2^(k/512)·e^(f·L), the first factor from
//     a table of 512,
//     e^(f·L) = 1 + f·(L·(1 + L²/32) + f·L²/2)
//     (1 + r + r²/2 + r³/6 with the best straight line in place of r³ on |r| <= L/2)
// Error: relative to eˣ, at most (L/2)³/24 + (L/2)⁴/24 + 4·2^-53 + (rounding of k + f) |x|·2^-53 < 2^-36.1 for
//     |x| < 104.
// Test: a result y = F(eˣ) whose relative error is no larger than that of its exponential, and whose binary32 is a
//     normal number, rounds as the plain twin's does unless the exact value and y are on two sides of a midpoint
//     between two neighbouring binary32. A midpoint has 1 followed by 28 zeros in the 29 bits that binary32 lacks. One
//     binary64 has at most 2^53 units in its last place, so that 2^17 of them are more than 2^-36.1 of any y: where the
//     29 bits are at least 2^17 away from 2^28, the binary32 is proved; else (once in 2,048 values) the caller computes
//     it with expCore.

import {
  f64x2, get, i32, i32x4, i64x2, set, v128, type Code, type FunctionBuilder, type Local,
} from '../wasm/assembler.ts';
import { type Constants, lowWords } from '../wasm/lanes.ts';
import { INV, MAGIC } from './exp-core.ts';
import { FAST, FAST_SIZE } from './tables.simd.ts';

/** k + f = x times this. */
export const PER_STEP = 8 * INV; // 512 / ln 2
const STEP = Math.LN2 / 512;
const C1 = STEP * (1 + (STEP * STEP) / 32);
const C2 = (STEP * STEP) / 2;
const MARGIN = 1 << 17;

/** Sets e0 and e1 to the exponentials of z0 / PER_STEP and z1 / PER_STEP; the z are overwritten. Of NaN comes NaN. */
export function fastExp(f: FunctionBuilder, tables: Local, constants: Constants): (z0: Local, z1: Local, e0: Local,
  e1: Local) => Code {
  const [index, t0, t1] = f.locals('v128', 3);
  const magic = constants.f64(MAGIC);
  const [c1, c2, one] = [constants.f64(C1), constants.f64(C2), constants.f64(1)];
  const mask = constants.of('index mask', i32x4.const((FAST_SIZE - 1) * 8));
  const entry = (lane: number): Code => i32.add(get(tables), i32x4.extract_lane(get(index), lane));
  const power = (t: Local, lane: number): Code =>
    i64x2.add(v128.load64_lane(entry(lane + 1), v128.load64_zero(entry(lane), FAST), FAST, 1),
    i64x2.shl(get(t), i32.const(43)));
  const polynomial = (z: Local): Code => f64x2.add(one, f64x2.mul(get(z), f64x2.add(c1, f64x2.mul(get(z), c2))));
  return (z0, z1, e0, e1) => [
    set(t0, f64x2.add(get(z0), magic)),
    set(t1, f64x2.add(get(z1), magic)),
    set(index, v128.and(mask, i32x4.shl(lowWords(get(t0), get(t1)), i32.const(3)))),
    set(z0, f64x2.sub(get(z0), f64x2.sub(get(t0), magic))),
    set(z1, f64x2.sub(get(z1), f64x2.sub(get(t1), magic))),
    set(e0, f64x2.mul(power(t0, 0), polynomial(z0))),
    set(e1, f64x2.mul(power(t1, 2), polynomial(z1))),
  ];
}

/** Four lanes whose sign bit is set where the binary32 of y0 and y1 is not proved. */
export function unproved(constants: Constants): (y0: Local, y1: Local) => Code {
  const shift = constants.of('to zero', i32x4.const(MARGIN - (1 << 28)));
  const mask = constants.of('away', i32x4.const(0x1fffffff & -(2 * MARGIN)));
  const one = constants.of('one', i32x4.const(1));
  return (y0, y1) => i32x4.sub(v128.and(mask, i32x4.add(shift, lowWords(get(y0), get(y1)))), one);
}
