// erf in SIMD: same bits as erf.ts.

import { erfCore } from './erf-core.simd.ts';
import { Constants, high, low, round, type Block } from '../wasm/lanes.ts';
import type { Machine } from '../wasm/machine.ts';
import { runUnary, unaryKernel, type UnaryStep } from '../wasm/unary.ts';
import { get, set, type FunctionBuilder, type Local } from '../wasm/assembler.ts';

export type ErfStep = UnaryStep<'erf'>;

function erfBlock(f: FunctionBuilder, tables: Local): Block {
  const [a, b, c, d] = f.locals('v128', 4);
  const core = erfCore(f, tables, new Constants(f));
  // [1] y = RN32(erf(x))
  return (x, y) => [set(a, low(get(x))), set(b, high(x)), core(a, c), core(b, d), set(y, round(get(c), get(d)))];
}

export function erfKernels(): FunctionBuilder[] {
  return [unaryKernel('erf_4', erfBlock)];
}

export function runErf(step: ErfStep, machine: Machine, part: number, parts: number): void {
  runUnary('erf_4', step, machine, part, parts);
}
