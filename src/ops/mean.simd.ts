// mean in SIMD: same bits as mean.ts.

import { paramsOf } from '../wasm/lanes.ts';
import { share, type Machine } from '../wasm/machine.ts';
import { total } from './stripes.simd.ts';
import { advance, f32, f64, FunctionBuilder, get, repeat } from '../wasm/assembler.ts';

/** y[r] = the mean of row r. */
export interface MeanStep {
  kind: 'mean';
  x: number;
  xStride: number;
  y: number;
  rows: number;
  width: number;
}

/** mean(x, xStride, y, rows, width) */
export function meanKernels(): FunctionBuilder[] {
  const f = new FunctionBuilder('mean');
  const [x, xStride, y, rows, width] = paramsOf(f, 'i32', 5);
  const row = f.local('i32');
  const sum = f.local('f64');
  const totalOfRow = total(f);
  f.emit(repeat(row, get(rows), [
    // [1] y = RN32(total(x) / D)
    totalOfRow(x, width, sum, (pair) => pair),
    f32.store(get(y), f32.demote_f64(f64.div(get(sum), f64.convert_i32_s(get(width))))),
    advance(x, get(xStride)), advance(y, 4),
  ]));
  return [f];
}

export function runMean(step: MeanStep, machine: Machine, part: number, parts: number): void {
  const { x, xStride, y, rows, width } = step;
  const [begin, end] = share(rows, 1, part, parts);
  if (end > begin) machine.kernels.mean(x + begin * xStride, xStride, y + 4 * begin, end - begin, width);
}
