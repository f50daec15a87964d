// Limits: each refuses what is larger, before it is allocated; each can be changed; the document names them all.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { MemorySource } from '../../src/formats/byte-source.ts';
import { gunzip } from '../../src/formats/gzip.ts';
import { parseObject } from '../../src/formats/json.ts';
import { openTensorFile } from '../../src/formats/open.ts';
import { unpickle } from '../../src/formats/torch/pickle.ts';
import { readSafetensors } from '../../src/formats/safetensors.ts';
import { torchHooks } from '../../src/formats/torch/objects.ts';
import { listZip } from '../../src/formats/zip.ts';
import { decodeImage } from '../../src/clip/image/decode.ts';
import { DEFAULT_LIMITS, limits, setLimits, type Limits } from '../../src/formats/limits.ts';
import { textOfFile } from '../../src/formats/text-of-file.ts';
import { tokenize } from '../../src/clip/tokenizer/tokenize.ts';
import { linesFrom } from '../../src/formats/lines.ts';
import { inputPaths } from '../../src/features/inputs.ts';
import { counting, fixture, temporaryFolder, zip } from '../support/checkpoints.ts';

const folder = temporaryFolder();
afterEach(() => {
  setLimits(DEFAULT_LIMITS);
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const picture = (): Uint8Array =>
  new Uint8Array(readFileSync(fileURLToPath(new URL('../../fixtures/images/one-pixel.png', import.meta.url))));
const two = counting({ a: [2], b: [2] });
const pickle = (text: string): unknown => unpickle(Buffer.from(text, 'latin1'), 0, '"x.pt"', torchHooks('x.pt')).value;

/** What passes by default and is refused at the limit given here. */
const CASES: readonly (readonly [limit: keyof Limits, at: number, ask: () => unknown, message: RegExp])[] = [
  [
    'pixels',
    1,
    () =>
      decodeImage(
        new Uint8Array(
          readFileSync(fileURLToPath(new URL('../../fixtures/images/modes/rgba-16.png', import.meta.url))),
        ),
      ),
    /pixels are more than the limit of 1;/,
  ],
  ['imageBytes', 20, () => decodeImage(picture()), /bytes are more than any picture has/],
  [
    'headerBytes',
    20,
    () => readSafetensors(new MemorySource('x', two)),
    /its header claims \d+ bytes, more than the 20 that are allowed/,
  ],
  ['tensors', 1, () => readSafetensors(new MemorySource('x', two)), /has 2 tensors, more than any checkpoint/],
  [
    'pickleBytes',
    20,
    async () => {
      await (await openTensorFile(fixture('torch/views.protocol2.pt'))).close();
    },
    /more than can be or is allowed \(20\)/,
  ],
  [
    'pickleValues',
    3,
    () => pickle('(K\x01K\x02K\x03K\x04l.'),
    /more than 3 values \(CLIP_ORACLE_LIMITS=pickleValues=…\)/,
  ],
  ['nesting', 2, () => parseObject('{"a":[[1]]}', '"x"'), /^"x" is nested more than 2 deep/],
  [
    'zipEntries',
    1,
    () =>
      listZip(
        new MemorySource(
          'x',
          zip([
            { name: 'a', data: new Uint8Array(1) },
            { name: 'b', data: new Uint8Array(1) },
          ]),
        ),
      ),
    /has 2 entries in \d+ bytes, more than any checkpoint/,
  ],
  [
    'gzipBytes',
    1000,
    () => gunzip(new MemorySource('x.gz', new Uint8Array(gzipSync(new Uint8Array(2000))))),
    /unpacks to more than 0 MB/,
  ],
  ['textFileBytes', 5, () => textOfFile(folder.write('text.txt', 'longer')), /has more than 5 bytes/],
  [
    'lineLength',
    5,
    () =>
      all(
        linesFrom(
          (async function* () {
            yield 'ab\nlonger';
          })(),
          'standard input',
        ),
      ),
    /^standard input has a line of more than 5 characters/,
  ],
  ['textCharacters', 5, () => tokenize('longer'), /expected at most 5 characters, got 6 for "longer"/],
];

describe('limits', () => {
  test.each(CASES)('%s', async (limit, at, ask, message) => {
    await ask();
    setLimits({ [limit]: at });
    await expect((async () => await ask())()).rejects.toThrow(message);
  });

  test('files: a folder with more is named and passed over', async () => {
    folder.write('one.png', picture());
    folder.write('two.png', picture());
    expect((await all(inputPaths([folder.path]))).every(({ error }) => error === undefined)).toBe(true);
    setLimits({ files: 1 });
    expect((await all(inputPaths([folder.path])))[0].error).toMatch(
      /the folder has \d+ files, more than is allowed; .*CLIP_ORACLE_LIMITS=files=…/,
    );
  });

  test('a view may not say more elements than the limit allows by repeating those that it has', async () => {
    const corpus = fileURLToPath(new URL('../../tools/fuzz/corpus/torch-zip/elements-repeated.pt', import.meta.url));
    await expect(openTensorFile(corpus)).rejects.toThrow(
      /a tensor of shape \(268435456, 4\) repeats the 1 elements of its storage/,
    );
    setLimits({ repeatedElements: Number.MAX_SAFE_INTEGER });
    await (await openTensorFile(corpus)).close();
  });

  test.each([
    ['a name that is none', { pixel: 1 }, /^setLimits expected pixels, .* got "pixel"/],
    ['zero', { pixels: 0 }, /whole number of at least 1 as pixels, got 0/],
    ['NaN', { tensors: NaN }, /got NaN/],
    ['a fraction', { tensors: 1.5 }, /got 1.5/],
  ])('%s is refused', (_, changes, message) => {
    expect(() => {
      setLimits(changes as Partial<Limits>);
    }).toThrow(message);
    expect(limits()).toEqual(DEFAULT_LIMITS);
  });

  test('the document has each limit with its default', () => {
    const text = readFileSync(fileURLToPath(new URL('../../docs/limits.md', import.meta.url)), 'utf8');
    for (const [name, value] of Object.entries(DEFAULT_LIMITS))
      expect(text, name).toMatch(new RegExp(`\\| \`${name}\` \\|.*\\| ${value.toLocaleString('en')} \\|`));
  });

  test('CLIP_ORACLE_LIMITS changes them, and says what is wrong with it', () => {
    const run = (value: string): string =>
      execFileSync(
        process.execPath,
        [
          '-e',
          'import("./dist/src/formats/limits.js").then((m) => console.log(m.limits().pixels, ' +
            'm.limits().tensors)).catch((e) => console.log(e.message))',
        ],
        {
          env: { ...process.env, CLIP_ORACLE_LIMITS: value },
          cwd: fileURLToPath(new URL('../..', import.meta.url)),
          encoding: 'utf8',
        },
      );
    expect(run('pixels=5, tensors=7')).toBe('5 7\n');
    expect(run('pixels')).toMatch(/^CLIP_ORACLE_LIMITS expected a whole number of at least 1 as pixels, got NaN/);
  });
});

test('lines are those of the text, whatever pieces it comes in', async () => {
  const text = 'one\r\ntwo\n\nthree é\r\n';
  for (let size = 1; size < 8; size++) {
    const bytes = Buffer.from(text);
    const stream = (async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    })();
    expect(await all(linesFrom(stream, 'x'))).toEqual(['one', 'two', '', 'three é']);
  }
});
