// Every input that something was once found with: answered, or refused by one sentence, soon.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { corpusOf } from '../../../tools/fuzz/corpus.ts';
import { complaintAbout, OWN_PHRASES } from '../../../tools/fuzz/judge.ts';
import { targetNamed } from '../../../tools/fuzz/targets/index.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

describe("the fuzzer's corpus", () => {
  test.each(readdirSync(`${root}/tools/fuzz/corpus`))('%s', async (name) => {
    const inputs = corpusOf(root, name);
    expect(inputs.length).toBeGreaterThan(0);
    for (const input of inputs) {
      const complaint = await (async () => {
        await targetNamed(name).run(new Uint8Array(input));
        return null;
      })().catch(complaintAbout);
      expect(complaint).toBeNull();
    }
  });
});

describe('what counts as a sentence', () => {
  test.each([
    ["the engine's words", new RangeError('Invalid typed array length: 5'), /internal error/],
    ["the engine's opinion of a value", new TypeError('expected: x is not an iterator; y'), /internal error/],
    ['that of a Web API', new TypeError('expected: x is not a valid enum value; y'), /internal error/],
    ['a stumble over nothing', new TypeError("Cannot read properties of undefined (reading 'x')"), /internal error/],
    ['words of Node', Object.assign(new Error('expected: x; y z and so on'), { code: 'ERR_OUT_OF_RANGE' }), /Node's/],
    ['a class of its own', Object.assign(new SyntaxError('expected "x", got "y"; mend it'), {}), /not for users/],
    ['two lines', new Error('expected x, got y;\nmend it'), /several lines/],
    ['no sentence', new Error('no'), /no sentence/],
    ['no Error', 'no', /no Error/],
  ])('%s does not', (_, thrown, complaint) => {
    expect(complaintAbout(thrown)).toMatch(complaint);
  });

  test('"is not a" is believed only in phrases that errors of src have', () => {
    expect(complaintAbout(new Error('"x.pt" is not a valid pickle: the end is missing; copy it again'))).toBeNull();
    const folder = new URL('../../../src/', import.meta.url);
    const text = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(new URL(name, folder), 'utf8').replace(/^\s*(?:\/\/|\*|\/\*\*).*$/gm, ''))
      .join('\n');
    expect(OWN_PHRASES.filter((phrase) => !text.includes(phrase))).toEqual([]);
  });

  test('what a message quotes from a file is not held against it', () => {
    expect(complaintAbout(new Error('"x.pt" names "undefined is not a function"; take another file'))).toBeNull();
  });
});
