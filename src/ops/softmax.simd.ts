// softmax in SIMD: same bits as softmax.ts. Attention runs the step on a block of its scores.

import { expBlock } from './exp.simd.ts';
import { unproved } from './fast-exp.simd.ts';
import {
  Constants, high, highOfTail, loadTail, low, lowOfTail, paramsOf, round, storeTail, type Block,
} from '../wasm/lanes.ts';
import type { Machine } from '../wasm/machine.ts';
import { runRows, type RowsStep } from '../wasm/rows.ts';
import { totalOf } from './stripes.simd.ts';
import {
  advance, f32x4, f64x2, FunctionBuilder, get, i32, i32x4, i8x16, repeat, set, v128, when, type Code, type Local,
} from '../wasm/assembler.ts';

/** y may be x with the same stride. */
export interface SoftmaxStep extends RowsStep<'softmax'> {
  /** Address of the tables (tables.simd.ts). */
  tables: number;
}

/**
 * p = RN32(e / S) of four e: e·(1/S), which is within 2^-51 of e / S, where that proves the binary32 (how:
 * fast-exp.simd.ts) and it is above 2^-126, the least normal number; else the division. A division takes ten cycles for
 * four numbers, this takes five.
 */
function quotientBlock(f: FunctionBuilder, constants: Constants, S: Local, inverse: Local): Block {
  const [a, b] = f.locals('v128', 2);
  const doubtful = unproved(constants);
  const least = constants.of('2^-126', i32x4.const(0x00800001));
  return (e, p) => [
    set(a, f64x2.mul(low(get(e)), get(inverse))), set(b, f64x2.mul(high(e), get(inverse))),
      set(p, round(get(a), get(b))),
    when(i32x4.bitmask(v128.or(doubtful(a, b), i32x4.sub(get(p), least))),
      [set(a, f64x2.div(low(get(e)), get(S))), set(b, f64x2.div(high(e), get(S))), set(p, round(get(a), get(b)))]),
  ];
}

/** softmax(x, xStride, y, yStride, rows, width, tables) */
export function softmaxKernels(): FunctionBuilder[] {
  const f = new FunctionBuilder('softmax');
  const [x, xStride, y, yStride, rows, width, tables] = paramsOf(f, 'i32', 7);
  const [row, n, blocks, rest, from, to] = f.locals('i32', 6);
  const [m, v, e, s01, s23, S, inverse] = f.locals('v128', 7);
  const constants = new Constants(f);
  const exp = expBlock(f, tables, constants, true); // lanes past a row's end may hold anything
  const quotient = quotientBlock(f, constants, S, inverse);
  const larger = (a: Code, b: Code): Code => f32x4.pmax(a, b); // a < b ? b : a, so that a NaN b is passed over
  const rotated = (by: number): Code => i8x16.shuffle(get(m), get(m),
    Array.from({ length: 16 }, (_, i) => (i + 4 * by) % 16));
  f.emit(
    set(blocks, i32.shr_u(get(width), i32.const(2))), set(rest, i32.and(get(width), i32.const(3))),
    repeat(row, get(rows), [
      // [1] maximum
      set(m, f32x4.const(-Infinity)), set(from, get(x)),
      repeat(n, get(blocks), [set(m, larger(get(m), v128.load(get(from)))), advance(from, 16)]),
      repeat(n, get(rest), [set(m, larger(get(m), v128.load32_splat(get(from)))), advance(from, 4)]),
      set(m, larger(get(m), rotated(2))), set(m, larger(get(m), rotated(1))),
      // [2] e = expf(x - m), S
      set(from, get(x)), set(to, get(y)), set(s01, f64x2.const(0)), set(s23, f64x2.const(0)),
      repeat(n, get(blocks), [
        set(v, f32x4.sub(v128.load(get(from)), get(m))), exp(v, e), v128.store(get(to), get(e)),
        set(s01, f64x2.add(get(s01), low(get(e)))), set(s23, f64x2.add(get(s23), high(e))),
        advance(from, 16), advance(to, 16),
      ]),
      when(get(rest), [
        loadTail(v, from, rest), set(v, f32x4.sub(get(v), get(m))), exp(v, e), storeTail(e, to, rest),
        set(s01, f64x2.add(get(s01), v128.and(lowOfTail(rest), low(get(e))))),
          set(s23, f64x2.add(get(s23), v128.and(highOfTail(rest), high(e)))),
      ]),
      set(S, f64x2.splat(totalOf(s01, s23))), set(inverse, f64x2.div(f64x2.const(1), get(S))),
      // [3] p = e / S
      set(to, get(y)),
      repeat(n, get(blocks), [set(e, v128.load(get(to))), quotient(e, v), v128.store(get(to), get(v)),
        advance(to, 16)]),
      when(get(rest), [loadTail(e, to, rest), quotient(e, v), storeTail(v, to, rest)]),
      advance(x, get(xStride)), advance(y, get(yStride)),
    ]),
  );
  return [f];
}

export function runSoftmax(step: SoftmaxStep, machine: Machine, part: number, parts: number): void {
  runRows('softmax', step, machine, part, parts, step.tables);
}
