// Pickles: cut at their opcodes, opcodes put in, left out, moved and given other operands. Opcodes and operands:
// CPython, Lib/pickletools.py.

import { concat, latin1, uint32LE } from './bytes.ts';
import { havoc, MAX_INPUT, TURNING_POINTS, type Mutator, type Surroundings } from './havoc.ts';

/** Bytes of the fixed operands, by opcode. */
const FIXED: ReadonlyMap<number, number> = new Map([
  [0x80, 1],
  [0x95, 8],
  [0x4a, 4],
  [0x4b, 1],
  [0x4d, 2],
  [0x47, 8],
  [0x71, 1],
  [0x72, 4],
  [0x68, 1],
  [0x6a, 4],
]);
/** Bytes of the length before an operand. */
const COUNTED: ReadonlyMap<number, number> = new Map([
  [0x8a, 1],
  [0x8b, 4],
  [0x58, 4],
  [0x8c, 1],
  [0x8d, 8],
  [0x54, 4],
  [0x55, 1],
  [0x42, 4],
  [0x43, 1],
  [0x8e, 8],
  [0x96, 8],
]);
/** Lines that follow. */
const LINES: ReadonlyMap<number, number> = new Map([
  [0x49, 1],
  [0x4c, 1],
  [0x46, 1],
  [0x53, 1],
  [0x56, 1],
  [0x70, 1],
  [0x67, 1],
  [0x63, 2],
  [0x69, 2],
  [0x50, 1],
]);
const PLAIN = latin1('N\x88\x89()]}\x8ftle\x91\x85\x86\x87dasu\x90012\x94R\x81\x92\x93ob\x51.');

/** Where each opcode begins; the rest, if it makes no sense, is the last. */
export function opcodesOf(bytes: Uint8Array): number[] {
  const starts: number[] = [];
  let at = 0;
  while (at < bytes.length) {
    starts.push(at);
    const opcode = bytes[at++];
    const fixed = FIXED.get(opcode),
      counted = COUNTED.get(opcode),
      lines = LINES.get(opcode);
    if (fixed !== undefined) at += fixed;
    else if (counted !== undefined) {
      let length = 0;
      for (let i = Math.min(counted, 4) - 1; i >= 0; i--) length = length * 256 + (bytes[at + i] ?? 0);
      at += counted + length;
    } else
      for (let n = lines ?? 0; n > 0; n--) {
        const end = bytes.indexOf(0x0a, at);
        at = end < 0 ? bytes.length : end + 1;
      }
  }
  return starts;
}

const GLOBALS = [
  'collections\nOrderedDict',
  'torch._utils\n_rebuild_tensor_v2',
  'torch\nFloatStorage',
  'torch\nHalfStorage',
  'os\nsystem',
  'builtins\nlist',
  'builtins\ndict',
  'torch\nSize',
  'torch._utils\n_rebuild_parameter',
  '__torch__.x\nY',
  'torch.jit._pickle\nbuild_intlist',
  'torch._tensor\n_rebuild_from_type_v2',
  'builtins\nset',
  '_codecs\nencode',
  'numpy\ndtype',
];

/** One opcode with an operand. */
function randomOpcode({ random, dictionary }: Surroundings): Uint8Array {
  const what = random.below(10);
  if (what < 4) return Uint8Array.of(random.pick(PLAIN));
  if (what === 4) return concat(Uint8Array.of(0x4a), uint32LE(random.pick(TURNING_POINTS)));
  if (what === 5) return Uint8Array.of(random.pick([0x4b, 0x68, 0x71, 0x80]), random.below(8));
  if (what === 6) return latin1(`c${random.pick(GLOBALS)}\n`);
  if (what === 7) {
    const word = dictionary.length > 0 ? random.pick(dictionary).subarray(0, 255) : latin1('x');
    return concat(Uint8Array.of(random.pick([0x8c, 0x55, 0x43]), word.length), word);
  }
  if (what === 8)
    return latin1(
      `${random.pick(['I', 'L', 'F', 'S', 'V', 'p', 'g'])}${random.pick(['0', '00', '01', '-1', '1e999', 'nan', '9'.repeat(random.pick([3, 20, 2000])), "'a'", '"\\x41\\101\\n"', '\\u0041\\U0010ffff', '', 'inf'])}\n`,
    );
  const counted = random.pick([...COUNTED.keys()]),
    size = COUNTED.get(counted)!,
    length = random.pick(TURNING_POINTS);
  return concat(
    Uint8Array.of(counted),
    uint32LE(length).subarray(0, Math.min(size, 4)),
    new Uint8Array(Math.max(0, size - 4)),
    Uint8Array.from({ length: Math.min(length, random.below(20)) }, () => random.byte()),
  );
}

export const pickle: Mutator = (input, around) => {
  const { random } = around;
  if (random.one(6)) return havoc(input, around);
  const starts = opcodesOf(input);
  const codes: Uint8Array[] = starts.map((start, i) => input.slice(start, starts[i + 1] ?? input.length));
  for (let n = 1 << random.below(4); n > 0; n--) {
    const at = random.below(codes.length),
      what = random.below(8);
    if (codes.length === 0 || what <= 1) codes.splice(at, 0, randomOpcode(around));
    else if (what === 2) codes.splice(at, 1);
    else if (what === 3) codes.splice(random.below(codes.length), 0, codes[at]);
    else if (what === 4) codes[at] = randomOpcode(around);
    else if (what === 5)
      codes[at] = concat(codes[at].subarray(0, 1), havoc(codes[at].subarray(1), around).subarray(0, 300));
    else if (what === 6)
      codes.splice(
        at,
        0,
        ...Array.from({ length: random.pick([2, 3, 10, 1100]) }, () =>
          codes[at].length < 20 ? codes[at] : randomOpcode(around),
        ),
      );
    else {
      const other = around.other(),
        from = opcodesOf(other),
        first = random.below(from.length);
      codes.splice(at, 0, other.slice(from[first], from[Math.min(from.length - 1, first + 1 + random.below(12))]));
    }
  }
  return concat(...codes).slice(0, MAX_INPUT);
};
