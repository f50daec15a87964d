// conv2d on SIMD lanes in float64 mode: the twin of conv2d.ts, built as conv2d.simd.ts is. The packed float32 weights are widened block by block.

import type { Conv2dStep, PadStep } from './conv2d.simd.ts';
import { BLOCK } from './dotProducts.ts';
import { NR } from './dotProducts.simd.ts';
import { share, type Machine } from './simd/machine.ts';
import { gemmBlock64, widened, type PackedForm } from './simd/packing64.ts';
import { advance, f64, FunctionBuilder, get, i32, i32x4, repeat, set, v128, type Code } from './wasm/assembler.ts';

/** Copies planes into planes with zeros around them, as a PadStep does in float32. */
export type Pad64Step = Omit<PadStep, 'kind'> & { kind: 'pad64' };

export function runPad64(step: Pad64Step, machine: Machine, part: number, parts: number): void {
  const { x, xPlane, y, planes, H, W, padH, padW } = step;
  const width = W + 2 * padW;
  const plane = (H + 2 * padH) * width;
  const [begin, end] = share(planes, 1, part, parts);
  for (let p = begin; p < end; p++) machine.kernels.pad64_plane(x + p * xPlane, y + 8 * p * plane, H, W, padH, padW);
}

/** Fields as those of Conv2dStep, with 8 bytes for an element of x and y; nothing that follows is applied but the bias, in float64. */
export interface Conv2d64Step extends Omit<Conv2dStep, 'kind' | 'half' | 'ac' | 'residual' | 'relu'> {
  kind: 'conv2d64';
  form: PackedForm;
}

/** Panels of positions that are finished together, and outputs between two changes of panel: their weights, with 128 k, are widened once for all of the panels. */
const PANELS = 8;
const OUTPUTS = 128;

/** Bytes of packed positions and the corners of one panel. */
const CORNERS = 8 * PANELS * NR * BLOCK;
const POSITIONS = CORNERS + 64;

/** Bytes for each thread. */
export const SCRATCH64 = POSITIONS + 8 * OUTPUTS * BLOCK + 64;

export function runConv2d64(step: Conv2d64Step, machine: Machine, part: number, parts: number): void {
  const { MR, N, O, OH, OW } = step;
  const panels = Math.ceil((OH * OW) / NR);
  // Many positions: each thread takes some. Few: each takes some outputs, and packs all positions for itself.
  const byPosition = panels * N >= 24 * parts;
  const [begin, end] = byPosition ? share(panels * N, 1, part, parts) : [0, panels * N];
  const [top, bottom] = byPosition ? [0, O] : share(O, MR, part, parts);
  if (bottom === top) return;
  for (let p = begin; p < end;) {
    const n = Math.floor(p / panels);
    const first = p - n * panels;
    const count = Math.min(PANELS, end - p, panels - first);
    columns(step, machine, part, n, first, count, top, bottom);
    p += count;
  }
}

/** Outputs [top, bottom) at `count` panels of positions of image n. */
function columns(step: Conv2d64Step, machine: Machine, part: number, n: number, first: number, count: number, top: number, bottom: number): void {
  const { MR, O, K, weight, form, yPlane, bias } = step;
  const scratch = step.scratch + part * SCRATCH64;
  const y = step.y + n * step.yImage + 8 * NR * first;
  // The last panel may be no more than half full.
  const positions = step.OH * step.OW - NR * first;
  const whole = positions > NR * (count - 1) + NR / 2 ? count : count - 1;
  const most = OUTPUTS - (OUTPUTS % MR);
  for (let k = 0; k < K; k += BLOCK) {
    const kc = Math.min(BLOCK, K - k);
    for (let j = 0; j < count; j++) packPositions(step, machine, n, first + j, k, kc, scratch + 8 * NR * kc * j, scratch + CORNERS);
    for (let o = top; o < bottom; o += most) {
      const rows = Math.min(most, bottom - o);
      const a = widened(machine, weight, form, k * O + o * kc, rows * kc, scratch + POSITIONS);
      if (whole > 0) gemmBlock64(machine, MR, a, rows, scratch, whole, y + o * yPlane, yPlane, kc, k === 0);
      if (whole < count) gemmBlock64(machine, MR, a, rows, scratch + 8 * NR * kc * whole, 1, y + o * yPlane + 8 * NR * whole, yPlane, kc, k === 0, NR / 2);
    }
  }
  if (bias !== 0) addBias(machine.f64, y + top * yPlane, yPlane, bottom - top, Math.min(count * NR, positions), bias + 8 * top);
}

/** y = acc + bias, a row for each output. */
function addBias(values: Float64Array, c: number, ldc: number, rows: number, count: number, bias: number): void {
  for (let r = 0; r < rows; r++) {
    const row = (c + r * ldc) / 8;
    const shift = values[bias / 8 + r];
    for (let p = 0; p < count; p++) values[row + p] += shift;
  }
}

/** A panel of 8 positions by kc k. Positions past the last one repeat it: what they give is never read. */
function packPositions(step: Conv2d64Step, { kernels, i32: words }: Machine, n: number, panel: number, k: number, kc: number, to: number, corners: number): void {
  const { OH, OW, x, xImage, xPlane, xRow, strideH, strideW, offsets } = step;
  const image = x + n * xImage;
  const p = panel * NR;
  if (offsets === 0) {
    kernels.pack64_lines(image + k * xPlane + 8 * p, xPlane, kc, to);
    return;
  }
  const table = offsets + 4 * k;
  const row = Math.floor(p / OW);
  const column = p - row * OW;
  const corner = image + row * strideH * xRow + 8 * column * strideW;
  if (strideW === 1 && column + NR <= OW) {
    kernels.pack64_window(corner, table, kc, to);
    return;
  }
  if (strideW === 1 && column + NR <= 2 * OW && row + 1 < OH) {
    // Two rows of the output: the lanes of the second one lie further on by what separates the rows.
    kernels.pack64_windows(corner, table, kc, to, strideH * xRow - 8 * OW, OW - column);
    return;
  }
  for (let i = 0; i < NR; i++) {
    const position = Math.min(p + i, OH * OW - 1);
    const oh = Math.floor(position / OW);
    words[(corners >> 2) + i] = image + oh * strideH * xRow + 8 * (position - oh * OW) * strideW;
  }
  kernels.pack64_gather(corners, table, kc, to);
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

/** pack64_windows(corner, table, count, to, gap, lanes): the same, but from lane `lanes` on positions lie `gap` bytes further. */
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
      QUARTERS.map((q) => v128.store(get(to), v128.bitselect(v128.load(get(at), 16 * q), v128.load(get(beyond), 16 * q), get(masks[q])), 16 * q)),
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
