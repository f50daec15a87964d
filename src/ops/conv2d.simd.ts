// conv2d on SIMD lanes: the twin of conv2d.ts, in float32 and float64 mode. Lanes are positions of the output; the
// weight's rows are packed once, at load. No im2col matrix is made: a panel of 8 positions by 128 k is packed from the
// image, used for all outputs, and dropped. What follows a convolution in the network (batchNorm2d, residual add, relu)
// is applied to the finished columns while they are in the cache.

import { BLOCK, type Summation } from './dot-products.ts';
import { lineOffsets, NR, packName } from './dot-products.simd.ts';
import { convEpilogue } from './epilogues.simd.ts';
import { copyLines, widened, widenedBytes, type WeightForm } from './packing.simd.ts';
import { gemmBlock } from './product.simd.ts';
import { advance, FunctionBuilder, get, i32, i32x4, repeat, set, v128, type Code } from '../wasm/assembler.ts';
import { paramsOf } from '../wasm/lanes.ts';
import { share, type Machine } from '../wasm/machine.ts';
import type { Mode, Width } from '../wasm/mode.ts';

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
  const pad = machine.kernels[bytes === 4 ? 'pad_plane' : 'pad64_plane'];
  const width = W + 2 * padW;
  const plane = (H + 2 * padH) * width;
  const [begin, end] = share(planes, 1, part, parts);
  for (let p = begin; p < end; p++) pad(x + p * xPlane, y + bytes * p * plane, H, W, padH, padW);
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
   * K offsets in bytes, int32: from the window's corner to (c, kh, kw). 0 for a 1 x 1 kernel, whose k are the
   * planes.
   */
  offsets: number;
  /** The weight, packed in panels of MR rows. */
  weight: number;
  /** The form of its elements. */
  form: WeightForm;
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
  /** Room for packed positions and widened weights, scratchBytes(form, 4) for each thread. */
  scratch: number;
}

/** Fields as those of Conv2dStep, with 8 bytes for an element of x and y; only the bias is applied, in float64. */
export interface Conv2d64Step extends Omit<Conv2dStep, 'kind' | 'summation' | 'ac' | 'residual' | 'relu'> {
  kind: 'conv2d64';
}

/**
 * Panels of positions that are finished together: they, with 128 k, fit the first-level cache beside the weight's
 * panels.
 */
const PANELS = 8;
/**
 * Outputs between two changes of panel: their weights, with 128 k, stay in the cache while the panels go by, and are
 * widened once for all of them.
 */
const OUTPUTS = 128;

/** Bytes of packed positions. */
const positionsBytes = (bytes: Width): number => bytes * PANELS * NR * BLOCK;

/** Packed positions, the corners of one panel, and widened weights: bytes that each thread needs. */
export const scratchBytes = (form: WeightForm, bytes: Width): number =>
  positionsBytes(bytes) + bytes * NR + widenedBytes(form, bytes, OUTPUTS * BLOCK);

export function runConv2d(step: Conv2dStep, machine: Machine, part: number, parts: number): void {
  overPositions(step, 4, machine, part, parts, (n, first, count, top, bottom) => {
    const { bias, ac, residual, relu, yImage, yPlane } = step;
    if (bias === 0 && ac === 0 && residual === 0 && !relu) return;
    const at = n * yImage + top * yPlane + 4 * NR * first;
    convEpilogue(machine.kernels, {
      c: step.y + at, ldc: yPlane, rows: bottom - top, columns: count * NR,
      ac: ac === 0 ? 0 : ac + 16 * top,
      bias: bias === 0 ? 0 : bias + 4 * top,
      residual: residual === 0 ? 0 : residual + at,
      ldr: yPlane,
      relu,
    });
  });
}

export function runConv2d64(step: Conv2d64Step, machine: Machine, part: number, parts: number): void {
  overPositions(step, 8, machine, part, parts, (n, first, count, top, bottom) => {
    const { OH, OW, bias, y, yImage, yPlane } = step;
    if (bias === 0) return;
    const positions = Math.min(count * NR, OH * OW - NR * first);
    const at = y + n * yImage + top * yPlane + 8 * NR * first;
    addBias(machine.f64, at, yPlane, bottom - top, positions, bias + 8 * top);
  });
}

/** y = acc + bias, a row for each output. */
function addBias(values: Float64Array, c: number, ldc: number, rows: number, count: number, bias: number): void {
  for (let r = 0; r < rows; r++) {
    const row = (c + r * ldc) / 8;
    const shift = values[bias / 8 + r];
    for (let p = 0; p < count; p++) values[row + p] += shift;
  }
}

/** Outputs [top, bottom) at `count` panels of positions of image n, summed over all k. */
function columns(
  step: Conv2dStep | Conv2d64Step, bytes: Width, machine: Machine, part: number, n: number, first: number,
  count: number, top: number, bottom: number,
): void {
  const { MR, O, K, weight, form, yPlane: ldc } = step;
  const summation = step.kind === 'conv2d' ? step.summation : null;
  const positions = step.scratch + part * scratchBytes(form, bytes);
  const corners = positions + positionsBytes(bytes);
  const room = corners + bytes * NR;
  const y = step.y + n * step.yImage + bytes * NR * first;
  // The last panel may be no more than half full: 7 x 7 = 49 and 14 x 14 = 196 positions are 1 and 4 more than whole
  // panels.
  const present = step.OH * step.OW - NR * first;
  const whole = present > NR * (count - 1) + NR / 2 ? count : count - 1;
  const most = OUTPUTS - (OUTPUTS % MR);
  for (let k = 0; k < K; k += BLOCK) {
    const kc = Math.min(BLOCK, K - k);
    const panel = bytes * NR * kc;
    // [1] windows, C·KH·KW elements of each position
    for (let j = 0; j < count; j++)
      packPositions(step, bytes, machine, n, first + j, k, kc, positions + panel * j, corners);
    // [2] acc, k ascending in blocks of 128
    for (let o = top; o < bottom; o += most) {
      const M = Math.min(most, bottom - o);
      const a = widened(machine, bytes, weight, form, k * O + o * kc, M * kc, room);
      const c = y + o * ldc;
      if (whole > 0) {
        gemmBlock(machine, bytes, {
          MR, a, M, b: positions, panels: whole, c, ldc, kc, first: k === 0, columns: NR, summation,
        });
      }
      if (whole < count) {
        gemmBlock(machine, bytes, {
          MR, a, M, b: positions + panel * whole, panels: 1, c: c + bytes * NR * whole, ldc, kc, first: k === 0,
          columns: NR / 2, summation,
        });
      }
    }
  }
}

/** What follows: outputs [top, bottom) at `count` panels of positions of image n, from panel `first` on, are summed. */
type Finish = (n: number, first: number, count: number, top: number, bottom: number) => void;

/** Divides the work of either mode into runs of panels. */
function overPositions(
  step: Conv2dStep | Conv2d64Step, bytes: Width, machine: Machine, part: number, parts: number, finish: Finish,
): void {
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
    columns(step, bytes, machine, part, n, first, count, top, bottom);
    // [3] y = RN32(acc + bias)
    finish(n, first, count, top, bottom);
    p += count;
  }
}

const PACK = {
  4: { window: 'pack_window', windows: 'pack_windows', gather: 'pack_gather' },
  8: { window: 'pack64_window', windows: 'pack64_windows', gather: 'pack64_gather' },
} as const;

type Image = Pick<Conv2dStep, 'OH' | 'OW' | 'x' | 'xImage' | 'xPlane' | 'xRow' | 'strideH' | 'strideW' | 'offsets'>;

/**
 * A panel of 8 positions by kc k, in either mode. Positions past the last one repeat it: what they give is never read.
 */
function packPositions(
  step: Image, bytes: Width, { kernels, i32: words }: Machine, n: number, panel: number, k: number, kc: number,
  to: number, corners: number,
): void {
  const pack = PACK[bytes];
  const { OH, OW, x, xImage, xPlane, xRow, strideH, strideW, offsets } = step;
  const image = x + n * xImage;
  const p = panel * NR;
  if (offsets === 0) {
    copyLines(kernels, bytes, image + k * xPlane + bytes * p, xPlane, kc, to);
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
    // Two rows of the output: the lanes of the second one are further on by what separates the rows.
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

/** pack_window(corner, table, count, to): 8 adjacent positions; line k is at corner + table[k]. */
function packWindow(mode: Mode): FunctionBuilder {
  const f = new FunctionBuilder(packName(mode, 'window'));
  const [corner, table, count, to] = paramsOf(f, 'i32', 4);
  const [n, at] = f.locals('i32', 2);
  f.emit(repeat(n, get(count), [
    set(at, i32.add(get(corner), i32.load(get(table)))),
    lineOffsets(mode).map((offset) => v128.store(get(to), v128.load(get(at), offset), offset)),
    advance(table, 4),
    advance(to, mode.bytes * NR),
  ]));
  return f;
}

/**
 * pack_windows(corner, table, count, to, gap, lanes): the same, but from lane `lanes` on positions are `gap` bytes
 * further on.
 */
function packWindows(mode: Mode): FunctionBuilder {
  const { bytes } = mode;
  const offsets = lineOffsets(mode);
  const f = new FunctionBuilder(packName(mode, 'windows'));
  const [corner, table, count, to, gap, lanes] = paramsOf(f, 'i32', 6);
  const [n, at, beyond] = f.locals('i32', 3);
  const masks = f.locals('v128', offsets.length);
  /** Of each 32-bit word at an offset of the line, the lane that it belongs to. */
  const index = (offset: number): Code =>
    v128.const([0, 4, 8, 12].flatMap((word) => [Math.floor((offset + word) / bytes), 0, 0, 0]));
  const line = (offset: number, i: number): Code =>
    v128.bitselect(v128.load(get(at), offset), v128.load(get(beyond), offset), get(masks[i]));
  f.emit(
    masks.map((mask, i) => set(mask, i32x4.lt_u(index(offsets[i]), i32x4.splat(get(lanes))))),
    repeat(n, get(count), [
      set(at, i32.add(get(corner), i32.load(get(table)))),
      set(beyond, i32.add(get(at), get(gap))),
      offsets.map((offset, i) => v128.store(get(to), line(offset, i), offset)),
      advance(table, 4),
      advance(to, bytes * NR),
    ]),
  );
  return f;
}

/** pack_gather(corners, table, count, to): each of 8 positions with a corner of its own. */
function packGather(mode: Mode): FunctionBuilder {
  const { bytes, scalar } = mode;
  const f = new FunctionBuilder(packName(mode, 'gather'));
  const [corners, table, count, to] = paramsOf(f, 'i32', 4);
  const [n, offset] = f.locals('i32', 2);
  const corner = f.locals('i32', NR);
  f.emit(
    corner.map((local, i) => set(local, i32.load(get(corners), 4 * i))),
    repeat(n, get(count), [
      set(offset, i32.load(get(table))),
      corner.map((local, i) => scalar.store(get(to), scalar.load(i32.add(get(local), get(offset))), bytes * i)),
      advance(table, 4),
      advance(to, bytes * NR),
    ]),
  );
  return f;
}

/** pad_plane(from, to, H, W, padH, padW) */
function padPlane({ bytes, scalar }: Mode): FunctionBuilder {
  const f = new FunctionBuilder(bytes === 4 ? 'pad_plane' : 'pad64_plane');
  const [from, to, H, W, padH, padW] = paramsOf(f, 'i32', 6);
  const [row, n] = f.locals('i32', 2);
  const zeros = (count: Code): Code =>
    repeat(n, count, [scalar.store(get(to), scalar.const(0)), advance(to, bytes)]);
  const elements = (count: Code): Code =>
    repeat(n, count, [scalar.store(get(to), scalar.load(get(from))), advance(from, bytes), advance(to, bytes)]);
  const vectors = (count: Code): Code =>
    repeat(n, count, [v128.store(get(to), v128.load(get(from))), advance(from, 16), advance(to, 16)]);
  const border = zeros(i32.mul(get(padH), i32.add(get(W), i32.shl(get(padW), i32.const(1)))));
  f.emit(
    border,
    repeat(row, get(H), [
      zeros(get(padW)),
      // float64 mode takes single elements: what its few padded images cost is small.
      bytes === 8 ? elements(get(W)) : [
        vectors(i32.shr_u(get(W), i32.const(2))),
        elements(i32.and(get(W), i32.const(3))),
      ],
      zeros(get(padW)),
    ]),
    border,
  );
  return f;
}

export function conv2dKernels(mode: Mode): FunctionBuilder[] {
  return [packWindow(mode), packWindows(mode), packGather(mode), padPlane(mode)];
}
