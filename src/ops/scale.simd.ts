// scale in SIMD: same bits as scale.ts.

import { mapElements } from '../wasm/lanes.ts';
import { share, type Machine } from '../wasm/machine.ts';
import { f32x4, FunctionBuilder, get, set } from '../wasm/assembler.ts';

/** y[i] = RN32(x[i]·factor); x and y may be the same address. */
export interface ScaleStep {
  kind: 'scale';
  x: number;
  y: number;
  count: number;
  /** A binary32. */
  factor: number;
}

/** scale(x, y, count, factor) */
export function scaleKernels(): FunctionBuilder[] {
  const f = new FunctionBuilder('scale');
  const [x, y, count, factor] = [f.param('i32'), f.param('i32'), f.param('i32'), f.param('f32')];
  const factors = f.local('v128');
  // [1] y = RN32(x·factor)
  f.emit(set(factors, f32x4.splat(get(factor))),
    mapElements(f, x, y, count, (from, to) => set(to, f32x4.mul(get(from), get(factors)))));
  return [f];
}

export function runScale(step: ScaleStep, machine: Machine, part: number, parts: number): void {
  const [begin, end] = share(step.count, 256, part, parts);
  if (end > begin) machine.kernels.scale(step.x + 4 * begin, step.y + 4 * begin, end - begin, step.factor);
}
