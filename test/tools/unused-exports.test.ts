// Values that are exported for nobody.

import { expect, test } from 'vitest';
import { unusedExports } from '../../tools/unused-exports.mjs';

test('every value that src and workers export is imported somewhere, or is an entry of the package', () => {
  expect(unusedExports()).toEqual([]);
});

test('this finds functions, classes, constants and patterns that are planted, and believes an import of all', () => {
  const planted = new Map([
    [
      'src/ops/planted.ts',
      'export function one() {} export class Two {} export const three = 3, [four] = [4]; const five = 5;',
    ],
    ['src/ops/seen.ts', 'export const six = 6; export const seven = 7;'],
    ['test/ops/user.ts', "import { six } from '../../src/ops/seen.ts'; void import('../../src/ops/whole.ts');"],
    ['src/ops/whole.ts', 'export const eight = 8;'],
  ]);
  expect(unusedExports(undefined, planted)).toEqual([
    'src/ops/planted.ts one',
    'src/ops/planted.ts Two',
    'src/ops/planted.ts three',
    'src/ops/planted.ts four',
    'src/ops/seen.ts seven',
  ]);
});
