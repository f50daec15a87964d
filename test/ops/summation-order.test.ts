// The order of every sum, revealed from outside and compared with the text of docs/numerics.md (items 2 and 3). The
// expected trees are written by hand from the text (test/support/summation/tree.ts). Here: the plain loops and SIMD on
// one thread, some pairs of one depth; summation-order.long.test.ts has the rest.

import { afterAll, describe, expect, test } from 'vitest';
import { SimdExecutor } from '../../src/executors/simd.ts';
import { WINDOWS, wrongSmallSums, wrongSums } from '../support/summation/all.ts';
import { PLANTED } from '../support/summation/planted.ts';
import { plain, simd } from '../support/summation/summers.ts';
import { blocks, meetings, rebuild, stripes, written } from '../support/summation/tree.ts';

const executor = new SimdExecutor(1);
afterAll(() => executor.close());

test('the expected trees, in writing', () => {
  expect(written(blocks(300, 1))).toBe('0…127 + (128…255) + (256…299) + 300');
  expect(written(blocks(129))).toBe('0…128'); // one product is its own sum: s = +0 + product
  expect(written(stripes(14))).toBe('0…12 by 4 + (1…13 by 4) + (2…10 by 4 + (3…11 by 4))');
  expect(written(stripes(6))).toBe('0 + 4 + (1 + 5) + (2 + 3)');
  for (const [tree, n] of [
    [blocks(300, 2), 302],
    [stripes(77), 77],
  ] as const)
    expect(written(rebuild(meetings(tree, n), n)!)).toBe(written(tree));
});

const computers = [plain(false), simd(executor, false)];

test.each(computers)('every sum of $name has the order of the text', async (by) => {
  expect(await wrongSums(by, [129], 60, WINDOWS.slice(1, 2))).toEqual([]);
  expect(await wrongSmallSums(by, 100, [13])).toEqual([]);
});

describe('planted orders are found, and named by a pair', () => {
  for (const { fault, wrong, says } of PLANTED.filter(({ fault: name }) =>
    /from last|64 beyond|mask first|joined crosswise|eight/.test(name),
  ))
    test(fault, async () => {
      expect(await wrong()).toMatch(says);
    });
});
