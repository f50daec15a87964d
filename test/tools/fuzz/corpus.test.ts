// Every input that something was once found with: answered, or refused by one sentence, soon.

import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { corpusOf } from '../../../tools/fuzz/corpus.ts';
import { complaintAbout } from '../../../tools/fuzz/judge.ts';
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
    ['a stumble over nothing', new TypeError("Cannot read properties of undefined (reading 'x')"), /internal error/],
    ['words of Node', Object.assign(new Error('expected: x; y z and so on'), { code: 'ERR_OUT_OF_RANGE' }), /Node's/],
    ['a class of its own', Object.assign(new SyntaxError('expected "x", got "y"; mend it'), {}), /not for users/],
    ['two lines', new Error('expected x, got y;\nmend it'), /several lines/],
    ['no sentence', new Error('no'), /no sentence/],
    ['no Error', 'no', /no Error/],
  ])('%s does not', (_, thrown, complaint) => {
    expect(complaintAbout(thrown)).toMatch(complaint);
  });

  test('what a message quotes from a file is not held against it', () => {
    expect(complaintAbout(new Error('"x.pt" names "undefined is not a function"; take another file'))).toBeNull();
  });
});
