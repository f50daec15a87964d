// Which files of a folder are images: by name, or by their first bytes; and what is said about the others.

import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readImage } from '../../src/clip/image/preprocess.ts';
import { inputPaths } from '../../src/features/inputs.ts';
import { PassedOver } from '../../src/features/passed-over.ts';

const IMAGES = fileURLToPath(new URL('../../fixtures/images/', import.meta.url));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'clip-oracle-inputs-'));
  const copies: [string, string][] = [
    ['a.gif', 'formats/photo.gif'],
    ['b.bmp', 'formats/rgb-24.bmp'],
    ['c.tif', 'formats/rgb.tif'],
    ['d.JPE', 'modes/rgb-420-odd.jpg'],
    ['e.jfif', 'modes/rgb-444-odd.jpg'],
    ['f', 'modes/rgb-16.png'],
    ['g.dat', 'modes/lossless.webp'],
    ['sub/h.tiff', 'formats/float.tif'],
  ];
  mkdirSync(join(folder, 'sub'));
  mkdirSync(join(folder, 'texts'));
  for (const [to, from] of copies) copyFileSync(IMAGES + from, join(folder, to));
  writeFileSync(join(folder, 'BMW.txt'), 'BMW is what this text begins with, and it is no bitmap');
  writeFileSync(join(folder, 'notes.txt'), 'notes');
  writeFileSync(join(folder, 'photo.heic'), Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1'));
  writeFileSync(join(folder, '.hidden'), 'x');
  writeFileSync(join(folder, 'texts', 'README'), 'no picture');
});
afterAll(() => rmSync(folder, { recursive: true }));

async function found(...paths: string[]): Promise<{ names: string[]; passedOver: PassedOver }> {
  const passedOver = new PassedOver();
  const names: string[] = [];
  for await (const { path } of inputPaths(paths, null, passedOver)) names.push(path.slice(folder.length + 1));
  return { names, passedOver };
}

describe('a folder', () => {
  test('gives every file that is an image, by name or by content', async () => {
    const { names } = await found(folder);
    expect(names).toEqual(['a.gif', 'b.bmp', 'c.tif', 'd.JPE', 'e.jfif', 'f', 'g.dat', 'sub/h.tiff']);
    for (const name of names) expect((await readImage(join(folder, name))).width).toBeGreaterThan(0);
  });
  test('says by kind what was passed over, and how a HEIC can be read', async () => {
    const { passedOver } = await found(folder);
    expect(passedOver.count).toBe(5);
    expect(passedOver.text()).toMatch(
      /^passed over: 2 \.txt, 1 \.heic \(HEIC is not read; convert it to PNG first: heif-convert IN OUT\.png .*\), 1 hidden, 1 without an ending$/,
    );
  });
  test('without images is an error that says what is there', async () => {
    await expect(found(join(folder, 'texts'))).rejects.toThrow(
      /texts holds no JPEG, PNG, WebP, GIF, BMP or TIFF; name another folder or a file \(passed over: 1 without an ending\)$/,
    );
  });
  test('of forty kinds names a dozen', () => {
    const passedOver = new PassedOver();
    for (let i = 0; i < 40; i++) passedOver.add(`x.k${i}`, new Uint8Array(0));
    passedOver.add('y.k7', new Uint8Array(0));
    expect(passedOver.text()).toMatch(/^passed over: 2 \.k7, 1 \.k0, .*, 28 of other kinds$/);
  });
});

test('a file that is named itself is taken whatever it is', async () => {
  expect((await found(join(folder, 'notes.txt'))).names).toEqual(['notes.txt']);
});
