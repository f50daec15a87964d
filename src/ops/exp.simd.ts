// exp in SIMD: same bits as exp.ts.

import { expCore } from './exp-core.simd.ts';
import { fastExp, PER_STEP, unproved } from './fast-exp.simd.ts';
import { Constants, high, low, round, type Block } from '../wasm/lanes.ts';
import type { Machine } from '../wasm/machine.ts';
import { runUnary, unaryKernel, type UnaryStep } from '../wasm/unary.ts';
import {
  f32x4, f64x2, get, i32x4, set, v128, when, type Code, type FunctionBuilder, type Local,
} from '../wasm/assembler.ts';

export type ExpStep = UnaryStep<'exp'>;

/**
 * Beyond these the binary32 result is 0, or Infinity: -103.98, 88.73. Within, binary64 holds every result as a normal
 * number.
 */
const [LEAST, MOST] = [-110, 100];
/** Results of larger |x| may be subnormal or overflow, and are left to the exact code. */
const FAST_BOUND = 87;

/** Any four binary32, by the plain steps. */
function exactExp(f: FunctionBuilder, tables: Local): Block {
  const [a, b] = f.locals('v128', 2);
  const core = expCore(f, tables);
  // NaN passes both
  const clamped = (x: Local): Code => f64x2.pmin(f64x2.pmax(get(x), f64x2.const(LEAST)), f64x2.const(MOST));
  return (x, y) => [set(a, low(get(x))), set(b, high(x)), set(a, clamped(a)), core(a, a), set(b, clamped(b)),
    core(b, b), set(y, round(get(a), get(b)))];
}

/**
 * Four elements fast, or by the plain steps where one is not proved or its result may be subnormal or overflow.
 * @param atMostZero leaves out the test for overflow: positive numbers up to 700 are still correct, the results of
 *   larger ones are undefined
 */
export function expBlock(f: FunctionBuilder, tables: Local, constants: Constants, atMostZero = false): Block {
  const [a, b, c, d] = f.locals('v128', 4);
  const fast = fastExp(f, tables, constants);
  const exact = exactExp(f, tables);
  const doubtful = unproved(constants);
  const perStep = constants.f64(PER_STEP);
  const bound = constants.f32(atMostZero ? -FAST_BOUND : FAST_BOUND);
  const outside = (x: Local): Code => (atMostZero ? f32x4.lt(get(x), bound) : f32x4.gt(f32x4.abs(get(x)), bound));
  // [1] y = RN32(eˣ)
  return (x, y) => [
    set(a, f64x2.mul(low(get(x)), perStep)), set(b, f64x2.mul(high(x), perStep)), fast(a, b, c, d),
      set(y, round(get(c), get(d))),
    when(i32x4.bitmask(v128.or(doubtful(c, d), outside(x))), exact(x, y)),
  ];
}

export function expKernels(): FunctionBuilder[] {
  return [unaryKernel('exp_4', (f, tables) => expBlock(f, tables, new Constants(f)))];
}

export function runExp(step: ExpStep, machine: Machine, part: number, parts: number): void {
  runUnary('exp_4', step, machine, part, parts);
}
