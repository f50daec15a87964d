// Black-box probing of sums (the idea of FPRev: Xie, Gao, Wang, Xue 2024, "FPRev: revealing the order of floating-point
// summation").
//
// Of n summands, let one be M, another -M, all others 1, with M so large that M + 1 is M. A 1 that is added to a sum
// with M in it is lost; when -M comes, what is left counts the ones that were not yet there. So the result says how
// many summands stand outside of the sum in which the two meet, and all pairs tell the tree.

import { leaves, meetings, rebuild, written, type Tree } from './tree.ts';

export type Floats = Float32Array | Float64Array;

/** Something that sums, as a box with n numbers in and one out. */
export interface Summer {
  name: string;
  n: number;
  /** The order that the contract's text has, written by hand. */
  tree: Tree;
  /** Bits of the significand that each addition is rounded to. */
  bits: 24 | 53;
  /**
   * Whether the summands are products of the given numbers and a factor, so that they are rounded before they are
   * added.
   */
  products: boolean;
  /**
   * Many sums at once.
   * @param rows each of n summands; a summand is row[i]·factor where there are products
   * @returns one number per row, up to a common factor that is divided away
   */
  sums(rows: Floats, factor: number): Promise<ArrayLike<number>>;
}

/** Sums that are made in one pass. */
const PASS = 2 ** 22;

/**
 * M: far above what a significand of `bits` bits holds beside 1, and beside 128 or 4096 ones that were added before.
 */
const LARGE = { 24: 2 ** 40, 53: 2 ** 80 } as const;

async function inPasses(
  summer: Summer,
  count: number,
  fill: (row: Floats, p: number) => void,
  factor: number,
  each: (result: number, p: number) => void,
): Promise<void> {
  const { n, bits, products } = summer;
  const perPass = Math.max(1, Math.min(count, Math.floor(PASS / n)));
  const rows = bits === 53 && products ? new Float64Array(perPass * n) : new Float32Array(perPass * n);
  for (let start = 0; start < count; start += perPass) {
    const end = Math.min(count, start + perPass);
    for (let p = start; p < end; p++) fill(rows.subarray((p - start) * n, (p - start + 1) * n), p);
    const results = await summer.sums(rows.subarray(0, (end - start) * n), factor);
    if (results.length !== end - start)
      throw new Error(`${summer.name}: ${results.length} sums for ${end - start} rows`);
    for (let p = start; p < end; p++) each(results[p - start], p);
  }
}

/** At most about so many of them, evenly. */
const some = <T>(items: readonly T[], most: number): T[] =>
  items.filter(
    (_, i) =>
      Math.floor((i * most) / items.length) !== Math.floor(((i - 1) * most) / items.length) || items.length <= most,
  );

/**
 * All pairs of the summands that can be seen, or some of them: neighbours, both sides of multiples of 64, both ends,
 * and others all over.
 */
export function pairsOf(visible: readonly number[], most = Infinity): [number, number][] {
  const n = visible.length;
  if ((n * (n - 1)) / 2 <= most)
    return visible.flatMap((i, at) => visible.slice(at + 1).map((j): [number, number] => [i, j]));
  const pairs: [number, number][] = [];
  const marked = visible.filter((i) => i % 64 <= 1 || i % 64 === 63);
  for (const [at, i] of marked.entries()) for (const j of marked.slice(at + 1)) pairs.push([i, j]);
  const neighbours = visible.slice(1).map((j, at): [number, number] => [visible[at], j]);
  const others = Array.from({ length: most }, (_, p): [number, number] => [
    Math.floor((p * 0.6180339887 * n) % n),
    Math.floor((p * 0.7548776662 * n) % n),
  ])
    .filter(([i, j]) => i !== j)
    .map(([i, j]): [number, number] => [visible[Math.min(i, j)], visible[Math.max(i, j)]]);
  return [...some(pairs, most / 3), ...some(neighbours, most / 3), ...some(others, most / 3)];
}

const known = new WeakMap<object, Uint16Array>();

/** `meetings`, once for each tree. */
function expectedMeetings(tree: Tree, n: number): Uint16Array {
  if (typeof tree === 'number') return meetings(tree, n);
  const met = known.get(tree) ?? meetings(tree, n);
  known.set(tree, met);
  return met;
}

/**
 * What is wrong with a summer's order, or null. With all pairs the tree is rebuilt from what is seen, and a difference
 * is told as a tree.
 * @param most pairs that are looked at, about
 */
export async function wrongOrder(summer: Summer, most = Infinity): Promise<string | null> {
  const { name, n, tree, bits } = summer;
  const expected = expectedMeetings(tree, n);
  const visible = leaves(tree);
  const pairs = pairsOf(visible, most);
  const met = new Uint16Array(n * n);
  const M = LARGE[bits];
  let wrong: string | null = null;
  await inPasses(
    summer,
    pairs.length,
    (row, p) => {
      row.fill(1);
      row[pairs[p][0]] = M;
      row[pairs[p][1]] = -M;
    },
    1,
    (result, p) => {
      const [i, j] = pairs[p];
      const count = Math.round(result);
      if (!(Math.abs(result - count) < 0.25 && count >= 0 && count <= visible.length - 2)) {
        wrong ??= `${name}: with M at ${i} and -M at ${j} a count of ones was expected, got ${result}`;
        return;
      }
      const size = visible.length - count;
      met[i * n + j] = met[j * n + i] = size;
      if (size !== expected[i * n + j])
        wrong ??=
          `${name}: summands ${i} and ${j} meet in a sum of ${size}; the contract's text has a sum of ` +
          `${expected[i * n + j]}`;
    },
  );
  if (visible.length < n || pairs.length < (n * (n - 1)) / 2 || n === 1) return wrong;
  const found = rebuild(met, n);
  if (wrong !== null) return `${wrong as string}; found: ${found === null ? 'no tree' : written(found)}`;
  // The same said once more, by a way that does not go through the expected meetings.
  if (found === null || written(found) !== written(tree))
    return `${name}: found ${found === null ? 'no tree' : written(found)}, the contract's text has ${written(tree)}`;
  return null;
}

/**
 * What is wrong with the precision of the additions, or null: a large number keeps the 1 that is added to it if it is
 * 2^(bits - 3), and loses it if it is 2^(bits + 2). (Not closer: a summand may be 1 times a number that is not a power
 * of two.) The 1 stands everywhere once, but where nothing is added after it.
 */
export async function wrongPrecision(summer: Summer, most = Infinity): Promise<string | null> {
  const { name, n, tree, bits } = summer;
  const met = expectedMeetings(tree, n);
  const visible = leaves(tree);
  // With the 1 at k: M where k meets it first, -M where both meet it last.
  const probes = some(visible, most).flatMap((k) => {
    const size = (i: number): number => met[k * n + i];
    const others = visible.filter((i) => i !== k);
    const [i, j] = [
      others.reduce((a, b) => (size(b) < size(a) ? b : a), others[0]),
      others.reduce((a, b) => (size(b) > size(a) ? b : a), others[0]),
    ];
    return others.length > 1 && size(i) < size(j) ? [[i, k, j]] : [];
  });
  let wrong: string | null = null;
  for (const [power, kept] of [
    [bits - 3, 1],
    [bits + 2, 0],
  ]) {
    await inPasses(
      summer,
      probes.length,
      (row, p) => {
        const [i, k, j] = probes[p];
        row.fill(0);
        row[i] = 2 ** power;
        row[k] = 1;
        row[j] = -(2 ** power);
      },
      1,
      (result, p) => {
        const [i, k, j] = probes[p];
        if (!(Math.abs(result - kept) < 0.2))
          wrong ??=
            `${name}: 2^${power} at ${i}, 1 at ${k}, -2^${power} at ${j}: expected ${kept} with additions of ` +
            `${bits} bits, got ${result}`;
      },
    );
  }
  return wrong;
}

/**
 * Factors whose product needs more than 24, or 53, bits: their rounding shows. The second is a float16, so that weights
 * in half precision can hold it.
 */
export const FACTOR = 1 + 2 ** -10;
const INEXACT = { 24: 1 + 2 ** -23, 53: 1 + 2 ** -52 } as const;

/**
 * Whether products are rounded before they are added, or null if they are: -x·y + x·y is +0 then, and what the rounding
 * of x·y took away where multiplication and addition are fused. Every summand is once the second of a block's two; the
 * first one of a block is added to +0, where the two ways have one result.
 */
export async function wrongRounding(summer: Summer, most = Infinity): Promise<string | null> {
  const { name, n, tree, bits, products } = summer;
  if (!products) return null;
  const visible = new Set(leaves(tree));
  const x = INEXACT[bits];
  let wrong: string | null = null;
  const pairs = some(
    Array.from({ length: n }, (_, i) => i),
    most,
  )
    .flatMap((i) => [1, 2, 64, 127].map((d): [number, number] => [i, i + d]))
    .filter(([i, j]) => visible.has(i) && visible.has(j) && Math.floor(i / 128) === Math.floor(j / 128));
  await inPasses(
    summer,
    pairs.length,
    (row, p) => {
      row.fill(0);
      row[pairs[p][0]] = -x;
      row[pairs[p][1]] = x;
    },
    FACTOR,
    (result, p) => {
      if (result !== 0)
        wrong ??=
          `${name}: products at ${pairs[p].join(' and ')} that cancel leave ${result}: multiplied and added with ` +
          'one rounding';
    },
  );
  return wrong;
}

/** Everything that is wrong with a summer, or null. */
export async function wrongSum(summer: Summer, most = Infinity): Promise<string | null> {
  return (
    (await wrongOrder(summer, most)) ?? (await wrongPrecision(summer, most)) ?? (await wrongRounding(summer, most))
  );
}
