// batchNorm2d in SIMD: same bits as batch-norm2d.ts, with what may follow it in the network: a residual sum, ReLU, each
// with its own rounding.

import { high, loadTail, low, paramsOf, round, storeTail } from '../wasm/lanes.ts';
import { share, type Machine } from '../wasm/machine.ts';
import type { FloatArray } from './tensor.ts';
import {
  advance, f32x4, f64x2, FunctionBuilder, get, i32, i32x4, repeat, set, tee, v128, when, type Code, type Local,
} from '../wasm/assembler.ts';

/** `planes` planes of `plane` elements, one after the other, plane p of channel p mod `channels`; y may be x. */
export interface BatchNorm2dStep {
  kind: 'batchNorm2d';
  x: number;
  y: number;
  planes: number;
  channels: number;
  plane: number;
  /** For each channel a and c, binary64 (batchNormAC). */
  ac: number;
  relu?: boolean;
  /** Elements laid out like y, added before relu; 0 or absent for none. */
  residual?: number;
}

/** a = weight / sqrt(var + eps) and c = bias - mean·a of each channel, in turn: [a0, c0, a1, c1, …]. */
export function batchNormAC(weight: FloatArray, bias: FloatArray, mean: FloatArray, variance: FloatArray,
  eps: number): Float64Array {
  const ac = new Float64Array(2 * weight.length);
  // [1] a and c
  for (let ch = 0; ch < weight.length; ch++) {
    const a = weight[ch] / Math.sqrt(variance[ch] + eps);
    ac[2 * ch] = a;
    ac[2 * ch + 1] = bias[ch] - mean[ch] * a;
  }
  return ac;
}

/** x·a + c of four binary32, rounded once. */
export const affine = (x: Local, a: Local, c: Local): Code =>
  round(f64x2.add(f64x2.mul(low(get(x)), get(a)), get(c)), f64x2.add(f64x2.mul(high(x), get(a)), get(c)));

/** ReLU where `mask` has all bits set, nothing where it has none. */
export const reluIf = (x: Local, mask: Local): Code => v128.andnot(get(x),
  v128.and(f32x4.le(get(x), f32x4.const(0)), get(mask)));

/** -1 in all lanes for a true flag, else 0. */
export const maskOf = (flag: Local): Code => i32x4.splat(i32.sub(i32.const(0), i32.ne(get(flag), i32.const(0))));

/** batchNorm2d(x, y, planes, plane, ac, residual, relu), all planes of consecutive channels */
export function batchNorm2dKernels(): FunctionBuilder[] {
  const f = new FunctionBuilder('batchNorm2d');
  const [x, y, planes, plane, ac, residual, relu] = paramsOf(f, 'i32', 7);
  const [p, n, rest, blocks] = f.locals('i32', 4);
  const [v, r, a, c, mask] = f.locals('v128', 5);
  const loop = (withResidual: boolean): Code => repeat(p, get(planes), [
    // [2] y = x·a + c
    set(a, v128.load64_splat(get(ac))), set(c, v128.load64_splat(get(ac), 8)), advance(ac, 16),
    repeat(n, get(blocks), [
      set(v, v128.load(get(x))), set(v, affine(v, a, c)),
      withResidual ? [set(v, f32x4.add(get(v), v128.load(get(residual)))), advance(residual, 16)] : [],
      v128.store(get(y), reluIf(v, mask)),
      advance(x, 16), advance(y, 16),
    ]),
    when(tee(rest, i32.and(get(plane), i32.const(3))), [
      loadTail(v, x, rest), set(v, affine(v, a, c)),
      withResidual ? [loadTail(r, residual, rest), set(v, f32x4.add(get(v), get(r)))] : [],
      set(v, reluIf(v, mask)), storeTail(v, y, rest),
      set(rest, i32.shl(get(rest), i32.const(2))), advance(x, get(rest)), advance(y, get(rest)),
        withResidual ? advance(residual, get(rest)) : [],
    ]),
  ]);
  f.emit(set(mask, maskOf(relu)), set(blocks, i32.shr_u(get(plane), i32.const(2))),
    when(get(residual), loop(true), loop(false)));
  return [f];
}

export function runBatchNorm2d(step: BatchNorm2dStep, machine: Machine, part: number, parts: number): void {
  const { x, y, planes, channels, plane, ac, relu = false, residual = 0 } = step;
  const [begin, end] = share(planes, 1, part, parts);
  for (let p = begin; p < end;) {
    const channel = p % channels;
    const count = Math.min(end - p, channels - channel); // up to the last channel of an image
    const at = 4 * p * plane;
    machine.kernels.batchNorm2d(x + at, y + at, count, plane, ac + 16 * channel, residual === 0 ? 0 : residual + at,
      relu ? 1 : 0);
    p += count;
  }
}

