// relu in SIMD: same bits as relu.ts.

import type { Machine } from '../wasm/machine.ts';
import { runUnary, unaryKernel, type UnaryStep } from '../wasm/unary.ts';
import { f32x4, get, set, v128, type Code, type FunctionBuilder, type Local } from '../wasm/assembler.ts';

export type ReluStep = UnaryStep<'relu'>;

/** x where x <= 0 is false, which NaN stays by; else all bits 0, which -0 becomes +0 by. */
const reluOf = (x: Local, zero: Code = f32x4.const(0)): Code => v128.andnot(get(x), f32x4.le(get(x), zero));

export function reluKernels(): FunctionBuilder[] {
  // [1] y = max(x, +0); NaN stays
  return [unaryKernel('relu_4', () => (x, y) => set(y, reluOf(x)))];
}

export function runRelu(step: ReluStep, machine: Machine, part: number, parts: number): void {
  runUnary('relu_4', step, machine, part, parts);
}
