// avgPool2d in SIMD: same bits as avg-pool2d.ts. Windows of 2x2 side by side, which is what CLIP has, four at a time;
// others one after the other.

import { high, low, paramsOf, round } from '../wasm/lanes.ts';
import { share, type Machine } from '../wasm/machine.ts';
import {
  advance, f32, f64, f64x2, FunctionBuilder, get, i32, i8x16, repeat, set, v128, when, type Code, type Local,
} from '../wasm/assembler.ts';

/** Planes of H x W, xPlane bytes apart -> OH x OW, yPlane bytes apart; rows without gaps. */
export interface AvgPool2dStep {
  kind: 'avgPool2d';
  x: number;
  y: number;
  planes: number;
  xPlane: number;
  yPlane: number;
  H: number;
  W: number;
  OH: number;
  OW: number;
  kernelH: number;
  kernelW: number;
  strideH: number;
  strideW: number;
  padH: number;
  padW: number;
  countIncludePad: boolean;
}

const EVEN = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];
const ODD = EVEN.map((byte) => byte + 4);

/** avgPool2d_2x2(x, y, rows, OW, xRow): `rows` output rows, each of two input rows, which are xRow bytes apart */
function pool2x2(): FunctionBuilder {
  const f = new FunctionBuilder('avgPool2d_2x2');
  const [x, y, rows, OW, xRow] = paramsOf(f, 'i32', 5);
  const [row, n, top, bottom] = f.locals('i32', 4);
  const [s0, s1, s2, s3] = f.locals('v128', 4);
  const columns = (at: Local, lanes: number[]): Code => i8x16.shuffle(v128.load(get(at)), v128.load(get(at), 16),
    lanes);
  // Each stripe has one element. A stripe begins with +0, so that the mean of four -0 is +0: adding 0 at the end sees
  // to it.
  const mean = (half: (v: Local) => Code): Code =>
    f64x2.mul(f64x2.add(f64x2.add(f64x2.add(half(s0), half(s1)), f64x2.add(half(s2), half(s3))), f64x2.const(0)),
      f64x2.const(0.25));
  const one = (at: Local, offset: number): Code => f64.promote_f32(f32.load(get(at), offset));
  f.emit(repeat(row, get(rows), [
    set(top, get(x)), set(bottom, i32.add(get(x), get(xRow))),
    repeat(n, i32.shr_u(get(OW), i32.const(2)), [
      set(s0, columns(top, EVEN)), set(s1, columns(top, ODD)), set(s2, columns(bottom, EVEN)),
        set(s3, columns(bottom, ODD)),
      v128.store(get(y), round(mean((v) => low(get(v))), mean(high))),
      advance(top, 32), advance(bottom, 32), advance(y, 16),
    ]),
    repeat(n, i32.and(get(OW), i32.const(3)), [
      f32.store(get(y), f32.demote_f64(f64.mul(
        f64.add(f64.add(f64.add(one(top, 0), one(top, 4)), f64.add(one(bottom, 0), one(bottom, 4))), f64.const(0)),
          f64.const(0.25)))),
      advance(top, 8), advance(bottom, 8), advance(y, 4),
    ]),
    advance(x, i32.shl(get(xRow), i32.const(1))),
  ]));
  return f;
}

/**
 * avgPool2d_window(x, y, xRow, h0, h1, w0, w1, H, W, countIncludePad): one window of rows h0 … h1 - 1 and columns w0 …
 * w1 - 1, which may reach beyond the plane.
 * The element that comes next goes to s0, and the stripes change places: after an even number of elements the total has
 * the same sums as (s0 + s1) + (s2 + s3), after an odd number those of (s3 + s0) + (s1 + s2).
 */
function poolWindow(): FunctionBuilder {
  const f = new FunctionBuilder('avgPool2d_window');
  const [x, y, xRow, h0, h1, w0, w1, H, W, countIncludePad] = paramsOf(f, 'i32', 10);
  const [h, w, count, rows, columns] = f.locals('i32', 5);
  const [s0, s1, s2, s3, next, sum] = f.locals('f64', 6);
  const take = (value: Code): Code => [
    set(next, f64.add(get(s0), value)), set(s0, get(s1)), set(s1, get(s2)), set(s2, get(s3)), set(s3, get(next)),
      advance(count, 1),
  ];
  // unsigned: a negative number is a large one
  const inside = i32.and(i32.lt_u(get(h), get(H)), i32.lt_u(get(w), get(W)));
  f.emit(
    // [1] the elements of a window, row by row, into four stripes
    set(h, get(h0)),
    repeat(rows, i32.sub(get(h1), get(h0)), [
      set(w, get(w0)),
      repeat(columns, i32.sub(get(w1), get(w0)), [
        when(inside,
          take(f64.promote_f32(f32.load(i32.add(get(x),
            i32.add(i32.mul(get(h), get(xRow)), i32.shl(get(w), i32.const(2))))))),
          when(get(countIncludePad), take(f64.const(0)))),
        advance(w, 1),
      ]),
      advance(h, 1),
    ]),
    // [2] y = RN32(total / count)
    when(i32.and(get(count), i32.const(1)),
      set(sum, f64.add(f64.add(get(s3), get(s0)), f64.add(get(s1), get(s2)))),
      set(sum, f64.add(f64.add(get(s0), get(s1)), f64.add(get(s2), get(s3))))),
    f32.store(get(y), f32.demote_f64(f64.div(get(sum), f64.convert_i32_s(get(count))))),
  );
  return f;
}

/** Sums in four stripes by `total`'s order, then one division. */
export function avgPool2dKernels(): FunctionBuilder[] {
  return [pool2x2(), poolWindow()];
}

export function runAvgPool2d(step: AvgPool2dStep, machine: Machine, part: number, parts: number): void {
  const { x, y, planes, xPlane, yPlane, H, W, OH, OW, kernelH, kernelW, strideH, strideW, padH, padW } = step;
  const { kernels } = machine;
  const [begin, end] = share(planes * OH, 1, part, parts);
  const simple = kernelH === 2 && kernelW === 2 && strideH === 2 && strideW === 2 && padH === 0 && padW === 0;
  for (let i = begin; i < end;) {
    const plane = Math.floor(i / OH);
    const oh = i % OH;
    const rows = Math.min(end - i, OH - oh);
    const from = x + plane * xPlane;
    const to = y + plane * yPlane + 4 * oh * OW;
    if (simple) kernels.avgPool2d_2x2(from + 8 * oh * W, to, rows, OW, 4 * W);
    else {
      for (let window = 0; window < rows * OW; window++) {
        const h = (oh + Math.floor(window / OW)) * strideH - padH;
        const w = (window % OW) * strideW - padW;
        kernels.avgPool2d_window(from, to + 4 * window, 4 * W, h, h + kernelH, w, w + kernelW, H, W,
          step.countIncludePad ? 1 : 0);
      }
    }
    i += rows;
  }
}
