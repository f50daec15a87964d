// The directory of zip files: every rule that a file may break, one by one, and every byte that may be wrong.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { MemorySource } from '../../src/formats/byte-source.ts';
import { DEFAULT_LIMITS, setLimits } from '../../src/formats/limits.ts';
import { listZip } from '../../src/formats/zip.ts';
import { failure, zip } from '../support/checkpoints.ts';

const bundled = (name: string): Buffer =>
  readFileSync(fileURLToPath(new URL(`../../fixtures/bundled/${name}`, import.meta.url)));
const list = async (bytes: Uint8Array): Promise<[name: string, start: number][]> => {
  const entries = await listZip(new MemorySource('x.zip', bytes));
  return Promise.all(
    [...entries.values()].map(async ({ name, dataStart }): Promise<[string, number]> => [name, await dataStart()]),
  );
};
/** A copy with bytes written over `at`. */
const patched = (bytes: Buffer, at: number, ...values: number[]): Buffer => {
  const copy = Buffer.from(bytes);
  copy.set(values, at);
  return copy;
};
afterEach(() => setLimits(DEFAULT_LIMITS));

const two = zip([
  { name: 'a', data: Buffer.from('first') },
  { name: 'b/', data: new Uint8Array(0) },
  { name: 'b/c', data: Buffer.from('second'), deflate: true },
]);
const directory = two.indexOf('PK\x01\x02');
const end = two.length - 22;
/** The records of the directory, each with its fixed 46 bytes and a name of one, two, three. */
const [first, , third] = [directory, directory + 47, directory + 95];

describe('a sound file', () => {
  test('entries in the order of the directory, with sizes, checksums and places; folders are left out', async () => {
    const entries = await listZip(new MemorySource('x.zip', two));
    expect([...entries.keys()]).toEqual(['a', 'b/c']);
    const [a, c] = entries.values();
    expect(two.subarray(await a.dataStart(), (await a.dataStart()) + a.packedSize).toString()).toBe('first');
    expect([a.size, a.compressed, c.size, c.compressed]).toEqual([5, false, 6, true]);
    expect(a.crc32).toBe(two.readUInt32LE(first + 16));
  });

  test.each(['emoji-head.pth', 'face-head.pth'])('%s, which PyTorch wrote', async (file) => {
    const bytes = bundled(file);
    for (const [name, start] of await list(bytes)) {
      const at = bytes.lastIndexOf(Buffer.from('PK\x03\x04'), start);
      expect(
        bytes
          .subarray(at + 30)
          .toString('latin1')
          .startsWith(name),
      ).toBe(true);
    }
  });

  test('a comment after the end, up to its longest', async () => {
    for (const length of [1, 65535]) {
      const bytes = Buffer.concat([patched(two, end + 20, length & 255, length >> 8), Buffer.alloc(length, 'c')]);
      expect(await list(bytes)).toHaveLength(2);
    }
  });

  test('the limit of entries, and a raised one', async () => {
    setLimits({ zipEntries: 2 });
    expect(await failure(list(two))).toMatch(/has 3 entries in \d+ bytes.*raise the limit/);
    setLimits({ zipEntries: 3 });
    expect(await list(two)).toHaveLength(2);
  });
});

/** The same file with zip64's record and locator before the end, and an entry whose numbers are in an extra field. */
function zip64(change: (parts: { extra: Buffer; record: Buffer; locator: Buffer }) => void = () => undefined): Buffer {
  const data = Buffer.from('data');
  const plain = zip([{ name: 'a', data }]);
  const begin = plain.indexOf('PK\x01\x02');
  const extra = Buffer.alloc(28);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(24, 2);
  extra.writeBigUInt64LE(4n, 4);
  extra.writeBigUInt64LE(4n, 12);
  extra.writeBigUInt64LE(0n, 20);
  const entry = Buffer.concat([plain.subarray(begin, begin + 47), extra]);
  for (const at of [20, 24, 42]) entry.writeUInt32LE(0xffffffff, at);
  entry.writeUInt16LE(28, 30);
  const record = Buffer.alloc(56);
  record.write('PK\x06\x06', 'latin1');
  record.writeBigUInt64LE(1n, 32);
  record.writeBigUInt64LE(BigInt(entry.length), 40);
  record.writeBigUInt64LE(BigInt(begin), 48);
  const locator = Buffer.alloc(20);
  locator.write('PK\x06\x07', 'latin1');
  locator.writeBigUInt64LE(BigInt(begin + entry.length), 8);
  const last = Buffer.from(plain.subarray(plain.length - 22));
  last.fill(0xff, 4, 20);
  change({ extra: entry.subarray(47), record, locator });
  return Buffer.concat([plain.subarray(0, begin), entry, record, locator, last]);
}

test('zip64: numbers of more than 32 bits', async () => {
  expect(await list(zip64())).toEqual([['a', 31]]);
});

describe('every rule that a file may break', () => {
  test.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /its end record is missing/],
    ['cut', two.subarray(0, end + 21), /its end record is missing/],
    ['bytes after its end', Buffer.concat([two, Buffer.of(0)]), /bytes follow its end record/],
    [
      'a second end in the comment',
      Buffer.concat([patched(two, end + 20, 30), two.subarray(end), Buffer.alloc(8)]),
      /bytes follow its end record/,
    ],
    ['one of several disks', patched(two, end + 4, 1), /it is one of several disks/],
    ['a directory after its end', patched(two, end + 16, 255, 255), /refers to bytes after its end/],
    ['a record with another signature', patched(two, third, 0), /directory record 2 is invalid/],
    ['more entries than records', patched(two, end + 10, 4), /directory record 3 is invalid/],
    ['a name that ends after the directory', patched(two, third + 28, 255), /record 2 ends after the directory/],
    ['a name twice', zip([1, 2].map(() => ({ name: 'a', data: Buffer.from('x') }))), /has the entry "a" twice/],
    ['encrypted', patched(two, first + 8, 1), /is encrypted; decrypt it first/],
    ['strongly encrypted', patched(two, first + 8, 0x40), /is encrypted; decrypt it first/],
    ['another compression', patched(two, first + 10, 14), /"a" is compressed by method 14, which is not supported/],
    ['stored in two sizes', patched(two, first + 24, 9), /"a" is stored with two different sizes/],
    ['an entry elsewhere', patched(two, first + 42, 1), /"a" does not begin where the directory says/],
    ['an entry after the end', patched(two, first + 42, 255, 255), /refers to bytes after its end/],
    [
      'an entry that ends after the file',
      patched(patched(two, first + 20, 255, 255), first + 24, 255, 255),
      /"a" ends after the file/,
    ],
    ['zip64: no record', zip64(({ record }) => record.fill(0, 0, 4)), /its zip64 end record is missing/],
    ['zip64: several disks', zip64(({ record }) => record.fill(1, 16, 17)), /it is one of several disks/],
    [
      'zip64: an impossible number',
      zip64(({ record }) => record.fill(255, 48, 56)),
      /a size of 18446744073709551615 bytes is impossible/,
    ],
    [
      'zip64: too few numbers in the extra field',
      zip64(({ extra }) => extra.writeUInt16LE(16, 2)),
      /a size of more than 32 bits is missing/,
    ],
    ['zip64: no extra field', zip64(({ extra }) => extra.writeUInt16LE(2, 0)), /of more than 32 bits is missing/],
    [
      'an extra field that ends after its record',
      zip64(({ extra }) => extra.writeUInt16LE(25, 2)),
      /an extra field ends after its record/,
    ],
  ])('%s', async (_, bytes, message) => {
    const text = await failure(list(bytes));
    expect(text).toMatch(message);
    expect(text).toMatch(/^"x\.zip"/);
  });
});

test('whatever bit is wrong and wherever it is cut, an error is one sentence', async () => {
  const sound = bundled('face-head.pth');
  let refused = 0;
  for (let at = 0; at < sound.length; at += 3) {
    const said = await list(patched(sound, at, sound[at] ^ (1 << (at % 8)))).then(
      () => null,
      (error: Error) => error,
    );
    if (said === null) continue;
    refused += 1;
    expect(said.constructor).toBe(Error);
    expect(said.message).toMatch(/^"x\.zip"/);
  }
  expect(refused).toBeGreaterThan(20);
  for (let length = 0; length < sound.length; length += 7)
    expect(await failure(list(sound.subarray(0, length)))).toMatch(/^"x\.zip" is a damaged or truncated zip file/);
});
