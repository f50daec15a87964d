// tokenize against OpenAI's own tokenizer (fixtures/text), its properties, and misuse.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { detokenize, tokenize } from '../../../src/index.ts';
import { BytePairs } from '../../../src/clip/tokenizer/byte-pairs.ts';
import { cleanText } from '../../../src/clip/tokenizer/clean.ts';
import { idsOf } from '../../../src/clip/tokenizer/tokenize.ts';
import { readGolden } from '../../support/golden.ts';

const fixture = (path: string): string => readFileSync(new URL(`../../../fixtures/${path}`, import.meta.url), 'utf8');
const sentences = JSON.parse(fixture('text/tokens.json')) as { text: string; ids: number[]; fits: boolean }[];
const reference = JSON.parse(
  gunzipSync(readFileSync(new URL('../../../fixtures/text/reference.json.gz', import.meta.url))).toString(),
) as Record<string, [text: string, ids: number[]][]>;
const labels = (JSON.parse(fixture('bundled/labels.json')) as { name: string }[]).map(({ name }) => name);
/** Characters that later versions of Unicode than the engine's may have as letters: the reference knows the newest. */
const unknown = /\p{Unassigned}/u;
const [START, END] = [49406, 49407];
const rowOf = (x: ReturnType<typeof tokenize>, n: number): number[] =>
  Array.from({ length: x.shape[1] }, (_, t) => x.get(n, t));

test("the merges that the build packed are OpenAI's", () => {
  const merges = gunzipSync(readFileSync(new URL('../../../fixtures/bundled/merges.txt.gz', import.meta.url)));
  expect(createHash('sha256').update(merges).digest('hex')).toBe(
    'f61f2adf497e6f5357c347aeb4646fabe82f341e946de5bdec5d2858e41bef4a',
  );
});

describe("ids are OpenAI's", () => {
  test.each(sentences.filter(({ fits }) => fits))('$text', ({ text, ids }) => {
    expect(rowOf(tokenize(text), 0)).toEqual([...ids, ...new Array<number>(77 - ids.length).fill(0)]);
  });

  test('a text that is too long is cut, end of text last', () => {
    const { text, ids } = sentences.find(({ fits }) => !fits)!;
    expect(ids.length).toBeGreaterThan(77);
    expect(rowOf(tokenize(text, { truncate: true }), 0)).toEqual([...ids.slice(0, 76), END]);
    expect(rowOf(tokenize(text, { contextLength: ids.length }), 0)).toEqual(ids);
  });

  test('"a picture of" each of the 1,427 names, in one call', () => {
    const {
      data,
      shape: [N, T],
    } = readGolden('fixtures/text/mini.safetensors').bytes('tokens');
    const golden = new Uint16Array(data.buffer, data.byteOffset, N * T);
    const tokens = tokenize(labels.map((name) => `a picture of ${name}`));
    expect(tokens.shape).toEqual([1427, 77]);
    for (let n = 0; n < N; n++)
      expect(rowOf(tokens, n), labels[n]).toEqual([
        ...golden.subarray(n * T, (n + 1) * T),
        ...new Array<number>(77 - T).fill(0),
      ]);
  });

  test.each(Object.keys(reference))('%s', (kind) => {
    const wrong = reference[kind]
      .filter(([text, ids]) => !unknown.test(text) && idsOf(text).join() !== ids.join())
      .map(([text, ids]) => [text, detokenize(idsOf(text)), detokenize(ids)]);
    expect(wrong.slice(0, 5)).toEqual([]);
  });
});

describe('properties', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.string({ maxLength: 60 }),
    fc
      .array(
        fc.constantFrom(
          '&',
          '&amp',
          ';',
          '<|endoftext|>',
          'Ã',
          '©',
          'â€',
          '\ud83d',
          '\ude00',
          '\u0345',
          "'s",
          ' ',
          '\n',
          '0',
          'a',
          'É',
        ),
      )
      .map((parts) => parts.join('')),
  );

  test('any string gives ids of the vocabulary, between one start and an end of text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const row = rowOf(tokenize(text, { truncate: true }), 0);
        expect(row.every((id) => Number.isInteger(id) && id >= 0 && id <= END)).toBe(true);
        expect(row[0]).toBe(START);
        expect(row).toContain(END);
        expect(row.slice(row.lastIndexOf(END) + 1).every((id) => id === 0)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test('decoding gives the cleaned text back, spaces apart', () => {
    const solid = (text: string): string => text.replace(/[\p{White_Space}\u0345]/gu, '');
    fc.assert(
      fc.property(anyText, (text) => {
        const clean = cleanText(text);
        fc.pre(!/<\|(?:start|end)oftext\|>/.test(clean));
        expect(solid(detokenize(idsOf(text)))).toBe(solid(clean));
      }),
      { numRuns: 150 },
    );
  });

  test('a batch is its single texts', () => {
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 6 }), (texts) => {
        const batch = tokenize(texts, { truncate: true });
        expect(batch.shape).toEqual([texts.length, 77]);
        texts.forEach((text, n) => expect(rowOf(batch, n)).toEqual(rowOf(tokenize(text, { truncate: true }), 0)));
      }),
      { numRuns: 100 },
    );
  });

  test('case, runs of white space and references make no difference', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 6 }), (words) => {
        const ids = idsOf(words.join(' '));
        expect(idsOf(`\t${words.join(' \n\u00a0')} `.toUpperCase())).toEqual(ids);
        expect(idsOf(words.join('&nbsp;'))).toEqual(ids);
      }),
      { numRuns: 100 },
    );
  });
});

describe('detokenize', () => {
  test('takes a row, a batch of one or numbers, and ends where the text ends', () => {
    const tokens = tokenize('A  photo of a CAT!');
    for (const ids of [tokens, tokens.pick(0, null), rowOf(tokens, 0)])
      expect(detokenize(ids)).toBe('a photo of a cat !');
    expect(detokenize([])).toBe('');
  });

  test('half a character is U+FFFD', () => {
    expect(detokenize(idsOf('東').slice(0, 1))).toMatch(/�|東/);
    expect(detokenize(idsOf('\u{1f9ff}\u{1f9ff}\u{1f9ff}').slice(0, 1))).not.toBe('');
  });

  test.each([[[-1]], [[49408]], [[1.5]], [[NaN]]])('%j is no id', (ids) => {
    expect(() => detokenize(ids)).toThrow(/expected integers from 0 to 49407/);
  });
});

describe('misuse is named', () => {
  test.each<[string, () => unknown, new () => Error, RegExp]>([
    ['a number', () => tokenize(5 as never), TypeError, /"text" expected a string or an array of strings, got number/],
    ['null', () => tokenize(null as never), TypeError, /got null/],
    ['nothing', () => (tokenize as () => unknown)(), TypeError, /got undefined/],
    ['a number among texts', () => tokenize(['a', 5] as never), TypeError, /got number at 1/],
    ['nested arrays', () => tokenize([['a']] as never), TypeError, /got an array at 0/],
    ['options that are none', () => tokenize('a', null as never), TypeError, /"options" expected/],
    [
      'contextLength 0',
      () => tokenize('a', { contextLength: 0 }),
      RangeError,
      /"contextLength" expected a positive integer, got 0/,
    ],
    ['contextLength 2.5', () => tokenize('a', { contextLength: 2.5 }), RangeError, /got 2\.5/],
    [
      'truncate "yes"',
      () => tokenize('a', { truncate: 'yes' as never }),
      TypeError,
      /"truncate" expected true or false, got string/,
    ],
    [
      'a long text',
      () => tokenize('cat '.repeat(76)),
      RangeError,
      /at most 77 tokens, got 78 for "cat cat .*…"; shorten it or set truncate: true/,
    ],
    ['a long text among others', () => tokenize(['cat', 'cat '.repeat(76)]), RangeError, /got 78 for .* at 1; shorten/],
  ])('%s', (_, call, kind, message) => {
    expect(call).toThrow(kind);
    expect(call).toThrow(message);
  });

  test('no text at all is no row', () => {
    expect(tokenize([]).shape).toEqual([0, 77]);
  });

  test('merges that are none', () => {
    expect(() => new BytePairs(['a b', 'ab zz'])).toThrow(
      /line 1 expected two symbols that come before it, got "ab zz"/,
    );
    expect(() => new BytePairs(['a b c'])).toThrow(/line 0/);
  });
});

test('a tokenizer that is a little wrong is caught by the golden ids', () => {
  const merges = gunzipSync(readFileSync(new URL('../../../fixtures/bundled/merges.txt.gz', import.meta.url)))
    .toString()
    .split('\n');
  const faults: Record<string, (text: string) => number[]> = {
    'not in lower case': (text) => right.encode(text.replace(/\s+/g, ' ').trim()),
    'not unescaped': (text) => right.encode(text.toLowerCase()),
    'two merges swapped': (text) => swapped.encode(cleanText(text)),
  };
  const right = new BytePairs(merges);
  // the second is "cat"
  const swapped = new BytePairs([...merges.slice(0, 1855), merges[1856], merges[1855], ...merges.slice(1857)]);
  const all = [...sentences.map(({ text, ids }) => [text, ids.slice(1, -1)] as const), ...reference.mixtures];
  expect(sentences.every(({ text, ids }) => right.encode(cleanText(text)).join() === ids.slice(1, -1).join())).toBe(
    true,
  );
  for (const [fault, encode] of Object.entries(faults))
    expect(
      all.some(([text, ids]) => encode(text).join() !== ids.join()),
      fault,
    ).toBe(true);
});
