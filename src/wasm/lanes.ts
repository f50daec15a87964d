// Pieces of code that the elementwise kernels share: four binary32 as two pairs of binary64 and back, rows whose length
// is no multiple of 4.

import {
  advance, f32x4, f64, f64x2, get, i32, i8x16, repeat, set, tee, v128, when, type Code, type FunctionBuilder,
    type Local, type ValueType,
} from './assembler.ts';

const HIGH_HALF = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15];
const LOW_HALVES = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
const HIGH_HALVES = [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31];
const LOW_WORDS = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];

/** Lanes 0 and 1 of four binary32 as binary64, exactly. */
export const low = (x: Code): Code => f64x2.promote_low_f32x4(x);
/** Lanes 2 and 3. */
export const high = (x: Local): Code => f64x2.promote_low_f32x4(i8x16.shuffle(get(x), get(x), HIGH_HALF));
/** Four binary64 as binary32, each rounded once. */
export const round = (a: Code, b: Code): Code => i8x16.shuffle(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b),
  LOW_HALVES);
/** (a0, b0) of two pairs. */
export const firsts = (a: Code, b: Code): Code => i8x16.shuffle(a, b, LOW_HALVES);
/** (a1, b1) of two pairs. */
export const seconds = (a: Code, b: Code): Code => i8x16.shuffle(a, b, HIGH_HALVES);
/** The low 32 bits of four 64-bit lanes. */
export const lowWords = (a: Code, b: Code): Code => i8x16.shuffle(a, b, LOW_WORDS);

/** Parameters of one type. */
export const paramsOf = (f: FunctionBuilder, type: ValueType, count: number): Local[] => Array.from({ length: count },
  () => f.param(type));

/** v = the `rest` (1 to 3) binary32 at an address, 0 in the other lanes. Reads no further. */
export function loadTail(v: Local, address: Local, rest: Local): Code {
  return when(i32.eq(get(rest), i32.const(1)),
    set(v, v128.load32_zero(get(address))),
    [set(v, v128.load64_zero(get(address))),
      when(i32.eq(get(rest), i32.const(3)), set(v, v128.load32_lane(get(address), get(v), 8, 2)))]);
}

/** Stores the first `rest` (1 to 3) lanes of v, and nothing after them. */
export function storeTail(v: Local, address: Local, rest: Local): Code {
  return when(i32.eq(get(rest), i32.const(1)),
    v128.store32_lane(get(address), get(v), 0, 0),
    [v128.store64_lane(get(address), get(v), 0, 0),
      when(i32.eq(get(rest), i32.const(3)), v128.store32_lane(get(address), get(v), 8, 2))]);
}

const lanesBelow = (first: number, count: Code): Code =>
  f64x2.lt(f64x2.replace_lane(f64x2.const(first), 1, f64.const(first + 1)), f64x2.splat(f64.convert_i32_s(count)));
/** All ones in those of the lanes 0 and 1 that a row's last `rest` elements have, as binary64 lanes. */
export const lowOfTail = (rest: Local): Code => lanesBelow(0, get(rest));
/** The same for lanes 2 and 3. */
export const highOfTail = (rest: Local): Code => lanesBelow(2, get(rest));

/** What becomes of four binary32: code that sets y from x (different locals). */
export type Block = (x: Local, y: Local) => Code;

/** y[i] = block(x[i]) for `count` elements, four at a time, the rest in one short block. x and y advance. */
export function mapElements(f: FunctionBuilder, x: Local, y: Local, count: Local, block: Block): Code {
  const [from, to] = f.locals('v128', 2);
  const [n, rest] = f.locals('i32', 2);
  return [
    repeat(n, i32.shr_u(get(count), i32.const(2)), [
      set(from, v128.load(get(x))), block(from, to), v128.store(get(y), get(to)), advance(x, 16), advance(y, 16),
    ]),
    when(tee(rest, i32.and(get(count), i32.const(3))),
      [loadTail(from, x, rest), block(from, to), storeTail(to, y, rest)]),
  ];
}

/** Constants of a kernel, set before its loops: V8 builds a v128.const anew where it stands, in the loop. */
export class Constants {
  readonly #f: FunctionBuilder;
  readonly #known = new Map<string, Code>();

  constructor(f: FunctionBuilder) {
    this.#f = f;
  }

  #local(key: string, code: Code): Code {
    let known = this.#known.get(key);
    if (known === undefined) {
      const local = this.#f.local('v128');
      this.#f.emit(set(local, code));
      this.#known.set(key, known = get(local));
    }
    return known;
  }

  f64(value: number): Code {
    return this.#local(`f64 ${Object.is(value, -0) ? '-0' : value}`, f64x2.const(value));
  }

  f32(value: number): Code {
    return this.#local(`f32 ${Object.is(value, -0) ? '-0' : value}`, f32x4.const(value));
  }

  of(name: string, code: Code): Code {
    return this.#local(name, code);
  }
}
