// copy: a tensor of any strides into memory of any strides, the twin of contiguous.ts and of concat.ts (one copy for
// each tensor).

import { paramsOf } from '../wasm/lanes.ts';
import { share, type Machine } from '../wasm/machine.ts';
import {
  advance, FunctionBuilder, get, i32, i8x16, repeat, set, v128, type Code, type Local,
} from '../wasm/assembler.ts';

/**
 * 32-bit elements: at most 5 extents, outermost first, and the bytes from one to the next. A stride of x may be 0 or
 * negative. y does not overlap x.
 */
export interface CopyStep {
  kind: 'copy';
  x: number;
  y: number;
  shape: number[];
  xStride: number[];
  yStride: number[];
}

/** copy_rows(x, y, rows, width, xStride, yStride): rows of `width` elements side by side */
function copyRows(): FunctionBuilder {
  const f = new FunctionBuilder('copy_rows');
  const [x, y, rows, width, xStride, yStride] = paramsOf(f, 'i32', 6);
  const [row, n, from, to] = f.locals('i32', 4);
  f.emit(repeat(row, get(rows), [
    set(from, get(x)), set(to, get(y)),
    repeat(n, i32.shr_u(get(width), i32.const(4)), [
      [0, 16, 32, 48].map((at) => v128.store(get(to), v128.load(get(from), at), at)), advance(from, 64),
        advance(to, 64),
    ]),
    repeat(n, i32.and(i32.shr_u(get(width), i32.const(2)), i32.const(3)),
      [v128.store(get(to), v128.load(get(from))), advance(from, 16), advance(to, 16)]),
    repeat(n, i32.and(get(width), i32.const(3)),
      [i32.store(get(to), i32.load(get(from))), advance(from, 4), advance(to, 4)]),
    advance(x, get(xStride)), advance(y, get(yStride)),
  ]));
  return f;
}

/** copy_strided(x, y, rows, width, xStride, yStride, xStep, yStep): one element at a time */
function copyStrided(): FunctionBuilder {
  const f = new FunctionBuilder('copy_strided');
  const [x, y, rows, width, xStride, yStride, xStep, yStep] = paramsOf(f, 'i32', 8);
  const [row, n, from, to] = f.locals('i32', 4);
  f.emit(repeat(row, get(rows), [
    set(from, get(x)), set(to, get(y)),
    repeat(n, get(width), [i32.store(get(to), i32.load(get(from))), advance(from, get(xStep)),
      advance(to, get(yStep))]),
    advance(x, get(xStride)), advance(y, get(yStride)),
  ]));
  return f;
}

/**
 * copy_transpose_4x4(x, y, rows, width, xStride, yStride): y[r][c] = x[c][r] for multiples of 4, in blocks of 4x4; x's
 * rows xStride, y's yStride bytes apart
 */
function copyTranspose(): FunctionBuilder {
  const f = new FunctionBuilder('copy_transpose_4x4');
  const [x, y, rows, width, xStride, yStride] = paramsOf(f, 'i32', 6);
  const [row, n, from, to, x3, y3] = f.locals('i32', 6);
  const [a, b, c, d, e, g] = f.locals('v128', 6);
  const words = (v: Local, w: Local, lanes: number[]): Code => i8x16.shuffle(get(v), get(w),
    lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)));
  const at = (p: Local, stride: Local, by: number): Code =>
    (by === 0 ? get(p) : i32.add(get(p), by === 1 ? get(stride) : i32.shl(get(stride), i32.const(1))));
  f.emit(
    set(x3, i32.mul(get(xStride), i32.const(3))), set(y3, i32.mul(get(yStride), i32.const(3))),
    repeat(row, i32.shr_u(get(rows), i32.const(2)), [
      set(from, get(x)), set(to, get(y)),
      repeat(n, i32.shr_u(get(width), i32.const(2)), [
        set(a, v128.load(at(from, xStride, 0))), set(b, v128.load(at(from, xStride, 1))),
        set(c, v128.load(at(from, xStride, 2))), set(d, v128.load(i32.add(get(from), get(x3)))),
        set(e, words(a, b, [0, 4, 1, 5])), set(g, words(c, d, [0, 4, 1, 5])), set(a, words(a, b, [2, 6, 3, 7])),
          set(c, words(c, d, [2, 6, 3, 7])),
        v128.store(at(to, yStride, 0), words(e, g, [0, 1, 4, 5])),
          v128.store(at(to, yStride, 1), words(e, g, [2, 3, 6, 7])),
        v128.store(at(to, yStride, 2), words(a, c, [0, 1, 4, 5])),
          v128.store(i32.add(get(to), get(y3)), words(a, c, [2, 3, 6, 7])),
        advance(from, i32.shl(get(xStride), i32.const(2))), advance(to, 16),
      ]),
      advance(x, 16), advance(y, i32.shl(get(yStride), i32.const(2))),
    ]),
  );
  return f;
}

export function copyKernels(): FunctionBuilder[] {
  return [copyRows(), copyStrided(), copyTranspose()];
}

interface Axis {
  extent: number;
  x: number;
  y: number;
}

/**
 * The axes, outermost first, without those of extent 1; adjacent axes that x and y both store without a gap are
 * merged.
 */
function axesOf(step: CopyStep): Axis[] {
  const axes: Axis[] = [];
  step.shape.forEach((extent, i) => {
    if (extent === 1) return;
    const axis = { extent, x: step.xStride[i], y: step.yStride[i] };
    const outer = axes[axes.length - 1];
    if (outer !== undefined && outer.x === extent * axis.x && outer.y === extent * axis.y) axes[axes.length - 1] =
      { ...axis, extent: outer.extent * extent };
    else axes.push(axis);
  });
  return axes;
}

export function runCopy(step: CopyStep, machine: Machine, part: number, parts: number): void {
  const axes = axesOf(step);
  if (axes.some(({ extent }) => extent === 0)) return;
  if (axes.length === 0) axes.push({ extent: 1, x: 4, y: 4 });
  // Shares are cut along the longest axis, in fours where both of a transposition's axes are long.
  const longest = axes.reduce((best, axis) => (axis.extent > best.extent ? axis : best));
  const [begin, end] = share(longest.extent, longest.extent >= 64 ? 16 : 1, part, parts);
  if (begin === end) return;
  const x = step.x + begin * longest.x;
  const y = step.y + begin * longest.y;
  longest.extent = end - begin;

  const inner = axes.filter(({ x: xs, y: ys }) => xs === 4 && ys === 4).at(-1);
  const across = inner === undefined ? axes.filter(({ y: ys }) => ys === 4).at(-1) : undefined;
  const along = inner === undefined ? axes.filter(({ x: xs }) => xs === 4).at(-1) : undefined;
  if (inner !== undefined) {
    const rows = longestBut(axes, inner);
    overOthers(axes, [inner, rows], x, y, (from, to) =>
      { machine.kernels.copy_rows(from, to, rows.extent, inner.extent, rows.x, rows.y); });
  } else if (across !== undefined && along !== undefined && across.extent >= 4 && along.extent >= 4) {
    overOthers(axes, [across, along], x, y, (from, to) => { transpose(machine, from, to, along, across); });
  } else {
    const columns = axes.filter(({ y: ys }) => ys === 4).at(-1) ?? axes[axes.length - 1];
    const rows = longestBut(axes, columns);
    overOthers(axes, [columns, rows], x, y, (from, to) => {
      machine.kernels.copy_strided(from, to, rows.extent, columns.extent, rows.x, rows.y, columns.x, columns.y);
    });
  }
}

function longestBut(axes: readonly Axis[], but: Axis): Axis {
  return axes.reduce((best: Axis, axis) => (axis !== but && axis.extent > best.extent ? axis : best),
    { extent: 1, x: 0, y: 0 });
}

/** Calls `copy` with the addresses of each position of the other axes. */
function overOthers(axes: readonly Axis[], done: readonly Axis[], x: number, y: number,
  copy: (x: number, y: number) => void): void {
  const [axis, ...others] = axes.filter((candidate) => !done.includes(candidate));
  if (axis === undefined) copy(x, y);
  else for (let i = 0; i < axis.extent; i++) overOthers(others, [], x + i * axis.x, y + i * axis.y, copy);
}

/**
 * `rows` has stride 4 in x, `columns` in y. Blocks of 4x4, in strips that stay in the first-level cache; the edges one
 * element at a time.
 */
function transpose({ kernels }: Machine, x: number, y: number, rows: Axis, columns: Axis): void {
  const R = rows.extent - (rows.extent % 4);
  const C = columns.extent - (columns.extent % 4);
  const STRIP = 64;
  for (let c = 0; c < C; c += STRIP) kernels.copy_transpose_4x4(x + c * columns.x, y + 4 * c, R, Math.min(STRIP, C - c),
    columns.x, rows.y);
  if (C < columns.extent) kernels.copy_strided(x + C * columns.x, y + 4 * C, R, columns.extent - C, 4, rows.y,
    columns.x, 4);
  if (R < rows.extent) kernels.copy_strided(x + 4 * R, y + R * rows.y, rows.extent - R, columns.extent, 4, rows.y,
    columns.x, 4);
}
