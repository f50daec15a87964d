// The heap's merges are the plain loop's: the judge is the definition, best rank first, wherever it is, from left to
// right.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeLong } from '../../../src/clip/tokenizer/merge-long.ts';

/** @param rules pairs by rank; rank r makes the id 100 + r */
function byDefinition(ids: readonly number[], rules: readonly (readonly [number, number])[]): number[] {
  let list = [...ids];
  for (let rank = 0; rank < rules.length; rank++) {
    // A merge's own pairs rank after it, so that one pass through the ranks is the whole loop.
    const merged: number[] = [];
    for (let i = 0; i < list.length; i++) {
      if (list[i] === rules[rank][0] && list[i + 1] === rules[rank][1]) {
        merged.push(100 + rank);
        i++;
      } else merged.push(list[i]);
    }
    list = merged;
  }
  return list;
}

/** Rules of which each uses only symbols that come before it, no pair twice. */
const rules = fc.array(fc.tuple(fc.nat(999), fc.nat(999)), { minLength: 1, maxLength: 12 }).map((numbers) => {
  const made: [number, number][] = [];
  for (const [a, b] of numbers) {
    const symbol = (n: number): number =>
      n % (3 + made.length) < 3 ? n % (3 + made.length) : 97 + (n % (3 + made.length));
    const pair: [number, number] = [symbol(a), symbol(b)];
    if (!made.some(([x, y]) => x === pair[0] && y === pair[1])) made.push(pair);
  }
  return made;
});

test('merging by the heap gives what merging rank by rank gives', () => {
  fc.assert(
    fc.property(rules, fc.array(fc.nat(2), { minLength: 1, maxLength: 200 }), (pairs, ids) => {
      const rankOf = (a: number, b: number): number | undefined => {
        const at = pairs.findIndex(([x, y]) => x === a && y === b);
        return at < 0 ? undefined : at;
      };
      expect(mergeLong(ids, rankOf, (rank) => 100 + rank)).toEqual(byDefinition(ids, pairs));
    }),
    { numRuns: 500 },
  );
});

test('runs of one symbol pair up from the left', () => {
  expect(
    mergeLong(
      [0, 0, 0, 0, 0],
      (a, b) => (a === 0 && b === 0 ? 0 : undefined),
      () => 100,
    ),
  ).toEqual([100, 100, 0]);
});
