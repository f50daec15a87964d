// layerNorm in SIMD: same bits as layer-norm.ts.

import { high, loadTail, low, paramsOf, round, storeTail } from '../wasm/lanes.ts';
import type { Machine } from '../wasm/machine.ts';
import { runRows, type RowsStep } from '../wasm/rows.ts';
import { total } from './stripes.simd.ts';
import {
  advance, f64, f64x2, FunctionBuilder, get, i32, repeat, set, v128, when, type Code,
} from '../wasm/assembler.ts';

/** y may be x with the same stride. */
export interface LayerNormStep extends RowsStep<'layerNorm'> {
  weight: number;
  bias: number;
  eps: number;
}

/** layerNorm(x, xStride, y, yStride, rows, width, weight, bias, eps) */
export function layerNormKernels(): FunctionBuilder[] {
  const f = new FunctionBuilder('layerNorm');
  const [x, xStride, y, yStride, rows, width, weight, bias] = paramsOf(f, 'i32', 8);
  const eps = f.param('f64');
  const [row, n, rest, from, to, g, b] = f.locals('i32', 7);
  const [D, mean, variance] = f.locals('f64', 3);
  const [v, gs, bs, means, r] = f.locals('v128', 5);
  const sum = total(f);
  const normalised = (pair: Code, gPair: Code, bPair: Code): Code =>
    f64x2.add(f64x2.mul(f64x2.mul(f64x2.sub(pair, get(means)), get(r)), gPair), bPair);
  const pairs = (at: typeof from, offset: number): Code => low(v128.load64_zero(get(at), offset));
  f.emit(
    set(D, f64.convert_i32_s(get(width))), set(rest, i32.and(get(width), i32.const(3))),
    repeat(row, get(rows), [
      // [1] mean
      sum(x, width, mean, (pair) => pair),
      set(mean, f64.div(get(mean), get(D))), set(means, f64x2.splat(get(mean))),
      // [2] variance
      sum(x, width, variance, (pair) => [set(v, f64x2.sub(pair, get(means))), f64x2.mul(get(v), get(v))]),
      // [3] y = ((x - mean)·r)·weight + bias
      set(r, f64x2.splat(f64.div(f64.const(1), f64.sqrt(f64.add(f64.div(get(variance), get(D)), get(eps)))))),
      set(from, get(x)), set(to, get(y)), set(g, get(weight)), set(b, get(bias)),
      repeat(n, i32.shr_u(get(width), i32.const(2)), [
        v128.store(get(to), round(normalised(pairs(from, 0), pairs(g, 0), pairs(b, 0)),
          normalised(pairs(from, 8), pairs(g, 8), pairs(b, 8)))),
        advance(from, 16), advance(to, 16), advance(g, 16), advance(b, 16),
      ]),
      when(get(rest), [
        loadTail(v, from, rest), loadTail(gs, g, rest), loadTail(bs, b, rest),
        set(v, round(normalised(low(get(v)), low(get(gs)), low(get(bs))), normalised(high(v), high(gs), high(bs)))),
        storeTail(v, to, rest),
      ]),
      advance(x, get(xStride)), advance(y, get(yStride)),
    ]),
  );
  return [f];
}

export function runLayerNorm(step: LayerNormStep, machine: Machine, part: number, parts: number): void {
  runRows('layerNorm', step, machine, part, parts, step.weight, step.bias, step.eps);
}
