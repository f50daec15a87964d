// add in SIMD: same bits as add.ts.

import { loadTail, paramsOf, storeTail } from '../wasm/lanes.ts';
import { share, type Machine } from '../wasm/machine.ts';
import { advance, f32x4, FunctionBuilder, get, i32, repeat, set, tee, v128, when } from '../wasm/assembler.ts';

/**
 * y = RN32(a + b): a and y have rows x width elements, b has width, repeated for each row. y may be a's address, with
 * one row b's as well.
 */
export interface AddStep {
  kind: 'add';
  a: number;
  b: number;
  y: number;
  rows: number;
  width: number;
}

/** add(a, b, y, rows, width) */
export function addKernels(): FunctionBuilder[] {
  const f = new FunctionBuilder('add');
  const [a, b, y, rows, width] = paramsOf(f, 'i32', 5);
  const [row, n, rest, bAt] = f.locals('i32', 4);
  const [u, v] = f.locals('v128', 2);
  f.emit(repeat(row, get(rows), [
    set(bAt, get(b)),
    repeat(n, i32.shr_u(get(width), i32.const(2)), [
      // [1] y = RN32(a + b)
      v128.store(get(y), f32x4.add(v128.load(get(a)), v128.load(get(bAt)))), advance(a, 16), advance(bAt, 16),
        advance(y, 16),
    ]),
    when(tee(rest, i32.and(get(width), i32.const(3))), [
      loadTail(u, a, rest), loadTail(v, bAt, rest), set(u, f32x4.add(get(u), get(v))), storeTail(u, y, rest),
      set(rest, i32.shl(get(rest), i32.const(2))), advance(a, get(rest)), advance(y, get(rest)),
    ]),
  ]));
  return [f];
}

export function runAdd(step: AddStep, machine: Machine, part: number, parts: number): void {
  const { a, b, y, rows, width } = step;
  if (rows === 1) {
    const [begin, end] = share(width, 256, part, parts);
    if (end > begin) machine.kernels.add(a + 4 * begin, b + 4 * begin, y + 4 * begin, 1, end - begin);
  } else {
    const [begin, end] = share(rows, 1, part, parts);
    if (end > begin) machine.kernels.add(a + 4 * width * begin, b, y + 4 * width * begin, end - begin, width);
  }
}
