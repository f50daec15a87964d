// Texts to ids: the context and the vocabulary are the model's.

import { expect, test } from 'vitest';
import type { CLIP } from '../../src/clip/clip.ts';
import { tokenize } from '../../src/clip/tokenizer/tokenize.ts';
import { tokensFor } from '../../src/features/tokens.ts';

const model = (text: { context: number; vocabulary: number } | null): CLIP =>
  ({ name: 'some model', architecture: { text } }) as unknown as CLIP;

test('rows are as long as the context of the model, and texts that are longer are cut or refused', () => {
  const short = model({ context: 8, vocabulary: 49408 });
  expect(tokensFor(short, ['a cat', 'a dog']).shape).toEqual([2, 8]);
  expect(tokensFor(model({ context: 77, vocabulary: 49408 }), 'a cat')).toEqual(tokenize('a cat'));
  const long = 'one two three four five six seven eight nine';
  expect(() => tokensFor(short, long)).toThrow(/at most 8 tokens, got 11/);
  const cut = tokensFor(short, long, { truncate: true });
  expect([cut.shape, cut.get(0, 7)]).toEqual([[1, 8], 49407]);
});

test.each([512, 49409, 52000])('a vocabulary of %i ids is refused', (vocabulary) => {
  expect(() => tokensFor(model({ context: 77, vocabulary }), 'a cat')).toThrow(
    new RegExp(`some model was trained on texts of another tokenizer: its vocabulary has ${vocabulary} ids`),
  );
});

test('without a text tower the model itself says so', () => {
  expect(tokensFor(model(null), 'a cat').shape).toEqual([1, 77]);
});
