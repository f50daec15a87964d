// The mutators keep what they promise: the same seed gives the same bytes, and what they repair is right, so that
// damage gets behind the checks.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { latin1, textOf, utf8 } from '../../../tools/fuzz/mutate/bytes.ts';
import { havoc, MAX_INPUT, type Mutator, type Surroundings } from '../../../tools/fuzz/mutate/havoc.ts';
import { mutateJsonText } from '../../../tools/fuzz/mutate/json.ts';
import { minimise } from '../../../tools/fuzz/minimise.ts';
import { opcodesOf, pickle } from '../../../tools/fuzz/mutate/pickle.ts';
import { png } from '../../../tools/fuzz/mutate/png.ts';
import { Random } from '../../../tools/fuzz/mutate/random.ts';
import { riff } from '../../../tools/fuzz/mutate/riff.ts';
import { entriesOf, zip, zipOf, type Entry } from '../../../tools/fuzz/mutate/zip.ts';
import { TARGETS } from '../../../tools/fuzz/targets/index.ts';
import { crc32 } from '../../../src/formats/crc32.ts';

const around = (seed: number, other: Uint8Array = latin1('other')): Surroundings => ({
  random: new Random(seed),
  dictionary: [latin1('word')],
  other: () => other,
});
const seeds = fc.integer({ min: 0, max: 0xffffffff });
const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 });

describe('mutators', () => {
  test.each(TARGETS.map((target) => [target.name, target] as const))(
    '%s: the same seed gives the same bytes, and the input stays as it was',
    (_, target) => {
      const inputs = target.seeds();
      expect(inputs.length).toBeGreaterThan(0);
      for (const [i, mutate] of target.mutators.entries()) {
        for (let seed = 0; seed < 6; seed++) {
          const input = inputs[seed % inputs.length],
            before = input.slice();
          const first = mutate(input, around(seed, inputs[0])),
            second = mutate(input, around(seed, inputs[0]));
          expect(Buffer.from(first).equals(second), `mutator ${i}, seed ${seed}`).toBe(true);
          expect(Buffer.from(input).equals(before)).toBe(true);
        }
      }
    },
  );

  test('havoc changes nearly every input, and none becomes larger than the limit', () => {
    let same = 0;
    fc.assert(
      fc.property(bytes, seeds, (input, seed) => {
        const mutated = havoc(input, around(seed));
        if (Buffer.from(mutated).equals(input)) same++;
        expect(mutated.length).toBeLessThanOrEqual(MAX_INPUT);
      }),
      { numRuns: 300 },
    );
    expect(same).toBeLessThan(60);
  });

  test('the checksums of a mutated PNG are right', () => {
    const input = TARGETS.find(({ name }) => name === 'png')!.seeds()[0];
    fc.assert(
      fc.property(seeds, (seed) => {
        const file = png(input, around(seed)),
          view = new DataView(file.buffer, file.byteOffset, file.length);
        for (let at = 8; at < file.length;) {
          const length = view.getUint32(at);
          expect(view.getUint32(at + 8 + length)).toBe(crc32(file.subarray(at + 4, at + 8 + length)));
          at += 12 + length;
        }
      }),
      { numRuns: 100 },
    );
  });

  test('the sizes in a mutated WebP add up', () => {
    const input = TARGETS.find(({ name }) => name === 'webp')!.seeds()[0];
    fc.assert(
      fc.property(seeds, (seed) => {
        const file = riff(input, around(seed));
        expect(new DataView(file.buffer, file.byteOffset, file.length).getUint32(4, true)).toBe(file.length - 8);
      }),
      { numRuns: 100 },
    );
  });

  test('a zip file that is written is read back, stored and deflated', () => {
    const entry: fc.Arbitrary<Entry> = fc.record({
      name: fc.uint8Array({ minLength: 1, maxLength: 20 }),
      data: fc.uint8Array({ maxLength: 200 }),
      deflate: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 5 }), (entries) => {
        expect(entriesOf(zipOf(entries)).map(({ name, data, deflate }) => [[...name], [...data], deflate])).toEqual(
          entries.map(({ name, data, deflate }) => [[...name], [...data], deflate]),
        );
      }),
      { numRuns: 100 },
    );
    const [only] = entriesOf(zipOf([{ name: utf8('a'), data: utf8('text'), deflate: true }]));
    expect(textOf(only.data)).toBe('text');
  });

  test('a mutator of what is inside a zip file is given that', () => {
    const inside: string[] = [];
    const upper: Mutator = (input) => {
      inside.push(textOf(input));
      return utf8(textOf(input).toUpperCase());
    };
    const file = zipOf([
      { name: utf8('a/data.pkl'), data: utf8('pickle'), deflate: false },
      { name: utf8('b'), data: utf8('b'), deflate: false },
    ]);
    for (let seed = 0; seed < 60; seed++) zip((name) => (name.endsWith('.pkl') ? upper : null))(file, around(seed));
    expect(inside.length).toBeGreaterThan(5);
    expect(new Set(inside)).toEqual(new Set(['pickle']));
  });

  test('opcodes of a pickle are found, and together they are the pickle', () => {
    const bytes = latin1('\x80\x02}(X\x01\0\0\0aK\x05ctorch\nSize\n]\x85Ru.');
    expect(opcodesOf(bytes).map((at) => bytes[at])).toEqual([...latin1('\x80}(XKc]\x85Ru.')]);
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(pickle(bytes, around(seed)).length).toBeLessThanOrEqual(MAX_INPUT);
      }),
      { numRuns: 50 },
    );
  });

  test('mutated JSON is JSON still, mostly', () => {
    let sound = 0;
    for (let seed = 0; seed < 200; seed++) {
      try {
        JSON.parse(mutateJsonText('{"a":[1,{"b":"c"}],"d":null}', around(seed))!);
        sound++;
      } catch {
        /* some are broken on purpose */
      }
    }
    expect(sound).toBeGreaterThan(100);
    expect(sound).toBeLessThan(200);
  });
});

test('what shows something is made as small as it can be', async () => {
  const input = Buffer.from('some text, then BUG, then more');
  const small = await minimise(input, (candidate) => Promise.resolve(candidate.includes('BUG')), 500);
  expect(small.toString()).toBe('BUG');
});
