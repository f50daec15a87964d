// conv2d on SIMD lanes: the twin of conv2d.ts. Lanes are positions of the output; the weight's rows are packed once, at
// load. No im2col matrix is made: a panel of 8 positions by 128 k is packed from the image, used for all outputs, and
// forgotten. What follows a convolution in the network (batchNorm2d, residual add, relu) is applied to the finished
// columns while they are in the cache.

import { BLOCK, type Summation } from './dot-products.ts';
import { NR } from './dot-products.simd.ts';
import { share, type Machine } from '../wasm/machine.ts';
import { gemmBlock, type Width } from './packing.simd.ts';
import { advance, f32, FunctionBuilder, get, i32, i32x4, repeat, set, v128, type Code } from '../wasm/assembler.ts';

/** Copies planes into planes with zeros around them, so that no window needs to look where the image ends. */
export interface PadStep {
  kind: 'pad';
  x: number;
  /** Bytes from one plane to the next. */
  xPlane: number;
  y: number;
  planes: number;
  H: number;
  W: number;
  padH: number;
  padW: number;
  bytes: Width;
}

export function runPad(step: PadStep, machine: Machine, part: number, parts: number): void {
  const { x, xPlane, y, planes, H, W, padH, padW, bytes } = step;
  const pad = bytes === 4 ? 'pad_plane' : 'pad64_plane';
  const width = W + 2 * padW;
  const plane = (H + 2 * padH) * width;
  const [begin, end] = share(planes, 1, part, parts);
  for (let p = begin; p < end; p++) machine.kernels[pad](x + p * xPlane, y + bytes * p * plane, H, W, padH, padW);
}

export interface Conv2dStep {
  kind: 'conv2d';
  MR: number;
  N: number;
  O: number;
  K: number;
  OH: number;
  OW: number;
  /** The image, padded if need be; element (n, c, h, w) at x + n·xImage + c·xPlane + h·xRow + 4·w. */
  x: number;
  xImage: number;
  xPlane: number;
  xRow: number;
  strideH: number;
  strideW: number;
  /**
   * K offsets in bytes, int32: where (c, kh, kw) lies from the window's corner. 0 for a 1 x 1 kernel, whose k are the
   * planes.
   */
  offsets: number;
  /** The weight, packed in panels of MR rows. */
  weight: number;
  /** Whether it is kept in half precision, to be widened on the way. */
  half: boolean;
  /** Another way to sum than the contract's. */
  summation?: Summation;
  bias: number;
  /** a and c of batchNorm2d per channel, float64, or 0. */
  ac: number;
  /** Laid out like y, or 0. */
  residual: number;
  relu: boolean;
  /** Element (n, o, p) at y + n·yImage + o·yPlane + 4·p; a plane has room for whole panels. */
  y: number;
  yImage: number;
  yPlane: number;
  /** Room for packed positions and widened weights, scratchBytes(half) for each thread. */
  scratch: number;
}

/**
 * Panels of positions that are finished together: they, with 128 k, fit the first-level cache beside the weight's
 * panels.
 */
export const PANELS = 8;
/** Outputs between two changes of panel: their weights, with 128 k, stay in the cache while the panels go by. */
const OUTPUTS = 128;

/** Bytes of packed positions and the corners of one panel. */
const POSITIONS = 4 * (PANELS * NR * BLOCK + NR);

export const scratchBytes = (half: boolean): number => POSITIONS + (half ? 4 * OUTPUTS * BLOCK + 64 : 0);

export function runConv2d(step: Conv2dStep, machine: Machine, part: number, parts: number): void {
  overPositions(step, machine, part, parts, columns);
}

/** Outputs [top, bottom) at `count` panels of positions of image n. */
type Columns<Step> = (step: Step, machine: Machine, part: number, n: number, first: number, count: number, top: number,
  bottom: number) => void;

/** Divides the work of either mode into runs of panels. */
export function overPositions<Step extends Pick<Conv2dStep,
  'MR' | 'N' | 'O' | 'OH' | 'OW'>>(step: Step, machine: Machine, part: number, parts: number,
  columns: Columns<Step>): void {
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

function columns(step: Conv2dStep, machine: Machine, part: number, n: number, first: number, count: number, top: number,
  bottom: number): void {
  const { MR, O, K, weight, half, yPlane, summation } = step;
  const scratch = step.scratch + part * scratchBytes(half);
  const y = step.y + n * step.yImage + 4 * NR * first;
  // The last panel may be no more than half full: 7 x 7 = 49 and 14 x 14 = 196 positions are 1 and 4 more than whole
  // panels.
  const positions = step.OH * step.OW - NR * first;
  const whole = positions > NR * (count - 1) + NR / 2 ? count : count - 1;
  for (let k = 0; k < K; k += BLOCK) {
    const kc = Math.min(BLOCK, K - k);
    for (let j = 0; j < count; j++) packPositions(step, machine, n, first + j, k, kc, scratch + 4 * NR * kc * j,
      scratch + 4 * PANELS * NR * BLOCK);
    for (let o = top; o < bottom; o += OUTPUTS - (OUTPUTS % MR)) {
      const rows = Math.min(OUTPUTS - (OUTPUTS % MR), bottom - o);
      const element = k * O + o * kc;
      if (half) machine.kernels.widen(weight + 2 * element, scratch + POSITIONS, rows * kc);
      const a = half ? scratch + POSITIONS : weight + 4 * element;
      if (whole > 0) gemmBlock(machine, MR, a, rows, scratch, whole, y + o * yPlane, yPlane, kc, k === 0, NR,
        summation);
      if (whole < count) gemmBlock(machine, MR, a, rows, scratch + 4 * NR * kc * whole, 1,
        y + o * yPlane + 4 * NR * whole, yPlane, kc, k === 0, NR / 2, summation);
    }
  }
  const { bias, ac, residual, relu } = step;
  if (bias !== 0 || ac !== 0 || residual !== 0 || relu) {
    machine.kernels.convEpilogue(y + top * yPlane, yPlane, bottom - top, count * NR, ac === 0 ? 0 : ac + 16 * top,
      bias === 0 ? 0 : bias + 4 * top,
      residual === 0 ? 0 : residual + n * step.yImage + top * yPlane + 4 * NR * first, yPlane, relu ? 1 : 0);
  }
}

const PACK = {
  4: { lines: 'pack_lines', window: 'pack_window', windows: 'pack_windows', gather: 'pack_gather' },
  8: { lines: 'pack64_lines', window: 'pack64_window', windows: 'pack64_windows', gather: 'pack64_gather' },
} as const;

type Image = Pick<Conv2dStep, 'OH' | 'OW' | 'x' | 'xImage' | 'xPlane' | 'xRow' | 'strideH' | 'strideW' | 'offsets'>;

/**
 * A panel of 8 positions by kc k, in either mode. Positions past the last one repeat it: what they give is never read.
 */
export function packPositions(step: Image, { kernels, i32: words }: Machine, n: number, panel: number, k: number,
  kc: number, to: number, corners: number, bytes: Width = 4): void {
  const pack = PACK[bytes];
  const { OH, OW, x, xImage, xPlane, xRow, strideH, strideW, offsets } = step;
  const image = x + n * xImage;
  const p = panel * NR;
  if (offsets === 0) {
    kernels[pack.lines](image + k * xPlane + bytes * p, xPlane, kc, to);
    return;
  }
  const table = offsets + 4 * k;
  const row = Math.floor(p / OW);
  const column = p - row * OW;
  const corner = image + row * strideH * xRow + bytes * column * strideW;
  if (strideW === 1 && column + NR <= OW) {
    kernels[pack.window](corner, table, kc, to);
    return;
  }
  if (strideW === 1 && column + NR <= 2 * OW && row + 1 < OH) {
    // Two rows of the output: the lanes of the second one lie further on by what separates the rows.
    kernels[pack.windows](corner, table, kc, to, strideH * xRow - bytes * OW, OW - column);
    return;
  }
  for (let i = 0; i < NR; i++) {
    const position = Math.min(p + i, OH * OW - 1);
    const oh = Math.floor(position / OW);
    words[(corners >> 2) + i] = image + oh * strideH * xRow + bytes * (position - oh * OW) * strideW;
  }
  kernels[pack.gather](corners, table, kc, to);
}

/** pack_window(corner, table, count, to): 8 positions side by side; line k lies at corner + table[k]. */
function packWindow(): FunctionBuilder {
  const f = new FunctionBuilder('pack_window');
  const [corner, table, count, to] = Array.from({ length: 4 }, () => f.param('i32'));
  const [n, at] = f.locals('i32', 2);
  f.emit(repeat(n, get(count), [
    set(at, i32.add(get(corner), i32.load(get(table)))),
    v128.store(get(to), v128.load(get(at))),
    v128.store(get(to), v128.load(get(at), 16), 16),
    advance(table, 4),
    advance(to, 4 * NR),
  ]));
  return f;
}

/**
 * pack_windows(corner, table, count, to, gap, lanes): the same, but from lane `lanes` on positions lie `gap` bytes
 * further.
 */
function packWindows(): FunctionBuilder {
  const f = new FunctionBuilder('pack_windows');
  const [corner, table, count, to, gap, lanes] = Array.from({ length: 6 }, () => f.param('i32'));
  const [n, at, beyond] = f.locals('i32', 3);
  const masks = f.locals('v128', 2);
  const index = (base: number): Code => v128.const([base, base + 1, base + 2,
    base + 3].flatMap((lane) => [lane, 0, 0, 0]));
  f.emit(
    masks.map((mask, half) => set(mask, i32x4.lt_u(index(4 * half), i32x4.splat(get(lanes))))),
    repeat(n, get(count), [
      set(at, i32.add(get(corner), i32.load(get(table)))),
      set(beyond, i32.add(get(at), get(gap))),
      [0, 1].map((half) => v128.store(get(to),
        v128.bitselect(v128.load(get(at), 16 * half), v128.load(get(beyond), 16 * half), get(masks[half])), 16 * half)),
      advance(table, 4),
      advance(to, 4 * NR),
    ]),
  );
  return f;
}

/** pack_gather(corners, table, count, to): each of 8 positions with a corner of its own. */
function packGather(): FunctionBuilder {
  const f = new FunctionBuilder('pack_gather');
  const [corners, table, count, to] = Array.from({ length: 4 }, () => f.param('i32'));
  const [n, offset] = f.locals('i32', 2);
  const corner = f.locals('i32', NR);
  f.emit(
    corner.map((local, i) => set(local, i32.load(get(corners), 4 * i))),
    repeat(n, get(count), [
      set(offset, i32.load(get(table))),
      corner.map((local, i) => f32.store(get(to), f32.load(i32.add(get(local), get(offset))), 4 * i)),
      advance(table, 4),
      advance(to, 4 * NR),
    ]),
  );
  return f;
}

/** pad_plane(from, to, H, W, padH, padW) */
function padPlane(): FunctionBuilder {
  const f = new FunctionBuilder('pad_plane');
  const [from, to, H, W, padH, padW] = Array.from({ length: 6 }, () => f.param('i32'));
  const [row, n] = f.locals('i32', 2);
  const zeros = (count: Code): Code => repeat(n, count, [f32.store(get(to), f32.const(0)), advance(to, 4)]);
  const border = zeros(i32.mul(get(padH), i32.add(get(W), i32.shl(get(padW), i32.const(1)))));
  f.emit(
    border,
    repeat(row, get(H), [
      zeros(get(padW)),
      repeat(n, i32.shr_u(get(W), i32.const(2)),
        [v128.store(get(to), v128.load(get(from))), advance(from, 16), advance(to, 16)]),
      repeat(n, i32.and(get(W), i32.const(3)),
        [f32.store(get(to), f32.load(get(from))), advance(from, 4), advance(to, 4)]),
      zeros(get(padW)),
    ]),
    border,
  );
  return f;
}

export function conv2dKernels(): FunctionBuilder[] {
  return [packWindow(), packWindows(), packGather(), padPlane()];
}
