// tolerances, and verify with a table of them, as a user runs them.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Tolerances } from '../../../src/oracle/tolerances.ts';
import { isOneSentence, run, temporaryFolder } from '../support/cli.ts';

const folder = temporaryFolder();
const TINY = ['--model', 'tiny-vit', '--weights', 'synthetic:1', '--images', '1'];

let dump: string;
beforeAll(async () => {
  dump = join(folder.path, 'dump.safetensors');
  expect(
    (
      await run([
        'trace',
        'fixtures/pictures/octopus.jpg',
        '--model',
        'tiny-vit',
        '--weights',
        'synthetic:1',
        '--layers',
        'visual,**.attn',
        '--out',
        dump,
      ])
    ).code,
  ).toBe(0);
});

describe('tolerances', () => {
  test('prints a table with a row for each module and two columns for each claim', async () => {
    const { code, stdout, stderr } = await run(['tolerances', ...TINY, '--claims', 'float32,float16']);
    expect([code, stderr]).toEqual([0, '']);
    const rows = stdout.split('\n').filter((line) => line.startsWith('visual'));
    expect(rows).toHaveLength(22);
    const conv1 = rows[0].split(/\s+/);
    expect(conv1[0]).toBe('visual.conv1');
    expect(conv1).toHaveLength(6);
    const [own, float32, four, float16, rho] = conv1.slice(1).map(Number);
    expect(four).toBe(4);
    expect(float32 / own).toBeCloseTo(4, 0);
    expect(float16 / own / rho).toBeCloseTo(1, 1);
    expect(stdout).toContain('tiny-vit, synthetic:1, 1 synthetic image.');
  });

  test('--json and --out give the same numbers, which verify --tolerances takes', async () => {
    const out = join(folder.path, 'tiny.json');
    const printed = await run(['tolerances', ...TINY, '--claims', 'float16', '--json', '--out', out]);
    expect(printed.code).toBe(0);
    expect(await readFile(out, 'utf8')).toBe(printed.stdout);
    const table = JSON.parse(printed.stdout) as Tolerances;
    expect(table.images).toEqual([0]);

    // A float32 backend keeps every claim.
    const own = await run(['verify', dump, '--claims', 'float16', '--tolerances', out, '--json']);
    expect(own.code).toBe(0);
    const layers = (JSON.parse(own.stdout) as { layers: { name: string }[] }).layers;
    expect(layers.map(({ name }) => name)).toEqual([
      'visual.transformer.resblocks.0.attn',
      'visual.transformer.resblocks.1.attn',
      'visual',
    ]);

    const other = await run(['verify', dump, '--claims', 'bfloat16', '--tolerances', out]);
    expect(isOneSentence(other)).toBe(true);
    expect(other.stderr).toContain(
      'expected tolerances for bfloat16, got none for visual.conv1; make them with --claims bfloat16',
    );
  });

  test('mistakes are answered in a sentence', async () => {
    const claims = await run(['tolerances', ...TINY, '--claims', 'float16,half']);
    expect(isOneSentence(claims)).toBe(true);
    expect(claims.stderr).toContain('float32, tf32, float16, bfloat16 or int8-weights');
    const path = join(folder.path, 'wrong.json');
    await writeFile(path, '{}');
    for (const wrong of [path, join(folder.path, 'missing.json')]) {
      const result = await run(['verify', dump, '--claims', 'float16', '--tolerances', wrong]);
      expect(isOneSentence(result), result.stderr).toBe(true);
      expect(result.stderr).toContain('--tolerances: ');
    }
  });
});
