// Files that have their name only once they are whole, and the list of those that are not.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import {
  AtomicFile,
  AtomicFileSync,
  markUnfinished,
  removeUnfinished,
  temporaryName,
  watchUnfinished,
} from '../../src/formats/atomic-file.ts';
import { failure, temporaryFolder } from '../support/checkpoints.ts';

const folder = temporaryFolder();
const text = (path: string): string => readFileSync(path, 'utf8');
afterEach(() => watchUnfinished(() => undefined));

describe.each([
  [
    'AtomicFile',
    async (path: string) => {
      const file = await AtomicFile.create(path);
      await file.write('new');
      return file;
    },
  ],
  [
    'AtomicFileSync',
    async (path: string) => {
      const file = new AtomicFileSync(path);
      file.write(Buffer.from('new'), 0);
      return file;
    },
  ],
])('%s', (name, begin) => {
  test('an old file stays until the new one is whole, and after a failure', async () => {
    const path = join(folder.path, `${name}.txt`);
    writeFileSync(path, 'old');
    await (await begin(path)).discard();
    expect([text(path), existsSync(temporaryName(path))]).toEqual(['old', false]);
    const file = await begin(path);
    expect([text(path), text(temporaryName(path))]).toEqual(['old', 'new']);
    await file.finish();
    expect([text(path), existsSync(temporaryName(path))]).toEqual(['new', false]);
  });

  test('the list of unfinished files is told when it fills and when it empties; what is on it can be removed', async () => {
    const place = join(folder.path, name);
    mkdirSync(place);
    const told: boolean[] = [];
    watchUnfinished((some) => told.push(some));
    const [one, two] = [await begin(join(place, 'one')), await begin(join(place, 'two'))];
    expect(told).toEqual([true]);
    await one.finish();
    expect(told).toEqual([true]);
    await two.discard();
    expect(told).toEqual([true, false]);
    const three = await begin(join(place, 'three'));
    expect(readdirSync(place).sort()).toEqual([`.three.${process.pid}.tmp`, 'one']);
    removeUnfinished();
    expect(readdirSync(place)).toEqual(['one']);
    await three.discard();
  });

  test('a folder, and a place where nothing can be, are refused in one sentence', async () => {
    expect(await failure(begin(folder.path))).toMatch(
      /^".*" expected the name of a file, got a folder; add a file name$/,
    );
    expect(await failure(begin(join(folder.path, 'none', 'x')))).toMatch(
      /^".*none.x" cannot be written: its folder does not exist; make it first$/,
    );
  });
});

test('a temporary folder is removed with what is in it', () => {
  const place = join(folder.path, 'temporary');
  mkdirSync(place);
  writeFileSync(join(place, 'x'), 'x');
  markUnfinished(place);
  removeUnfinished();
  expect(existsSync(place)).toBe(false);
});
