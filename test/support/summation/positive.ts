// Probing of sums whose summands cannot be negative, so that nothing cancels: exponentials, squares.
//
// Let one summand be 1, two be 3/8 of 2^-52, others 0. Alone, a small one is lost on the 1; the two together are 3/4 of
// the last bit and change the sum by one bit. So the sum says whether the two met each other before either met the 1,
// and such triples determine the tree. A float32 result of a float64 sum shows that bit only if the sum stands just
// where the rounding of the result changes: some more summands, exact multiples of 2^-52 in any order, bring it there.

import ndarray from 'ndarray';
import type { Tensor } from '../../../src/ops/tensor.ts';
import { unitNumbers } from '../arbitraries.ts';
import type { Floats } from './probe.ts';
import type { Computer } from './summers.ts';
import { meetings, stripes, type Tree } from './tree.ts';

const BIT = 2 ** -52;
const SMALL = 0.375 * BIT;

export interface PositiveSummer {
  name: string;
  n: number;
  tree: Tree;
  /** What the 1, each of the two small summands, and those between go in as. */
  inputs: { one: number; small: [number, number]; others: readonly number[]; none: number };
  /** What comes out at the place of the 1 if the small ones are lost, and if they are not. */
  outputs: [number, number];
  /** Rows of n inputs to rows of n outputs. */
  compute(rows: Float32Array): Promise<Floats>;
}

/** All triples (i; j, k) for few summands, else neighbours and random ones. */
export function triplesOf(n: number, most: number): [number, number, number][] {
  const triples: [number, number, number][] = [];
  const next = unitNumbers(n);
  const add = (i: number, j: number, k: number): void => {
    if (i !== j && i !== k && j < k && k < n) triples.push([i, j, k]);
  };
  if ((n * n * n) / 2 <= most) {
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) for (let k = j + 1; k < n; k++) add(i, j, k);
    return triples;
  }
  for (let i = 0; i < n; i++)
    for (const [j, k] of [
      [i + 1, i + 2],
      [i + 1, i + 4],
      [i + 4, i + 8],
      [i - 4, i - 1],
      [i - 8, i + 4],
    ])
      if (j >= 0) add(i, j, k);
  const any = (): number => Math.floor(((next() + 1) / 2) * n);
  while (triples.length < most) add(any(), any(), any());
  return triples;
}

/** What is wrong with the order of a positive sum, or null. */
export async function wrongPositiveOrder(
  { name, n, tree, inputs, outputs, compute }: PositiveSummer,
  most = 4000,
): Promise<string | null> {
  const met = meetings(tree, n);
  const triples = triplesOf(n, most);
  const rows = new Float32Array(triples.length * n).fill(inputs.none);
  triples.forEach(([i, j, k], t) => {
    const row = rows.subarray(t * n, (t + 1) * n);
    // The summands between keep out of the way, at places that change from triple to triple.
    for (let at = t % n, left = inputs.others.length; left > 0; at = (at + 1) % n)
      if (at !== i && at !== j && at !== k) row[at] = inputs.others[--left];
    row[i] = inputs.one;
    row[j] = inputs.small[0];
    row[k] = inputs.small[1];
  });
  const y = await compute(rows);
  for (const [t, [i, j, k]] of triples.entries()) {
    const result = y[t * n + i];
    const together = met[j * n + k] < met[i * n + j];
    if (Object.is(result, outputs[together ? 1 : 0])) continue;
    const seen = outputs.findIndex((output) => Object.is(result, output));
    if (seen < 0) return `${name}: a result of ${outputs.join(' or ')} was expected at ${i}, got ${result}`;
    return (
      `${name}: summands ${j} and ${k} ` +
      `${seen === 1 ? 'meet before they meet' : 'do not meet before one of them meets'} summand ${i}; the ` +
      `contract's text has it the other way`
    );
  }
  return null;
}

const tensor = (data: Float32Array, ...shape: number[]): Tensor => ndarray(data, shape) as Tensor;

/** A sum T, a multiple of 2^-52 near `near`, for which `result(T)` and `result(T + 2^-52)` differ. */
function edge(near: number, result: (sum: number) => number): number {
  for (let steps = -64; steps <= 64; steps++) {
    const T = near + steps * BIT;
    if (result(T) !== result(T + BIT)) return T;
  }
  throw new Error(`no edge near ${near}`);
}

/** The middle between a float32 below 1 and the next one. */
const middle = (near: number): number => Math.fround(near) + 2 ** -25;

/** softmax: e = exp(x - 0), p = e / S. */
export function softmaxSum(by: Computer, n: number, through: 'softmax' | 'attention' = 'softmax'): PositiveSummer {
  const round = by.float64 ? Number : Math.fround;
  const others: number[] = [];
  let T = 1;
  if (!by.float64) {
    T = edge(1 / middle(0.9), (sum) => round(1 / sum));
    // Exponentials of float32 numbers lie 2^-19 to 2^-21 apart, relative to themselves: three reach T closely enough;
    // the first two are multiples of 2^-52.
    let left = T - 1;
    for (let step = 0; step < 3; step++) {
      let x = Math.fround(Math.log(left));
      while (step < 2 && Math.fround(Math.exp(x)) >= left) x = Math.fround(x * (1 + 2 ** -23));
      others.push(x);
      left -= Math.fround(Math.exp(x));
    }
    if (Math.abs(left) > BIT / 50) throw new Error('the summands between do not reach the edge');
  }
  const small = Math.fround(Math.log(SMALL));
  return {
    name: `softmax's sum of ${n}${through === 'attention' ? ' in attention' : ''}, ${by.name}`,
    n,
    tree: stripes(n),
    inputs: { one: 0, small: [small, small], others, none: -Infinity },
    outputs: [round(1 / T), round(1 / (T + BIT))],
    compute: async (rows) => {
      const N = rows.length / n;
      if (through === 'softmax') return (await by.run([tensor(rows, N, n)], ([x], ops) => ops.softmax(x))).data;
      const unit = new Float32Array(n * n);
      for (let i = 0; i < n; i++) unit[i * n + i] = 1; // values that show each probability in a column of its own
      const zeros = (t: number): Tensor => tensor(new Float32Array(t * n), t, n);
      return (
        await by.run([zeros(N), zeros(n), tensor(unit, n, n)], ([q, k, v], ops) =>
          ops.attention(q, k, v, { mask: tensor(rows, N, n) }),
        )
      ).data;
    },
  };
}

/** l2Normalize: x / sqrt(sum of squares). */
export function normSum(by: Computer, n: number): PositiveSummer {
  const round = by.float64 ? Number : Math.fround;
  const result = (sum: number): number => round(1 / Math.sqrt(sum));
  const others: number[] = [];
  let T: number;
  if (by.float64) {
    let r = 2 ** -6; // one summand between, such that the root and the quotient still show the last bit
    while (result(1 + r * r) === result(1 + r * r + BIT)) r += 2 ** -26;
    others.push(r);
    T = 1 + r * r;
  } else {
    T = edge(1 / (middle(0.98) * middle(0.98)), result);
    let left = T - 1;
    for (let step = 0; step < 2; step++) {
      const r = Math.floor(Math.sqrt(left) * 2 ** 26) / 2 ** 26; // its square is a multiple of 2^-52
      others.push(r);
      left -= r * r;
    }
    const r = Math.fround(Math.sqrt(left));
    others.push(r);
    if (Math.abs(left - r * r) > BIT / 50) throw new Error('the summands between do not reach the edge');
  }
  const small = Math.fround(Math.sqrt(SMALL));
  return {
    name: `l2Normalize's sum of ${n}, ${by.name}`,
    n,
    tree: stripes(n),
    inputs: { one: 1, small: [small, small], others, none: 0 },
    outputs: [result(T), result(T + BIT)],
    compute: async (rows) => (await by.run([tensor(rows, rows.length / n, n)], ([x], ops) => ops.l2Normalize(x))).data,
  };
}

/**
 * layerNorm's variance. The deviations are the inputs themselves, because they sum to 0: 1 and eight times -1/8, the
 * small ones with both signs, and two between.
 * In float32 mode the bias takes away what the result would be as a float32, so that its last float64 bits are what is
 * left.
 */
export function varianceSum(by: Computer, n: number): PositiveSummer {
  const round = by.float64 ? Number : Math.fround;
  const factor = (sum: number): number => 1 / Math.sqrt(sum / n + 0);
  for (let r = 2 ** -5; r < 2 ** -3; r += 2 ** -26) {
    const T = 1 + 8 / 64 + 2 * r * r;
    const bias = by.float64 ? 0 : -Math.fround(factor(T));
    const outputs: [number, number] = [round(factor(T) + bias), round(factor(T + BIT) + bias)];
    if (outputs[0] === outputs[1]) continue;
    const small = Math.fround(Math.sqrt(SMALL));
    return {
      name: `layerNorm's variance of ${n}, ${by.name}`,
      n,
      tree: stripes(n),
      inputs: { one: 1, small: [small, -small], others: [r, -r, ...new Array<number>(8).fill(-1 / 8)], none: 0 },
      outputs,
      compute: async (rows) =>
        (
          await by.run([tensor(rows, rows.length / n, n)], ([x], ops) =>
            ops.layerNorm(x, tensor(new Float32Array(n).fill(1), n), tensor(new Float32Array(n).fill(bias), n), 0),
          )
        ).data,
    };
  }
  throw new Error(`no row of ${n} shows the last bit of its variance`);
}
