// Suggestions for mistyped values.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { closest, editDistance } from '../../src/cli/suggest.ts';
import { availableModels } from '../../src/clip/models.ts';

test.each([
  ['RN5O', 'RN50'],
  ['rn50', 'RN50'],
  ['ViT-B-32', 'ViT-B/32'],
  ['vit-l/14', 'ViT-L/14'],
  ['ViT-L-14-336px', 'ViT-L/14@336px'],
  ['minivit', 'mini-vit'],
  ['tiny_rn', 'tiny-rn'],
])('%s means %s', (word, meant) => {
  expect(closest(word, availableModels())).toBe(meant);
});

test.each(['xyz', '', 'resnet', 'a-much-longer-name-than-any'])('%j means nothing', (word) => {
  expect(closest(word, availableModels())).toBe(null);
});

/** The definition, with no table: what the last letters cost. */
function naive(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  const [x, y] = [a.slice(0, -1), b.slice(0, -1)];
  const distances = [naive(x, b) + 1, naive(a, y) + 1, naive(x, y) + (a.at(-1) === b.at(-1) ? 0 : 1)];
  if (a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1))
    distances.push(naive(a.slice(0, -2), b.slice(0, -2)) + 1);
  return Math.min(...distances);
}

test('the distance is the one of the recursive definition', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 5 });
  fc.assert(
    fc.property(word, word, (a, b) => editDistance(a, b) === naive(a, b)),
    { numRuns: 200 },
  );
});
