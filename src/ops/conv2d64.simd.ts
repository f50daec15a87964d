// conv2d on SIMD lanes in float64 mode: the twin of conv2d.ts, built as conv2d.simd.ts is. The packed float32 weights
// are widened block by block.

import { overPositions, packPositions, PANELS, type Conv2dStep } from './conv2d.simd.ts';
import { BLOCK } from './dot-products.ts';
import { NR } from './dot-products.simd.ts';
import type { Machine } from '../wasm/machine.ts';
import { gemmBlock64, widened, type PackedForm } from './packing64.simd.ts';
import { advance, f64, FunctionBuilder, get, i32, i32x4, repeat, set, v128, type Code } from '../wasm/assembler.ts';

/**
 * Fields as those of Conv2dStep, with 8 bytes for an element of x and y; nothing that follows is applied but the bias,
 * in float64.
 */
export interface Conv2d64Step extends Omit<Conv2dStep, 'kind' | 'half' | 'summation' | 'ac' | 'residual' | 'relu'> {
  kind: 'conv2d64';
  form: PackedForm;
}

/** Outputs between two changes of panel: their weights, with 128 k, are widened once for all of the panels. */
const OUTPUTS = 128;

/** Bytes of packed positions and the corners of one panel. */
const CORNERS = 8 * PANELS * NR * BLOCK;
const POSITIONS = CORNERS + 64;

/** Bytes for each thread. */
export const SCRATCH64 = POSITIONS + 8 * OUTPUTS * BLOCK + 64;

export function runConv2d64(step: Conv2d64Step, machine: Machine, part: number, parts: number): void {
  overPositions(step, machine, part, parts, columns);
}

function columns(step: Conv2d64Step, machine: Machine, part: number, n: number, first: number, count: number,
  top: number, bottom: number): void {
  const { MR, O, K, weight, form, yPlane, bias } = step;
  const scratch = step.scratch + part * SCRATCH64;
  const y = step.y + n * step.yImage + 8 * NR * first;
  // The last panel may be no more than half full.
  const positions = step.OH * step.OW - NR * first;
  const whole = positions > NR * (count - 1) + NR / 2 ? count : count - 1;
  const most = OUTPUTS - (OUTPUTS % MR);
  for (let k = 0; k < K; k += BLOCK) {
    const kc = Math.min(BLOCK, K - k);
    for (let j = 0; j < count; j++) packPositions(step, machine, n, first + j, k, kc, scratch + 8 * NR * kc * j,
      scratch + CORNERS, 8);
    for (let o = top; o < bottom; o += most) {
      const rows = Math.min(most, bottom - o);
      const a = widened(machine, weight, form, k * O + o * kc, rows * kc, scratch + POSITIONS);
      if (whole > 0) gemmBlock64(machine, MR, a, rows, scratch, whole, y + o * yPlane, yPlane, kc, k === 0);
      if (whole < count) gemmBlock64(machine, MR, a, rows, scratch + 8 * NR * kc * whole, 1,
        y + o * yPlane + 8 * NR * whole, yPlane, kc, k === 0, NR / 2);
    }
  }
  if (bias !== 0) addBias(machine.f64, y + top * yPlane, yPlane, bottom - top, Math.min(count * NR, positions),
    bias + 8 * top);
}

/** y = acc + bias, a row for each output. */
function addBias(values: Float64Array, c: number, ldc: number, rows: number, count: number, bias: number): void {
  for (let r = 0; r < rows; r++) {
    const row = (c + r * ldc) / 8;
    const shift = values[bias / 8 + r];
    for (let p = 0; p < count; p++) values[row + p] += shift;
  }
}

const QUARTERS = [0, 1, 2, 3];

/** pack64_window(corner, table, count, to): 8 positions side by side; line k lies at corner + table[k]. */
function packWindow(): FunctionBuilder {
  const f = new FunctionBuilder('pack64_window');
  const [corner, table, count, to] = Array.from({ length: 4 }, () => f.param('i32'));
  const [n, at] = f.locals('i32', 2);
  f.emit(repeat(n, get(count), [
    set(at, i32.add(get(corner), i32.load(get(table)))),
    QUARTERS.map((q) => v128.store(get(to), v128.load(get(at), 16 * q), 16 * q)),
    advance(table, 4),
    advance(to, 8 * NR),
  ]));
  return f;
}

/**
 * pack64_windows(corner, table, count, to, gap, lanes): the same, but from lane `lanes` on positions lie `gap` bytes
 * further.
 */
function packWindows(): FunctionBuilder {
  const f = new FunctionBuilder('pack64_windows');
  const [corner, table, count, to, gap, lanes] = Array.from({ length: 6 }, () => f.param('i32'));
  const [n, at, beyond] = f.locals('i32', 3);
  const masks = f.locals('v128', 4);
  const index = (lane: number): Code => v128.const([lane, lane, lane + 1, lane + 1].flatMap((word) => [word, 0, 0, 0]));
  f.emit(
    masks.map((mask, q) => set(mask, i32x4.lt_u(index(2 * q), i32x4.splat(get(lanes))))),
    repeat(n, get(count), [
      set(at, i32.add(get(corner), i32.load(get(table)))),
      set(beyond, i32.add(get(at), get(gap))),
      QUARTERS.map((q) => v128.store(get(to),
        v128.bitselect(v128.load(get(at), 16 * q), v128.load(get(beyond), 16 * q), get(masks[q])), 16 * q)),
      advance(table, 4),
      advance(to, 8 * NR),
    ]),
  );
  return f;
}

/** pack64_gather(corners, table, count, to): each of 8 positions with a corner of its own. */
function packGather(): FunctionBuilder {
  const f = new FunctionBuilder('pack64_gather');
  const [corners, table, count, to] = Array.from({ length: 4 }, () => f.param('i32'));
  const [n, offset] = f.locals('i32', 2);
  const corner = f.locals('i32', NR);
  f.emit(
    corner.map((local, i) => set(local, i32.load(get(corners), 4 * i))),
    repeat(n, get(count), [
      set(offset, i32.load(get(table))),
      corner.map((local, i) => f64.store(get(to), f64.load(i32.add(get(local), get(offset))), 8 * i)),
      advance(table, 4),
      advance(to, 8 * NR),
    ]),
  );
  return f;
}

/** pad64_plane(from, to, H, W, padH, padW) */
function padPlane(): FunctionBuilder {
  const f = new FunctionBuilder('pad64_plane');
  const [from, to, H, W, padH, padW] = Array.from({ length: 6 }, () => f.param('i32'));
  const [row, n] = f.locals('i32', 2);
  const zeros = (count: Code): Code => repeat(n, count, [f64.store(get(to), f64.const(0)), advance(to, 8)]);
  const border = zeros(i32.mul(get(padH), i32.add(get(W), i32.shl(get(padW), i32.const(1)))));
  f.emit(
    border,
    repeat(row, get(H), [
      zeros(get(padW)),
      repeat(n, get(W), [f64.store(get(to), f64.load(get(from))), advance(from, 8), advance(to, 8)]),
      zeros(get(padW)),
    ]),
    border,
  );
  return f;
}

export function conv2d64Kernels(): FunctionBuilder[] {
  return [packWindow(), packWindows(), packGather(), padPlane()];
}
