// round in SIMD: same bits as round.ts.

import { Constants, mapElements, paramsOf, type Block } from '../wasm/lanes.ts';
import { share, type Kernels, type Machine } from '../wasm/machine.ts';
import { widened, type WeightForm } from './packing.simd.ts';
import {
  BEYOND_HALF, DROPPED, INFINITY, ROUND_FORMATS, SMALLEST_NORMAL_HALF, SUBNORMAL_SHIFT, type RoundFormat,
} from './round.ts';
import { f32x4, FunctionBuilder, get, i32, i32x4, set, v128 } from '../wasm/assembler.ts';

/** y[i] = x[i], rounded; x and y may be the same address. */
export interface RoundStep {
  kind: 'round';
  x: number;
  y: number;
  count: number;
  format: RoundFormat;
  /** The form of x, widened first if not float32; y has then room for count rounded up to 8. */
  form: WeightForm;
}

function blockOf(f: FunctionBuilder, format: RoundFormat): Block {
  const [a, n] = f.locals('v128', 2);
  const dropped = DROPPED[format];
  const constants = new Constants(f);
  const word = (value: number) => constants.of(`i32 ${value}`, i32x4.const(value));
  const unit = 1 << dropped;
  return (x, y) => [
    // [1] the magnitude as bits
    set(a, v128.and(get(x), word(0x7fffffff))),
    // [2] its nearest in the format; NaN stays
    format === 'tf32-truncated' ? set(n, get(a)) : set(n, i32x4.add(
      i32x4.add(get(a), word(unit / 2 - 1)),
      v128.and(i32x4.shr_u(get(a), i32.const(dropped)), word(1)),
    )),
    set(n, v128.and(get(n), word(-unit))),
    format === 'float16' ? [
      set(n, v128.bitselect(word(INFINITY), get(n), i32x4.gt_u(get(n), word(BEYOND_HALF - 1)))),
      set(n, v128.bitselect(
        f32x4.sub(f32x4.add(get(a), constants.f32(SUBNORMAL_SHIFT)), constants.f32(SUBNORMAL_SHIFT)),
        get(n),
        i32x4.lt_u(get(a), word(SMALLEST_NORMAL_HALF)),
      )),
    ] : [],
    set(n, v128.bitselect(get(a), get(n), i32x4.gt_u(get(a), word(INFINITY)))),
    // [3] the sign again
    set(y, v128.or(get(n), v128.and(get(x), word(-0x80000000)))),
  ];
}

/** round_FORMAT(x, y, count) */
export function roundKernels(): FunctionBuilder[] {
  return ROUND_FORMATS.map((format) => {
    const f = new FunctionBuilder(`round_${format}`);
    const [x, y, count] = paramsOf(f, 'i32', 3);
    const block = blockOf(f, format);
    f.emit(mapElements(f, x, y, count, block));
    return f;
  });
}

/** y[i] = x[i] for `count` elements, rounded to the format. */
export function roundElements(kernels: Kernels, format: RoundFormat, x: number, y: number, count: number): void {
  kernels[`round_${format}`](x, y, count);
}

export function runRound(step: RoundStep, machine: Machine, part: number, parts: number): void {
  const { x, y, format, form } = step;
  const [begin, end] = share(step.count, 256, part, parts);
  if (begin === end) return;
  const to = y + 4 * begin;
  roundElements(machine.kernels, format, widened(machine, 4, x, form, begin, end - begin, to), to, end - begin);
}
