// .npy: the dictionary in the header changed as text, its length made right, the data made as long as it says.

import { concat, latin1 } from './bytes.ts';
import { havoc, TURNING_POINTS, type Mutator } from './havoc.ts';

const DESCRIPTIONS = [
  '<f4',
  '<f8',
  '<f2',
  '>f4',
  '>f2',
  '>f8',
  '|V2',
  '<V2',
  '|O',
  '<i8',
  '|u1',
  '<U5',
  'bfloat16',
  '=f4',
  '',
  'f4',
];
const BYTES: Readonly<Record<string, number>> = { f2: 2, V2: 2, f4: 4, f8: 8, bfloat16: 2 };

export function npyOf(header: string, data: Uint8Array, version = 1): Uint8Array {
  const length =
    version === 1
      ? Uint8Array.of(header.length & 255, header.length >> 8)
      : Uint8Array.of(header.length & 255, (header.length >> 8) & 255, 0, 0);
  return concat(latin1('\x93NUMPY'), Uint8Array.of(version, 0), length, latin1(header), data);
}

export const npy: Mutator = (input, around) => {
  const { random } = around;
  if (random.one(4)) return havoc(input, around);
  const start = input[6] === 1 ? 10 : 12;
  const shape = Array.from({ length: random.one(10) ? random.pick([31, 32, 33, 40]) : random.below(5) }, () =>
    random.one(6) ? random.pick(TURNING_POINTS) : random.below(6),
  );
  const description = random.pick(DESCRIPTIONS);
  const fields = [
    `'descr': '${description}'`,
    `'fortran_order': ${random.pick(['True', 'False', 'False', '1'])}`,
    `'shape': (${shape.join(random.pick([', ', ',', 'L, ']))}${shape.length === 1 ? ',' : ''})`,
  ];
  if (random.one(8)) fields.splice(random.below(3), 1);
  if (random.one(8)) fields[0] = random.pick(["'descr': [('a', '<f4')]", "'descr': ('<f4', (2,))", '"descr": "<f4"']);
  let header = `{${fields.join(', ')}, }${' '.repeat(random.below(64))}\n`;
  if (random.one(6)) header = Buffer.from(havoc(latin1(header), around)).toString('latin1');
  const wanted = shape.reduce((product, n) => product * n, BYTES[description.replace(/^[<>|=]/, '')] ?? 1);
  let data = input.subarray(Math.min(input.length, start));
  if (wanted < 4096 && !random.one(5)) {
    const filled = new Uint8Array(wanted);
    filled.set(data.subarray(0, wanted));
    data = filled;
  }
  return npyOf(header, data, random.one(5) ? random.below(5) : 1);
};
