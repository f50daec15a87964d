// gelu in SIMD: same bits as gelu.ts.

import { erfCore } from './erfCore.simd.ts';
import { high, low, round, type Block } from './simd/lanes.ts';
import type { Machine } from './simd/machine.ts';
import { runUnary, unaryKernel, type UnaryStep } from './simd/unary.ts';
import { f64x2, get, set, type Code, type FunctionBuilder, type Local } from './wasm/assembler.ts';

export type GeluStep = UnaryStep<'gelu'>;

const ROOT_HALF = 0.7071067811865476;

/** Four elements: y = 0.5·x·(1 + erf(x·√½)). */
export function geluBlock(f: FunctionBuilder, tables: Local): Block {
  const [a, b, u, v] = f.locals('v128', 4);
  const core = erfCore(f, tables);
  const pair = (x: Local): Code => [
    set(u, f64x2.mul(get(x), f64x2.const(ROOT_HALF))),
    core(u, v),
    set(x, f64x2.mul(f64x2.mul(f64x2.const(0.5), get(x)), f64x2.add(f64x2.const(1), get(v)))),
  ];
  return (x, y) => [set(a, low(get(x))), set(b, high(x)), pair(a), pair(b), set(y, round(get(a), get(b)))];
}

export function geluKernels(): FunctionBuilder[] {
  return [unaryKernel('gelu_4', geluBlock)];
}

export function runGelu(step: GeluStep, machine: Machine, part: number, parts: number): void {
  runUnary('gelu_4', step, machine, part, parts);
}
