// Half precision in memory, single in the kernels: weights that a checkpoint holds in half precision can stay so, and
// are widened panel by panel on the way into a product. Both directions are exact for finite halves, subnormals
// included, so the bits are those of widened weights.
//
// Method: a half's exponent and fraction, moved into a float32's place, make its value times 2^-112; multiplying by
// 2^112 corrects that.

import {
  advance, f32x4, FunctionBuilder, get, i32, i32x4, i8x16, repeat, set, v128, type Code,
} from '../wasm/assembler.ts';
import { paramsOf } from '../wasm/lanes.ts';
import { share, type Kernels, type Machine } from '../wasm/machine.ts';

const UP = 0x77800000; // the bits of 2^112
const DOWN = 0x07800000; // of 2^-112

/** widen(from, to, count): halves to float32. Reads up to 14 bytes and writes up to 28 past the end. */
function widenKernel(): FunctionBuilder {
  const f = new FunctionBuilder('widen');
  const [from, to, count] = paramsOf(f, 'i32', 3);
  const n = f.local('i32');
  const [h, x] = f.locals('v128', 2);
  const four = (extended: Code, at: number): Code => [
    set(x, extended),
    v128.store(get(to), v128.or(
      f32x4.mul(i32x4.shl(v128.and(get(x), i32x4.const(0x7fff)), i32.const(13)), i32x4.const(UP)),
      i32x4.shl(v128.and(get(x), i32x4.const(0x8000)), i32.const(16)),
    ), at),
  ];
  f.emit(repeat(n, i32.shr_u(i32.add(get(count), i32.const(7)), i32.const(3)), [
    set(h, v128.load(get(from))),
    four(i32x4.extend_low_u16(get(h)), 0),
    four(i32x4.extend_high_u16(get(h)), 16),
    advance(from, 16),
    advance(to, 32),
  ]));
  return f;
}

/** narrow(from, to, count): float32 that are halves to halves. count a multiple of 8. */
function narrowKernel(): FunctionBuilder {
  const f = new FunctionBuilder('narrow');
  const [from, to, count] = paramsOf(f, 'i32', 3);
  const n = f.local('i32');
  const x = f.locals('v128', 2);
  const lows = [0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29];
  const bits = (i: number): Code => v128.or(
    i32x4.shr_u(f32x4.mul(f32x4.abs(get(x[i])), i32x4.const(DOWN)), i32.const(13)),
    v128.and(i32x4.shr_u(get(x[i]), i32.const(16)), i32x4.const(0x8000)),
  );
  f.emit(repeat(n, i32.shr_u(get(count), i32.const(3)), [
    x.map((v, i) => set(v, v128.load(get(from), 16 * i))),
    v128.store(get(to), i8x16.shuffle(bits(0), bits(1), lows)),
    advance(from, 32),
    advance(to, 16),
  ]));
  return f;
}

export const halfKernels = (): FunctionBuilder[] => [widenKernel(), narrowKernel()];

/** Calls widen. */
export function widen(kernels: Kernels, from: number, to: number, count: number): void {
  kernels.widen(from, to, count);
}

/** Narrows a packed weight that was read from halves. */
export interface NarrowStep {
  kind: 'narrow';
  x: number;
  y: number;
  /** A multiple of 8. */
  count: number;
}

export function runNarrow({ x, y, count }: NarrowStep, machine: Machine, part: number, parts: number): void {
  const [begin, end] = share(count, 1024, part, parts);
  machine.kernels.narrow(x + 4 * begin, y + 2 * begin, end - begin);
}
