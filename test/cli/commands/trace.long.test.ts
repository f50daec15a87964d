// clip-oracle trace, as a user runs it.

import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { openDump } from '../../../src/formats/dump/open.ts';
import { hashValues } from '../../../src/oracle/hash.ts';
import { isOneSentence, outcome, picture, root, run, start, temporaryFolder } from '../support/cli.ts';
import { SCHEDULED } from '../../support/scheduled.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder.path, name);
const guitar = picture('guitar.png');
const TINY = ['--model', 'tiny-vit', '--weights', 'synthetic:0'];

/** Tensors of the golden trace, which PyTorch made. */
const golden = (name: string): string => join(root, 'fixtures', 'tiny', `${name}.trace.safetensors`);

describe('the dump', () => {
  test('in all three formats has the same tensors, the input first and the features last, and says what it is', async () => {
    const contents: { names: string[]; hashes: string[]; metadata: unknown }[] = [];
    for (const [out, format] of [
      ['t.safetensors', 'safetensors'],
      ['t.npz', 'npz'],
      ['t', 'npy folder'],
    ]) {
      const { code, stdout, stderr } = await run(['trace', guitar, '--out', at(out)]);
      expect([code, stdout]).toEqual([0, '']);
      expect(stderr).toMatch(/^clip-oracle: 39 tensors \(2\.\d MB\) in .*\n$/);
      const dump = await openDump(at(out));
      expect(dump.format).toBe(format);
      const names = [...dump.tensors.keys()];
      if (format !== 'npy folder') expect([names[0], names.at(-1)]).toEqual(['image', 'visual']);
      contents.push({
        names: [...names].sort(),
        hashes: [...names].sort().map((name) => hashValues(dump.read(name))),
        metadata: dump.metadata,
      });
      expect(dump.tensors.get('image')!.shape).toEqual([1, 3, 64, 64]);
      await dump.close();
    }
    expect(contents[1]).toEqual(contents[0]);
    expect(contents[2]).toEqual(contents[0]);
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(contents[0].metadata).toMatchObject({
      model: 'mini-vit',
      weights: 'mini-vit',
      pipeline: 'openai',
      precision: 'float32',
      layers: '**',
      contract: '1',
      made_by: `clip-oracle ${version}`,
      images: JSON.stringify([guitar]),
    });
    expect((contents[0].metadata as { weights_sha256: string }).weights_sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test('has the features that embed prints, for one image or several', async () => {
    const images = [guitar, picture('pizza.jpg')];
    expect((await run(['trace', ...images, '--layers', 'visual', '--out', at('two.npz'), '-q'])).stderr).toBe('');
    const dump = await openDump(at('two.npz'));
    expect([...dump.tensors.keys()]).toEqual(['image', 'visual']);
    const { shape, data } = dump.read('visual');
    await dump.close();
    expect(shape).toEqual([2, 128]);
    const { stdout } = await run(['embed', ...images]);
    expect([...data]).toEqual(
      stdout
        .trim()
        .split('\n')
        .flatMap((line) => (JSON.parse(line) as { features: number[] }).features.map(Math.fround)),
    );
  });

  test('of ready pixels in float64 is the truth that PyTorch computed, layer by layer', async () => {
    const { code } = await run([
      'trace',
      '--input',
      `${golden('tiny-vit')}:input/image`,
      ...TINY,
      '--precision',
      'float64',
      '--layers',
      '**.attn,visual.ln_*',
      '--out',
      at('truth.safetensors'),
    ]);
    expect(code).toBe(0);
    const [ours, theirs] = await Promise.all([openDump(at('truth.safetensors')), openDump(golden('tiny-vit'))]);
    const names = [...ours.tensors.keys()];
    expect(names).toEqual([
      'image',
      'visual.ln_pre',
      'visual.transformer.resblocks.0.attn',
      'visual.transformer.resblocks.1.attn',
      'visual.ln_post',
    ]);
    for (const name of names.slice(1)) {
      const [a, b] = [ours.read(name), theirs.read(`f64/${name}`)];
      expect(a.shape, name).toEqual(b.shape);
      expect(a.data, name).toBeInstanceOf(Float64Array);
      const truth = Array.from(b.data);
      const [error, size] = truth.reduce(
        ([e, s], value, i) => [e + (a.data[i] - value) * (a.data[i] - value), s + value * value],
        [0, 0],
      );
      expect(Math.sqrt(error / size), name).toBeLessThan(1e-13);
    }
    expect(ours.metadata).toMatchObject({ precision: 'float64', pipeline: '', layers: '**.attn,visual.ln_*' });
    expect([...ours.read('image').data]).toEqual([...theirs.read('input/image').data]);
    await Promise.all([ours.close(), theirs.close()]);
  });

  test('can be the input of another trace, with the same hashes', async () => {
    for (const [out, input] of [
      ['first.safetensors', 'first.safetensors'],
      ['first.npz', 'first.npz:image'],
      ['first', 'first'],
    ]) {
      const first = await run(['trace', guitar, '--out', at(out), '--hash', '-q']);
      const second = await run(['trace', '--input', at(input), '--hash', '--executor', 'reference']);
      expect(second.stdout).toBe(first.stdout);
    }
  });
});

describe('--hash', () => {
  test(
    "prints a line per tensor in the network's order, then one for all, which sorting and hashing the lines " +
      'gives again',
    async () => {
      const { code, stdout, stderr } = await run(['trace', guitar, '--hash', '--out', at('h.safetensors'), '-q']);
      expect([code, stderr]).toEqual([0, '']);
      const lines = stdout.trimEnd().split('\n');
      const last = lines.pop()!;
      const dump = await openDump(at('h.safetensors'));
      expect(lines.map((line) => line.slice(66))).toEqual([...dump.tensors.keys()]);
      for (const line of lines) {
        const { data } = dump.read(line.slice(66));
        expect(line.slice(0, 64)).toBe(
          createHash('sha256')
            .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
            .digest('hex'),
        );
      }
      await dump.close();
      const sorted = [...lines]
        .sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1))
        .map((line) => `${line}\n`)
        .join('');
      expect(last).toBe(`${createHash('sha256').update(sorted).digest('hex')}  all`);
    },
  );
});

describe('mistakes are told in one sentence, and leave nothing behind', () => {
  test.each<[string, string[], number, RegExp]>([
    ['neither --out nor --hash', [guitar], 2, /expected --out or --hash, got neither/],
    ['no image', ['--hash'], 2, /expected an image, a folder or -/],
    [
      'an ending that is not written',
      [guitar, '--out', 'x.json'],
      2,
      /--out expected a name that ends in \.safetensors or \.npz, or a folder, got "x\.json"/,
    ],
    [
      'a layer that is none',
      [guitar, '--hash', '--layers', 'visual.layer9'],
      2,
      /a module of mini-vit \(such as visual\.conv1, .* got "visual\.layer9", which fits none/,
    ],
    ['an empty pattern', [guitar, '--hash', '--layers', ''], 2, /expected patterns of module paths/],
    ['normalised features', [guitar, '--hash', '--normalize'], 2, /expected no --normalize/],
    ['a folder that is not there', [guitar, '--out', 'none/x.npz'], 2, /its folder does not exist; make it first/],
    ['an image that is not there', ['none.png', '--hash'], 1, /none\.png: does not exist/],
    [
      'pixels of another size',
      ['--input', `${golden('tiny-rn')}:input/image`, ...TINY, '--hash'],
      2,
      /expected shape \(N, 3, 32, 32\) for tiny-vit, got \(2, 3, 64, 64\)/,
    ],
  ])('%s', async (_, args, code, message) => {
    const result = await run(['trace', ...args]);
    expect(result.stderr).toMatch(message);
    expect(isOneSentence({ ...result, code: 2 }), result.stderr).toBe(true);
    expect(result.code).toBe(code);
  });

  test('a folder that holds something else is not replaced; a broken image among good ones writes nothing', async () => {
    await mkdir(at('home'));
    await writeFile(at('home/thesis.txt'), 'x');
    expect((await run(['trace', guitar, '--out', at('home')])).stderr).toMatch(
      /holds "thesis\.txt", which is not part of a dump, so the folder is not replaced/,
    );
    expect(await readdir(at('home'))).toEqual(['thesis.txt']);
    await writeFile(at('broken.png'), 'x');
    await copyFile(guitar, at('good.png'));
    const before = await readdir(folder.path);
    const { code, stderr } = await run(['trace', at('good.png'), at('broken.png'), '--out', at('never.npz')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/broken\.png/);
    expect(await readdir(folder.path)).toEqual(before);
  });

  test('neither does an interruption', SCHEDULED, async () => {
    const before = await readdir(folder.path);
    const child = start(['trace', guitar, '--model', 'ViT-B/32', '--weights', 'synthetic:0', '--out', at('cut')]);
    const done = outcome(child);
    while ((await readdir(folder.path)).length === before.length) await sleep(10);
    child.kill('SIGINT');
    expect((await done).code).toBe(130);
    expect(await readdir(folder.path)).toEqual(before);
  });
});
