// What follows a product in the network, applied to a finished block of it while the block is in the cache. Each step
// rounds as its own operation would.

import { affine, maskOf, reluIf } from './batch-norm2d.simd.ts';
import { geluBlock } from './gelu.simd.ts';
import { quickGeluBlock } from './quick-gelu.simd.ts';
import { advance, f32x4, FunctionBuilder, get, i32, repeat, set, v128, when, type Code } from '../wasm/assembler.ts';
import { paramsOf, type Block } from '../wasm/lanes.ts';
import type { Kernels } from '../wasm/machine.ts';

/**
 * linearEpilogue(c, ldc, rows, cols, bias, act, residual, ldr, tables): c[r][j] = RN32(act(RN32(c[r][j] + bias[j])) +
 * residual[r][j]), in place.
 */
function linearKernel(): FunctionBuilder {
  const f = new FunctionBuilder('linearEpilogue');
  const [c, ldc, rows, cols, bias, act, residual, ldr, tables] = paramsOf(f, 'i32', 9);
  const [row, n, at, b, r] = f.locals('i32', 5);
  const [v, w] = f.locals('v128', 2);
  const loop = (activation: Block | null): Code => repeat(row, get(rows), [
    set(at, get(c)), set(b, get(bias)), set(r, get(residual)),
    repeat(n, i32.shr_u(get(cols), i32.const(2)), [
      set(v, v128.load(get(at))),
      when(get(bias), [set(v, f32x4.add(get(v), v128.load(get(b)))), advance(b, 16)]),
      activation === null ? [] : [activation(v, w), set(v, get(w))],
      when(get(residual), [set(v, f32x4.add(get(v), v128.load(get(r)))), advance(r, 16)]),
      v128.store(get(at), get(v)), advance(at, 16),
    ]),
    advance(c, get(ldc)), when(get(residual), advance(residual, get(ldr))),
  ]);
  f.emit(when(i32.eqz(get(act)),
    loop(null),
    when(i32.eq(get(act), i32.const(1)), loop(quickGeluBlock(f, tables)), loop(geluBlock(f, tables)))));
  return f;
}

/**
 * convEpilogue(c, ldc, rows, cols, ac, bias, residual, ldr, relu): row r is output channel r, in place: RN32(+
 * bias[r]); RN32(·a + c) with the pair (a, c) of binary64 at ac + 16·r; RN32(+ residual[r][j]); relu.
 */
function convKernel(): FunctionBuilder {
  const f = new FunctionBuilder('convEpilogue');
  const [c, ldc, rows, cols, ac, bias, residual, ldr, relu] = paramsOf(f, 'i32', 9);
  const [row, n, at, r] = f.locals('i32', 4);
  const [v, shift, a, b, mask] = f.locals('v128', 5);
  const blocks = i32.shr_u(get(cols), i32.const(2));
  const loop = (normalised: boolean, summed: boolean): Code => [
    set(at, get(c)), set(r, get(residual)),
    repeat(n, blocks, [
      set(v, v128.load(get(at))),
      normalised ? set(v, affine(v, a, b)) : [],
      summed ? [set(v, f32x4.add(get(v), v128.load(get(r)))), advance(r, 16)] : [],
      v128.store(get(at), reluIf(v, mask)), advance(at, 16),
    ]),
  ];
  f.emit(
    set(mask, maskOf(relu)),
    repeat(row, get(rows), [
      when(get(bias), [
        set(shift, v128.load32_splat(get(bias))), advance(bias, 4), set(at, get(c)),
        repeat(n, blocks, [v128.store(get(at), f32x4.add(v128.load(get(at)), get(shift))), advance(at, 16)]),
      ]),
      when(get(ac),
        [
          set(a, v128.load64_splat(get(ac))), set(b, v128.load64_splat(get(ac), 8)), advance(ac, 16),
          when(get(residual), loop(true, true), loop(true, false)),
        ],
        when(get(residual), loop(false, true), when(get(relu), loop(false, false)))),
      advance(c, get(ldc)), when(get(residual), advance(residual, get(ldr))),
    ]),
  );
  return f;
}

export function epilogueKernels(): FunctionBuilder[] {
  return [linearKernel(), convKernel()];
}

/** A finished block of a product, and what is added to it. */
interface Epilogue {
  /** The block's address, the bytes from one row to the next, its rows and columns (a multiple of 8). */
  c: number;
  ldc: number;
  rows: number;
  columns: number;
  /** Address of the bias, or 0. */
  bias: number;
  /** Address of the residual, or 0, and the bytes from one row of it to the next. */
  residual: number;
  ldr: number;
}

export interface LinearEpilogue extends Epilogue {
  /** 0 none, 1 quickGelu, 2 gelu */
  activation: 0 | 1 | 2;
  /** Address of the elementwise kernels' tables. */
  tables: number;
}

export function linearEpilogue(kernels: Kernels, x: LinearEpilogue): void {
  kernels.linearEpilogue(x.c, x.ldc, x.rows, x.columns, x.bias, x.activation, x.residual, x.ldr, x.tables);
}

export interface ConvEpilogue extends Epilogue {
  /** Address of batchNorm2d's pairs (a, c), or 0. */
  ac: number;
  relu: boolean;
}

export function convEpilogue(kernels: Kernels, x: ConvEpilogue): void {
  kernels.convEpilogue(x.c, x.ldc, x.rows, x.columns, x.ac, x.bias, x.residual, x.ldr, x.relu ? 1 : 0);
}
