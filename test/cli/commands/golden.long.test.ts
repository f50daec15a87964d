// clip-oracle golden, as a user runs it.

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isOneSentence, run, temporaryFolder } from '../support/cli.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder.path, name);

test('makes a pack, whose hashes trace prints, and checks dumps with it: equal, wrong and by another name', async () => {
  const made = await run([
    'golden',
    '--model',
    'tiny-vit',
    '--seed',
    '3',
    '--claims',
    'float32,float16',
    '--out',
    at('packs/tiny'),
  ]);
  expect([made.code, made.stdout]).toEqual([0, '']);
  expect(made.stderr).toMatch(/^clip-oracle: tiny-vit, 22 modules, in .*\n$/);
  expect((await readdir(at('packs/tiny'))).sort()).toEqual(['README.md', 'pack.json', 'samples.safetensors']);
  const pack = JSON.parse(await readFile(at('packs/tiny/pack.json'), 'utf8')) as {
    modules: { name: string; sha256: string; tolerances: object }[];
    allSha256: string;
    image: { sha256: string };
  };
  expect(Object.keys(pack.modules[0].tolerances)).toEqual(['float32', 'float16']);
  // the pack's own samples hold its input
  const trace = await run([
    'trace',
    '--input',
    `${at('packs/tiny/samples.safetensors')}:image`,
    '--model',
    'tiny-vit',
    '--weights',
    'synthetic:3',
    '--hash',
    '--out',
    at('dump.npz'),
    '-q',
  ]);
  expect(trace.stdout).toBe(
    [
      `${pack.image.sha256}  image`,
      ...pack.modules.map(({ name, sha256 }) => `${sha256}  ${name}`),
      `${pack.allSha256}  all`,
      '',
    ].join('\n'),
  );
  const equal = await run(['golden', '--check', at('dump.npz'), '--pack', at('packs/tiny')]);
  expect(equal.code).toBe(0);
  expect(equal.stdout).toMatch(/^visual\.conv1 +equal$/m);
  expect(equal.stdout).toMatch(/tiny-vit, float32: pass\. 22 layers, 22 of them equal to the bit\.\n$/);
  // other weights: the same shapes, the same input, another network
  await run([
    'trace',
    '--input',
    `${at('packs/tiny/samples.safetensors')}:image`,
    '--model',
    'tiny-vit',
    '--weights',
    'synthetic:4',
    '--out',
    at('wrong'),
    '-q',
  ]);
  const wrong = await run([
    'golden',
    '--check',
    at('wrong'),
    '--pack',
    at('packs/tiny'),
    '--claims',
    'float16',
    '--json',
  ]);
  expect(wrong.code).toBe(1);
  const result = JSON.parse(wrong.stdout) as { verdict: string; firstWrong: string; claim: string; layers: unknown[] };
  expect(result).toMatchObject({ verdict: 'fail', firstWrong: 'visual.conv1', claim: 'float16' });
  expect(result.layers).toHaveLength(22);
});

describe('mistakes are told in one sentence', () => {
  test.each<[string, string[], RegExp]>([
    ['no folder', ['--model', 'RN50'], /expected --out, got none/],
    ['no model', ['--out', 'x'], /expected --model or --all, got neither; name a model/],
    ['a model and all', ['--out', 'x', '--all', '--model', 'RN50'], /got both; leave one out/],
    [
      'a checkpoint',
      ['--out', 'x', '--model', 'package.json'],
      /--model expected the name of a model, .* got "package\.json"/,
    ],
    [
      'a seed that is none',
      ['--out', 'x', '--model', 'RN50', '--seed', '-1'],
      /Expected a whole number from 0 to 4294967295/,
    ],
    [
      'a claim that is none',
      ['--out', 'x', '--model', 'RN50', '--claims', 'fp16'],
      /Expected float32, tf32, float16, bfloat16 or int8-weights/,
    ],
    ['a dump without a pack', ['--check', 'x'], /expected --check DUMP and --pack FOLDER together, got --check alone/],
    ['making and checking', ['--check', 'x', '--pack', 'y', '--out', 'z'], /got both; leave one out/],
    [
      'two claims for one dump',
      ['--check', 'x', '--pack', 'y', '--claims', 'float32,float16'],
      /--claims expected one with --check, got float32, float16; name the one that the dump is held to/,
    ],
    ['a dump that is not there', ['--check', 'no.npz', '--pack', 'y'], /"no\.npz" does not exist/],
  ])('%s', async (_, args, message) => {
    const result = await run(['golden', ...args]);
    expect(result.stderr).toMatch(message);
    expect(isOneSentence(result), result.stderr).toBe(true);
  });

  test('a map that is no JSON', async () => {
    await writeFile(at('map.json'), '{');
    await writeFile(at('x.safetensors'), Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{}')]));
    const result = await run(['golden', '--check', at('x.safetensors'), '--pack', at('y'), '--map', at('map.json')]);
    expect(result.stderr).toMatch(/--map: ".*map\.json" is no JSON/);
    expect(isOneSentence(result), result.stderr).toBe(true);
  });
});
