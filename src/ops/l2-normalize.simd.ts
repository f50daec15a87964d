// l2Normalize in SIMD: same bits as l2-normalize.ts.

import { high, loadTail, low, paramsOf, round, storeTail } from '../wasm/lanes.ts';
import type { Machine } from '../wasm/machine.ts';
import { runRows, type RowsStep } from '../wasm/rows.ts';
import { total } from './stripes.simd.ts';
import { advance, f64, f64x2, FunctionBuilder, get, i32, repeat, set, v128, when } from '../wasm/assembler.ts';

/** y may be x with the same stride. */
export type L2NormalizeStep = RowsStep<'l2Normalize'>;

/** l2Normalize(x, xStride, y, yStride, rows, width) */
export function l2NormalizeKernels(): FunctionBuilder[] {
  const f = new FunctionBuilder('l2Normalize');
  const [x, xStride, y, yStride, rows, width] = paramsOf(f, 'i32', 6);
  const [row, n, rest, from, to] = f.locals('i32', 5);
  const square = f.local('f64');
  const [v, norm] = f.locals('v128', 2);
  const sum = total(f);
  f.emit(
    set(rest, i32.and(get(width), i32.const(3))),
    repeat(row, get(rows), [
      // [1] norm
      sum(x, width, square, (pair) => [set(v, pair), f64x2.mul(get(v), get(v))]),
      set(norm, f64x2.splat(f64.sqrt(get(square)))),
      // [2] y = x / norm
      set(from, get(x)), set(to, get(y)),
      repeat(n, i32.shr_u(get(width), i32.const(2)), [
        set(v, v128.load(get(from))),
        v128.store(get(to), round(f64x2.div(low(get(v)), get(norm)), f64x2.div(high(v), get(norm)))),
        advance(from, 16), advance(to, 16),
      ]),
      when(get(rest), [
        loadTail(v, from, rest), set(v, round(f64x2.div(low(get(v)), get(norm)), f64x2.div(high(v), get(norm)))),
          storeTail(v, to, rest),
      ]),
      advance(x, get(xStride)), advance(y, get(yStride)),
    ]),
  );
  return [f];
}

export function runL2Normalize(step: L2NormalizeStep, machine: Machine, part: number, parts: number): void {
  runRows('l2Normalize', step, machine, part, parts);
}
