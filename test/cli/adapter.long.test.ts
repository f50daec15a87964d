// --adapter and --resolution: the same features as through the API, named in the output, refused where they do not fit.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ndarray from 'ndarray';
import { describe, expect, test } from 'vitest';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import type { Tensor } from '../../src/ops/tensor.ts';
import { flat, readGolden, relRms } from '../support/golden.ts';
import { fixture, safetensors } from '../clip/adapters/support.ts';
import { isOneSentence, lines, picture, run, temporaryFolder } from './support/cli.ts';

const folder = temporaryFolder();
const golden = readGolden('fixtures/adapters/golden.safetensors');
const sizes = readGolden('fixtures/adapters/sizes.safetensors');
const TINY = ['--model', 'tiny-vit', '--threads', '1'];

async function pixels(name: string, n: number, resolution: number): Promise<string> {
  const path = join(folder.path, `${name}.safetensors`);
  const x = syntheticImage(0, n, resolution);
  await writeFile(path, safetensors({ image: x.shape }, { image: [...x.data] }));
  return path;
}

const featuresIn = (stdout: string): Tensor => {
  const rows = lines(stdout).map((line) => line.features as number[]);
  return ndarray(Float64Array.from(rows.flat()), [rows.length, rows[0].length]) as Tensor;
};

describe('embed', () => {
  test.each([
    ['peft', []],
    ['clip-lora.pt', []],
    ['loralib.pt', ['--adapter-alpha', '16', '--adapter-parts', 'q,v']],
  ] as [string, string[]][])("%s gives PyTorch's features, and says so", async (name, more) => {
    const { code, stdout, stderr } = await run([
      'embed',
      '--input',
      await pixels(name, 2, 32),
      ...TINY,
      '--adapter',
      fixture(name),
      ...more,
    ]);
    expect([code, stderr]).toEqual([0, '']);
    expect(relRms(featuresIn(stdout), golden.tensor(`${name}/image`))).toBeLessThan(1e-6);
    expect(Object.keys(lines(stdout)[0])).toEqual(['path', 'model', 'weights', 'adapter', 'pipeline', 'features']);
    expect(lines(stdout)[0].adapter).toBe(fixture(name));
  });

  test("another resolution gives PyTorch's features, and says so; in safetensors too", async () => {
    const input = await pixels('at48', 1, 48);
    const { code, stdout } = await run(['embed', '--input', input, ...TINY, '--resolution', '48']);
    expect(code).toBe(0);
    expect(relRms(featuresIn(stdout), sizes.tensor('tiny-vit/48'))).toBeLessThan(1e-6);
    expect(lines(stdout)[0].resolution).toBe(48);
    const out = join(folder.path, 'features.safetensors');
    expect(
      (
        await run([
          'embed',
          '--input',
          input,
          ...TINY,
          '--resolution',
          '48',
          '--adapter',
          fixture('peft'),
          '--out',
          out,
        ])
      ).code,
    ).toBe(0);
    const written = readGolden(out);
    expect(written.metadata).toMatchObject({ resolution: '48', adapter: fixture('peft') });
    expect(flat(written.tensor('features')).length).toBe(32);
  });

  test.each([
    [['--adapter', 'no-such-folder'], 'no-such-folder'],
    [['--adapter', fixture('loralib.pt')], '--adapter-alpha'],
    [['--adapter', fixture('peft-pool')], 'take an adapter of this model'],
    [['--peft-as-is'], '--peft-as-is expected --adapter, got none'],
    [['--adapter-alpha', '8'], '--adapter-alpha expected --adapter, got none'],
    [['--adapter', fixture('loralib.pt'), '--adapter-alpha', 'x'], 'Expected a number'],
    [['--adapter', fixture('loralib.pt'), '--adapter-alpha', '1', '--adapter-parts', 'x'], 'Expected q, k or v'],
    [['--resolution', '50'], 'expected a multiple of 8'],
    [['--resolution', '0'], 'Expected a whole number of at least 1'],
  ])('%s is refused in one sentence', async (options, words) => {
    const result = await run(['embed', picture('octopus.jpg'), ...TINY, ...options]);
    expect([result.code, result.stdout]).toEqual([2, '']);
    expect(result.stderr).toContain(words);
    expect(isOneSentence(result)).toBe(true);
  });
});

test('classify takes a resolution', async () => {
  const label = async (...options: string[]): Promise<unknown> =>
    lines((await run(['classify', picture('octopus.jpg'), '--format', 'jsonl', '--top', '1', ...options])).stdout)[0]
      .top;
  const [small, large] = [await label(), await label('--resolution', '96')];
  expect(large).not.toEqual(small);
});
