// gelu in SIMD: same bits as gelu.ts.

import { erfCore } from './erf-core.simd.ts';
import { Constants, high, low, round, type Block } from '../wasm/lanes.ts';
import type { Machine } from '../wasm/machine.ts';
import { runUnary, unaryKernel, type UnaryStep } from '../wasm/unary.ts';
import { f64x2, get, set, type Code, type FunctionBuilder, type Local } from '../wasm/assembler.ts';

export type GeluStep = UnaryStep<'gelu'>;

const ROOT_HALF = 0.7071067811865476;

/** Four elements: y = 0.5·x·(1 + erf(x·√½)). */
export function geluBlock(f: FunctionBuilder, tables: Local): Block {
  const [a, b, u, v] = f.locals('v128', 4);
  const constants = new Constants(f);
  const core = erfCore(f, tables, constants);
  const [root, half, one] = [ROOT_HALF, 0.5, 1].map((value) => constants.f64(value));
  // [1] y = RN32(0.5·x·(1 + erf(x·√½)))
  const pair = (x: Local): Code => [
    set(u, f64x2.mul(get(x), root)),
    core(u, v),
    set(x, f64x2.mul(f64x2.mul(half, get(x)), f64x2.add(one, get(v)))),
  ];
  return (x, y) => [set(a, low(get(x))), set(b, high(x)), pair(a), pair(b), set(y, round(get(a), get(b)))];
}

export function geluKernels(): FunctionBuilder[] {
  return [unaryKernel('gelu_4', geluBlock)];
}

export function runGelu(step: GeluStep, machine: Machine, part: number, parts: number): void {
  runUnary('gelu_4', step, machine, part, parts);
}
