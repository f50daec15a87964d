// Dot products of numbers that networks rarely show: subnormal results, cancellation, overflow, NaN. 64 rows of 1,000
// and 4 columns for each kind; an engine that flushes subnormals computes ordinary numbers without a fault.

import ndarray from 'ndarray';
import { fillWords } from '../../../src/ops/threefry.ts';
import type { Executor } from '../../../src/executors/executor.ts';
import type { Operations } from '../../../src/ops/operations.ts';
import type { Tensor } from '../../../src/ops/tensor.ts';
import { Fold, type Folded } from './hash.ts';

const [ROWS, COLUMNS, K] = [64, 4, 1000];

/** A binary32 of a random word: bits of sign and fraction as they are, the exponent (127 is 1) by `exponent`. */
const withExponents =
  (lowest: number, count: number) =>
  (word: number): number =>
    ((word & 0x807fffff) | ((lowest + (((word >>> 23) & 0xff) % count)) << 23)) >>> 0;

/** Every kind: bits of element i of a row or column, from a random word. */
const KINDS: readonly {
  name: string;
  row: (word: number, i: number) => number;
  column: (word: number, i: number) => number;
}[] = [
  { name: 'ordinary', row: withExponents(120, 8), column: withExponents(120, 8) },
  { name: 'wide', row: withExponents(97, 60), column: withExponents(97, 60) },
  // Products of about 2^-135, which are subnormal, and sums of them.
  { name: 'subnormal results', row: withExponents(58, 3), column: withExponents(58, 3) },
  // Subnormal operands times numbers about 1.
  { name: 'subnormal operands', row: (word) => (word & 0x807fffff) >>> 0, column: withExponents(125, 4) },
  // Products of about 2^120 that sum up to 2^128 here and there, to either side.
  { name: 'overflow', row: withExponents(186, 3), column: withExponents(187, 3) },
  {
    name: 'Infinity',
    row: (word, i) => (i === 500 ? 0x7f800000 : withExponents(120, 8)(word)),
    column: withExponents(120, 8),
  },
  {
    name: 'NaN',
    row: (word, i) => (i === 777 ? 0x7f800001 | (word & 0x80000000) : withExponents(120, 8)(word)) >>> 0,
    column: withExponents(120, 8),
  },
  // Zeros of both signs only: the sum's sign is the order's.
  { name: 'signed zeros', row: (word) => (word & 0x80000000) >>> 0, column: withExponents(120, 8) },
];

function matrix(rows: number, key: number, bitsOf: (word: number, i: number) => number): Tensor<Float32Array> {
  const words = new Int32Array(rows * K);
  fillWords(words, words.length, 0x646f7473, key, 0);
  const bits = new Uint32Array(words.length);
  for (let i = 0; i < bits.length; i++) bits[i] = bitsOf(words[i], i % K);
  return ndarray(new Float32Array(bits.buffer), [rows, K]);
}

/** The results of each kind by name, (64, 4). */
export async function dots(executor: Executor): Promise<Map<string, Tensor>> {
  const answers = new Map<string, Tensor>();
  for (const [i, { name, row, column }] of KINDS.entries()) {
    const x = matrix(ROWS, 2 * i, row);
    const columns = matrix(COLUMNS, 2 * i + 1, column);
    const input = executor.precision === 'float64' ? (ndarray(Float64Array.from(x.data), x.shape) as Tensor) : x;
    answers.set(name, await executor.run([input], ([rows], ops: Operations) => ops.linear(rows, columns, null)));
  }
  return answers;
}

export function foldDots(answers: ReadonlyMap<string, Tensor>): Folded {
  const fold = new Fold();
  for (const [name, x] of answers) fold.addTensor(name, x);
  return fold.done();
}
