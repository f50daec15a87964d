// A small assembler for WebAssembly with SIMD: kernels are written as TypeScript functions and become a module when the
// program starts.
//
// Expressions are nested arrays of bytes, so a kernel reads like its plain twin:
//
//     set(s, f32x4.add(get(s), f32x4.mul(v128.load32_splat(get(a)), v128.load(get(b)))))
//
// Sources: WebAssembly core specification 2.0, chapter 5 (binary format); fixed-width SIMD only. Relaxed SIMD is left
// out on purpose.

/** Bytes of a piece of code, nested as it was composed. */
export type Code = readonly (number | Code)[];

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** A parameter or local variable of a function. */
export interface Local {
  readonly index: number;
  readonly type: ValueType;
}

const TYPE_BYTE: Record<ValueType, number> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** Unsigned LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return bytes;
}

/** Signed LEB128 of a 32-bit integer. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

function doubleBytes(value: number): number[] {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value, true);
  return [...new Uint8Array(view.buffer)];
}

function floatBytes(value: number): number[] {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value, true);
  return [...new Uint8Array(view.buffer)];
}

// Shapes of instructions.
const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];
const unary = (opcode: readonly number[]) => (a: Code): Code => [a, opcode];
const binary = (opcode: readonly number[]) => (a: Code, b: Code): Code => [a, b, opcode];
const ternary = (opcode: readonly number[]) => (a: Code, b: Code, c: Code): Code => [a, b, c, opcode];
const load = (opcode: readonly number[], align: number) => (address: Code, offset = 0): Code => [address, opcode, align,
  unsigned(offset)];
const store = (opcode: readonly number[], align: number) => (address: Code, value: Code, offset = 0): Code => [address,
  value, opcode, align, unsigned(offset)];
const lane = (opcode: readonly number[]) => (a: Code, index: number): Code => [a, opcode, index];

export const get = (local: Local): Code => [0x20, unsigned(local.index)];
export const set = (local: Local, value: Code): Code => [value, 0x21, unsigned(local.index)];
export const tee = (local: Local, value: Code): Code => [value, 0x22, unsigned(local.index)];

export const i32 = {
  const: (value: number): Code => [0x41, signed(value)],
  add: binary([0x6a]), sub: binary([0x6b]), mul: binary([0x6c]), and: binary([0x71]), or: binary([0x72]),
    shl: binary([0x74]), shr_s: binary([0x75]), shr_u: binary([0x76]),
  eq: binary([0x46]), ne: binary([0x47]), lt_s: binary([0x48]), lt_u: binary([0x49]), gt_s: binary([0x4a]),
    ge_s: binary([0x4e]), ge_u: binary([0x4f]), eqz: unary([0x45]),
  load: load([0x28], 2), store: store([0x36], 2), load16_u: load([0x2f], 1),
  wrap_i64: unary([0xa7]),
};

export const f32 = {
  const: (value: number): Code => [0x43, floatBytes(value)],
  load: load([0x2a], 2), store: store([0x38], 2),
  add: binary([0x92]), sub: binary([0x93]), mul: binary([0x94]), div: binary([0x95]), demote_f64: unary([0xb6]),
};

export const f64 = {
  const: (value: number): Code => [0x44, doubleBytes(value)],
  load: load([0x2b], 3), store: store([0x39], 3),
  add: binary([0xa0]), sub: binary([0xa1]), mul: binary([0xa2]), div: binary([0xa3]), sqrt: unary([0x9f]),
    promote_f32: unary([0xbb]), convert_i32_s: unary([0xb7]),
};

export const v128 = {
  load: load(simd(0), 2), store: store(simd(11), 2), load32_splat: load(simd(9), 2), load64_splat: load(simd(10), 3),
    load64_zero: load(simd(93), 3), load32_zero: load(simd(92), 2),
  load64_lane: (address: Code, value: Code, offset: number, index: number): Code => [address, value, simd(87), 3,
    unsigned(offset), index],
  load32_lane: (address: Code, value: Code, offset: number, index: number): Code => [address, value, simd(86), 2,
    unsigned(offset), index],
  store64_lane: (address: Code, value: Code, offset: number, index: number): Code => [address, value, simd(91), 3,
    unsigned(offset), index],
  store32_lane: (address: Code, value: Code, offset: number, index: number): Code => [address, value, simd(90), 2,
    unsigned(offset), index],
  const: (bytes: readonly number[]): Code => [simd(12), bytes],
  and: binary(simd(78)), andnot: binary(simd(79)), or: binary(simd(80)), xor: binary(simd(81)),
    bitselect: ternary(simd(82)), any_true: unary(simd(83)),
};

export const i8x16 = {
  /** Lanes 0 to 15 take a's bytes, 16 to 31 b's. */
  shuffle: (a: Code, b: Code, lanes: readonly number[]): Code => [a, b, simd(13), lanes],
};

export const i32x4 = {
  splat: unary(simd(17)), extract_lane: lane(simd(27)), add: binary(simd(174)), sub: binary(simd(177)), and: v128.and,
    shl: binary(simd(171)), shr_u: binary(simd(173)), shr_s: binary(simd(172)),
  const: (value: number): Code => v128.const(Array.from({ length: 16 }, (_, i) => (value >>> (8 * (i % 4))) & 0xff)),
  extend_low_u16: unary(simd(169)), extend_high_u16: unary(simd(170)), eq: binary(simd(55)), lt_u: binary(simd(58)),
    gt_u: binary(simd(60)),
  min_u: binary(simd(183)), all_true: unary(simd(163)), bitmask: unary(simd(164)),
    trunc_sat_f64x2_s_zero: unary(simd(252)),
};

export const i64x2 = {
  splat: unary(simd(18)), extract_lane: lane(simd(29)), add: binary(simd(206)), sub: binary(simd(209)),
    shl: binary(simd(203)), shr_s: binary(simd(204)), shr_u: binary(simd(205)),
  const: (value: bigint): Code => v128.const(Array.from({ length: 16 },
    (_, i) => Number((BigInt.asUintN(64, value) >> BigInt(8 * (i % 8))) & 0xffn))),
};

export const f32x4 = {
  splat: unary(simd(19)), extract_lane: lane(simd(31)),
    replace_lane: (a: Code, index: number, value: Code): Code => [a, value, simd(32), index],
  const: (value: number): Code => v128.const([0, 1, 2, 3].flatMap(() => floatBytes(value))),
  add: binary(simd(228)), sub: binary(simd(229)), mul: binary(simd(230)), div: binary(simd(231)),
    min: binary(simd(232)), max: binary(simd(233)), pmax: binary(simd(235)),
  eq: binary(simd(65)), ne: binary(simd(66)), lt: binary(simd(67)), gt: binary(simd(68)), le: binary(simd(69)),
    ge: binary(simd(70)), abs: unary(simd(224)), neg: unary(simd(225)),
  /** Two binary64 to the low two lanes, zeros above. */
  demote_f64x2_zero: unary(simd(94)),
};

export const f64x2 = {
  splat: unary(simd(20)), extract_lane: lane(simd(33)),
    replace_lane: (a: Code, index: number, value: Code): Code => [a, value, simd(34), index],
  const: (value: number): Code => v128.const([...doubleBytes(value), ...doubleBytes(value)]),
  add: binary(simd(240)), sub: binary(simd(241)), mul: binary(simd(242)), div: binary(simd(243)),
    sqrt: unary(simd(239)), min: binary(simd(244)), max: binary(simd(245)), pmin: binary(simd(246)),
    pmax: binary(simd(247)),
  eq: binary(simd(71)), ne: binary(simd(72)), lt: binary(simd(73)), gt: binary(simd(74)), le: binary(simd(75)),
    ge: binary(simd(76)), abs: unary(simd(236)), neg: unary(simd(237)),
  /** The low two lanes. */
  promote_low_f32x4: unary(simd(95)),
  /** The low two lanes. */
  convert_low_i32x4_s: unary(simd(254)),
};

/** Runs the body at least once, and again while `condition` (computed at its end) is not zero. */
export const loopWhile = (body: Code, condition: Code): Code => [0x03, 0x40, body, condition, 0x0d, 0x00, 0x0b];
export const when = (condition: Code, body: Code, otherwise: Code | null = null): Code => [condition, 0x04, 0x40, body,
  otherwise === null ? [] : [0x05, otherwise], 0x0b];

/**
 * Runs the body `count` times, counting a local down to zero; not at all if the count is zero. The form that V8's
 * compiler likes best.
 */
export function repeat(counter: Local, count: Code, body: Code): Code {
  return when(tee(counter, count), loopWhile(body, tee(counter, i32.sub(get(counter), i32.const(1)))));
}

/** Adds a constant to an i32 local. */
export const advance = (local: Local, by: number | Code): Code => set(local,
  i32.add(get(local), typeof by === 'number' ? i32.const(by) : by));

/** One function of a module, being written. */
export class FunctionBuilder {
  readonly name: string;
  readonly params: ValueType[] = [];
  readonly results: ValueType[];
  readonly #locals: ValueType[] = [];
  readonly #body: Code[] = [];

  constructor(name: string, results: ValueType[] = []) {
    this.name = name;
    this.results = results;
  }

  /** Parameters, in order. All before the first local. */
  param(type: ValueType): Local {
    if (this.#locals.length > 0) throw new Error(`${this.name}: parameters come before locals`);
    this.params.push(type);
    return { index: this.params.length - 1, type };
  }

  local(type: ValueType): Local {
    this.#locals.push(type);
    return { index: this.params.length + this.#locals.length - 1, type };
  }

  locals(type: ValueType, count: number): Local[] {
    return Array.from({ length: count }, () => this.local(type));
  }

  emit(...code: Code[]): void {
    this.#body.push(...code);
  }

  /** The entry of the code section. */
  encode(): number[] {
    const groups: [number, ValueType][] = [];
    for (const type of this.#locals) {
      const last = groups[groups.length - 1];
      if (last !== undefined && last[1] === type) last[0]++;
      else groups.push([1, type]);
    }
    const body = [...unsigned(groups.length),
      ...groups.flatMap(([count, type]) => [...unsigned(count), TYPE_BYTE[type]])];
    flatten(this.#body, body);
    body.push(0x0b);
    return [...unsigned(body.length), ...body];
  }
}

function flatten(code: Code, into: number[]): void {
  for (const item of code) {
    if (typeof item === 'number') into.push(item);
    else flatten(item, into);
  }
}

/**
 * The bytes of a module that imports its memory as env.memory and exports the functions by their names.
 * @param pages the least and the most pages of 64 KiB that the memory may have
 */
export function assemble(functions: readonly FunctionBuilder[],
  memory: { shared: boolean; minimum: number; maximum: number }): Uint8Array<ArrayBuffer> {
  const section = (id: number, content: number[]): number[] => [id, ...unsigned(content.length), ...content];
  const vector = (items: number[][]): number[] => [...unsigned(items.length), ...items.flat()];
  const text = (value: string): number[] => [...unsigned(value.length), ...[...value].map((c) => c.charCodeAt(0))];
  const types = functions.map((f) => [0x60, ...vector(f.params.map((t) => [TYPE_BYTE[t]])),
    ...vector(f.results.map((t) => [TYPE_BYTE[t]]))]);
  const limits = [memory.shared ? 0x03 : 0x01, ...unsigned(memory.minimum), ...unsigned(memory.maximum)];
  const code: number[] = [];
  for (const f of functions) for (const byte of f.encode()) code.push(byte);
  const codeLength = [...unsigned(functions.length)];
  const bytes = [
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
    ...section(1, vector(types)),
    ...section(2, vector([[...text('env'), ...text('memory'), 0x02, ...limits]])),
    ...section(3, vector(functions.map((_, i) => unsigned(i)))),
    ...section(7, vector(functions.map((f, i) => [...text(f.name), 0x00, ...unsigned(i)]))),
    10, ...unsigned(codeLength.length + code.length), ...codeLength,
  ];
  const module = new Uint8Array(bytes.length + code.length);
  module.set(bytes);
  module.set(code, bytes.length);
  return module;
}
