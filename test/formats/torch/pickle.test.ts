// The unpickler on plain data, against what Python's own unpickler reads back (fixtures/checkpoints/pickles.json.gz),
// and its limits.

import { describe, expect, test } from 'vitest';
import { unpickle, type PickleHooks } from '../../../src/formats/torch/pickle.ts';
import type { PickleValue } from '../../../src/formats/torch/pickle-values.ts';
import { bytes, fixtureJson, text } from '../../support/checkpoints.ts';

interface Entry {
  protocol: number;
  pickle: string;
  value?: unknown;
  integer?: string;
  bytes?: string;
}
const entries = fixtureJson<Entry[]>('pickles.json.gz');

const hooks: PickleHooks = {
  global(module, name) {
    // protocols 0 to 2 have no bytes of their own: they are not in the list, so no global is needed
    throw new Error(`unexpected global ${module}.${name}`);
  },
  call: () => {
    throw new Error('unexpected call');
  },
  persistent: () => {
    throw new Error('unexpected persistent id');
  },
};
const load = (pickle: Uint8Array): PickleValue => unpickle(pickle, 0, '"test"', hooks).value;

/** The form of the fixture: maps as lists of pairs. */
function plain(value: PickleValue): unknown {
  if (value instanceof Map) return { map: [...value].map(([key, entry]) => [plain(key), plain(entry)]) };
  if (Array.isArray(value)) return value.map(plain);
  return value;
}

describe('plain data', () => {
  test.for([0, 1, 2, 3, 4, 5])('protocol %i reads back as Python reads it', (protocol) => {
    const mine = entries.filter((entry) => entry.protocol === protocol);
    expect(mine.length).toBeGreaterThan(30);
    for (const entry of mine) {
      const pickle = Buffer.from(entry.pickle, 'base64');
      const { value, end } = unpickle(pickle, 0, '"test"', hooks);
      expect(end, entry.pickle).toBe(pickle.length);
      if (entry.integer !== undefined) expect(String(value), entry.pickle).toBe(entry.integer);
      else if (entry.bytes !== undefined) expect(Buffer.from(value as Uint8Array).toString('base64')).toBe(entry.bytes);
      else expect(plain(value), entry.pickle).toEqual(entry.value);
    }
  });

  test('a memoised list is one list, also where it grows later', () => {
    // [x, x] with x = [1], to which 2 is appended after it was stored twice
    const value = load(bytes('](]q\x01K\x01ah\x01eh\x01K\x02a0.')) as PickleValue[][];
    expect(value).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(value[0]).toBe(value[1]);
  });

  test('a dictionary with keys like __proto__ is only a dictionary', () => {
    const value = load(bytes('}(', text('__proto__'), 'K\x01', text('constructor'), 'K\x02u.')) as Map<string, number>;
    expect([...value]).toEqual([
      ['__proto__', 1],
      ['constructor', 2],
    ]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('damage and limits', () => {
  test('every prefix of a pickle says that the end is missing', () => {
    for (const entry of entries.filter(({ pickle }) => pickle.length < 200)) {
      const pickle = Buffer.from(entry.pickle, 'base64');
      for (let length = 0; length < pickle.length; length++)
        expect(() => load(pickle.subarray(0, length))).toThrow(/"test" ends in the middle; the file is truncated/);
    }
  });

  test.for([
    ['an empty stack', bytes('.'), /empty stack/],
    ['values left over', bytes('K\x01K\x02.'), /left over/],
    ['an open mark', bytes('(K\x01.'), /left over/],
    ['a missing mark', bytes('K\x01t.'), /mark is missing/],
    ['a memo entry that does not exist', bytes('h\x05.'), /memo entry 5/],
    ['an odd number of items', bytes('}(K\x01u.'), /sets items/],
    ['items of a number', bytes('K\x01(K\x01K\x02u.'), /sets items/],
    ['appending to a number', bytes('K\x01K\x02a.'), /appends/],
    ['an unknown opcode', bytes(0xff), /opcode 0xff/],
    ['a later protocol', bytes(0x80, 6, 'N.'), /protocol 6/],
    ['an integer that is none', bytes('Ixyz\n.'), /"xyz" is not an integer/],
    ['an unquoted string', bytes('Sabc\n.'), /not quoted/],
    [
      'a number of a megabyte',
      bytes(0x8b, Buffer.from(Uint32Array.of(1 << 20).buffer), Buffer.alloc(1 << 20, 1), '.'),
      /number has 1048576 bytes/,
    ],
    ['a decimal of a megabyte', bytes('L', Buffer.alloc(1 << 20, '7'), 'L\n.'), /is not an integer/],
    ['a string of 2^63 bytes', bytes(0x8d, Buffer.alloc(8, 0x7f), '.'), /is impossible/],
    ['a million marks', Buffer.alloc(1_000_000, '('), /nested more than 1000/],
    ['five million values', bytes('(', Buffer.alloc(5_000_000, 'N'), 't.'), /more than 1000000 values/],
  ] as const)('%s', ([, pickle, message]) => {
    expect(() => load(pickle)).toThrow(message);
  });

  test('a million nested lists cost no stack', () => {
    // ] ] ] … a a a .
    const depth = 1_000_000;
    let value = load(bytes(Buffer.alloc(depth, ']'), Buffer.alloc(depth - 1, 'a'), '.')) as PickleValue[];
    let levels = 1;
    while (value.length > 0) {
      value = value[0] as PickleValue[];
      levels++;
    }
    expect(levels).toBe(depth);
  });
});
