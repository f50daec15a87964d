// Files that shrink or change while they are used: weights after they were opened, images while they are read, dumps
// between two layers. The outcome is right or an error that says so, never numbers out of the wrong bytes.
// Guards: FileBytes's look at the file's size and time with every read (src/formats), and the same in the dumps. Weight
// files by format: test/clip/checkpoint.

import { cpSync, readFileSync, readdirSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { load } from '../../src/clip/load.ts';
import { preprocessor } from '../../src/clip/image/preprocess.ts';
import { openDump } from '../../src/formats/dump/open.ts';
import { readGolden } from '../support/golden.ts';
import { expectSameBits } from '../support/bits.ts';
import { bundled, picture, run, temporaryFolder } from '../cli/support/cli.ts';
import { TINY } from './support/commands.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  writeFileSync(at('weights.safetensors'), gunzipSync(readFileSync(bundled('mini-vit.safetensors.gz'))));
  for (const out of ['dump.safetensors', 'dump.npz', 'dump'])
    expect((await run(['trace', picture('guitar.png'), ...TINY, '--out', at(out)])).code).toBe(0);
});

const preprocess = preprocessor(32);

describe('weights that change after load: the text tower is read when it is first asked for', () => {
  test.each<[string, (path: string, bytes: Buffer) => void]>([
    [
      'cut to half',
      (path) => {
        truncateSync(path, Math.floor(statSync(path).size / 2));
      },
    ],
    [
      'emptied',
      (path) => {
        truncateSync(path, 0);
      },
    ],
    [
      'other bytes of the same length',
      (path, bytes) => {
        writeFileSync(
          path,
          bytes.map((byte) => byte ^ 0x55),
        );
        utimesSync(path, 1, 1);
      },
    ],
  ])('%s', async (name, change) => {
    const path = at(`${name.replace(/\W/g, '')}.safetensors`);
    const bytes = readFileSync(at('weights.safetensors'));
    writeFileSync(path, bytes);
    const { model } = await load(path, { executor: 'reference' });
    const tokens = readGolden('fixtures/tiny/tiny-vit.trace.safetensors').integers('input/tokens').hi(1, -1);
    change(path, bytes);
    await expect(model.encodeText(tokens)).rejects.toThrow(/has changed since it was opened|ends/);
    await model.close();
  });
});

test('an image that is written anew while it is read: its pixels, or an error', async () => {
  const bytes = readFileSync(picture('guitar.png'));
  const right = await preprocess(picture('guitar.png'));
  const path = at('moving.png');
  let errors = 0;
  for (let round = 0; round < 60; round++) {
    const writing = writeFile(
      path,
      bytes.subarray(0, round % 2 ? bytes.length : Math.floor((bytes.length * round) / 60)),
    );
    const outcome = await preprocess(path).catch((error: Error) => error);
    await writing;
    if (outcome instanceof Error) {
      errors++;
      expect(outcome.message).toMatch(/PNG|JPEG, PNG or WebP|empty|does not exist/);
    } else expectSameBits(outcome, right);
  }
  expect(errors).toBeGreaterThan(0);
});

describe('dumps that shrink after they were opened', () => {
  test.each(['dump.safetensors', 'dump.npz', 'dump'])('%s', async (name) => {
    const path = at(`shrinking-${name}`);
    cpSync(at(name), path, { recursive: true });
    const dump = await openDump(path);
    const names = [...dump.tensors.keys()];
    const files = statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((file) => file.endsWith('.npy'))
          .map((file) => join(path, file))
      : [path];
    for (const file of files) truncateSync(file, Math.floor(statSync(file).size / 3));
    for (const tensor of [names[0], names[names.length - 1]])
      await expect((async () => dump.read(tensor))()).rejects.toThrow(
        /has changed since it was opened|ends|damaged|truncated/,
      );
    await dump.close();
  });
});
