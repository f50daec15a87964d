// quickGelu in SIMD: same bits as quick-gelu.ts.

import { expCore } from './exp-core.simd.ts';
import { fastExp, PER_STEP, unproved } from './fast-exp.simd.ts';
import { Constants, high, low, round, type Block } from '../wasm/lanes.ts';
import type { Machine } from '../wasm/machine.ts';
import { runUnary, unaryKernel, type UnaryStep } from '../wasm/unary.ts';
import {
  f64x2, get, i32, i32x4, set, v128, when, type Code, type FunctionBuilder, type Local,
} from '../wasm/assembler.ts';

export type QuickGeluStep = UnaryStep<'quickGelu'>;

// u = -1.702·x below -100: 1 + eᵘ is 1 in binary64. Above 300: x / (1 + eᵘ) rounds to 0 with the sign of x.
const [LEAST, MOST] = [-100, 300];

/** Any four binary32, by the plain steps: y = x / (1 + exp(-1.702·x)). */
function exactQuickGelu(f: FunctionBuilder, tables: Local): Block {
  const [a, b, u, v] = f.locals('v128', 4);
  const core = expCore(f, tables);
  // [1] y = RN32(x / (1 + exp(-1.702·x)))
  const pair = (x: Local): Code => [
    set(u, f64x2.pmax(f64x2.mul(f64x2.const(-1.702), get(x)), f64x2.const(LEAST))),
    // 0; NaN where x is NaN, or -Infinity, of which the plain division -Infinity / Infinity makes NaN
    set(v, f64x2.sub(get(u), get(u))),
    set(u, f64x2.pmin(get(u), f64x2.const(MOST))),
    core(u, u),
    set(x, f64x2.div(get(x), f64x2.add(f64x2.add(f64x2.const(1), get(u)), get(v)))),
  ];
  return (x, y) => [set(a, low(get(x))), set(b, high(x)), pair(a), pair(b), set(y, round(get(a), get(b)))];
}

/**
 * Four elements fast, or by the plain steps where one of them is not proved or |x| is not from 2^-123 to 32 (0 and
 * results that may be subnormal).
 */
export function quickGeluBlock(f: FunctionBuilder, tables: Local): Block {
  const constants = new Constants(f);
  const [a, b, c, d, e, g] = f.locals('v128', 6);
  const fast = fastExp(f, tables, constants);
  const exact = exactQuickGelu(f, tables);
  const doubtful = unproved(constants);
  const perStep = constants.f64(-1.702 * PER_STEP);
  const one = constants.f64(1);
  const least = constants.of('2^-123', i32x4.const(0x02000000 * 2));
  return (x, y) => [
    set(a, low(get(x))), set(b, high(x)),
    set(e, f64x2.mul(get(a), perStep)), set(g, f64x2.mul(get(b), perStep)), fast(e, g, c, d),
    set(a, f64x2.div(get(a), f64x2.add(get(c), one))),
    set(b, f64x2.div(get(b), f64x2.add(get(d), one))),
    set(y, round(get(a), get(b))),
    // Twice the bits without sign, less those of 2^-123: negative as an integer outside of 2^-123 <= |x| < 32.
    when(i32x4.bitmask(v128.or(doubtful(a, b), i32x4.sub(i32x4.shl(get(x), i32.const(1)), least))), exact(x, y)),
  ];
}

export function quickGeluKernels(): FunctionBuilder[] {
  return [unaryKernel('quickGelu_4', quickGeluBlock)];
}

export function runQuickGelu(step: QuickGeluStep, machine: Machine, part: number, parts: number): void {
  runUnary('quickGelu_4', step, machine, part, parts);
}
