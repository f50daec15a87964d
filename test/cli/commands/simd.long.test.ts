// Who computes does not change a byte: executors, threads, batches, residency; and threads neither keep a process alive
// nor outlive Ctrl-C.
// The judge of the features themselves is PyTorch (embed.test.ts); here the plain loops judge the SIMD kernels, and the
// bytes are text.

import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { rebuild } from '../../support/skeletons.ts';
import { isOneSentence, lines, outcome, picture, root, run, start, temporaryFolder } from '../support/cli.ts';
import { SCHEDULED } from '../../support/scheduled.ts';

const folder = temporaryFolder();
const pictures = join(root, 'fixtures', 'pictures');
const PLAIN = ['--executor', 'reference', '--threads', '1'];

describe('the same bytes', () => {
  test.each([
    [
      'mini-vit',
      128,
      [
        ['--threads', '7'],
        ['--threads', '7', '--batch', '4'],
      ],
    ],
    [
      'mini-rn',
      128,
      [
        ['--threads', '7'],
        ['--threads', '7', '--batch', '4'],
      ],
    ],
    [
      'tiny-vit',
      32,
      [
        ['--threads', '7'],
        ['--threads', '1'],
        ['--threads', '3', '--batch', '4'],
      ],
    ],
  ])('%s over a folder of pictures, plain loops on one thread and SIMD on any', async (model, width, variants) => {
    const plain = await run(['embed', pictures, '--model', model, ...PLAIN]);
    expect([plain.code, plain.stderr]).toEqual([0, 'clip-oracle: passed over: 1 .json, 1 .md\n']);
    const found = lines(plain.stdout);
    expect(found.length).toBe((await readdir(pictures)).filter((name) => /\.(?:png|jpg)$/.test(name)).length);
    expect(found.every(({ features }) => (features as number[]).length === width)).toBe(true);
    for (const variant of variants)
      expect(
        (await run(['embed', pictures, '--model', model, '--executor', 'simd', ...variant])).stdout === plain.stdout,
        variant.join(' '),
      ).toBe(true);
  });

  test.each(['tiny-vit.jit.pt', 'tiny-rn.jit.pt'])('%s in float64', async (name) => {
    const file = join(folder.path, `wide-${name}`);
    await writeFile(file, rebuild(name));
    const args = ['embed', picture('octopus.jpg'), '--model', file, '--precision', 'float64'];
    const plain = await run([...args, ...PLAIN]);
    expect([plain.code, plain.stderr]).toEqual([0, '']);
    for (const variant of [
      ['--threads', '1'],
      ['--threads', '3'],
      ['--executor', 'simd', '--residency', 'half'],
    ])
      expect(await run([...args, ...variant]), variant.join(' ')).toEqual(plain);
  });

  test.each(['tiny-vit.jit.pt', 'tiny-rn.jit.pt'])(
    '%s, a half-precision checkpoint: kept as single and as half',
    async (name) => {
      const file = join(folder.path, name);
      await writeFile(file, rebuild(name));
      const args = ['embed', picture('octopus.jpg'), picture('guitar.png'), '--model', file];
      const plain = await run([...args, ...PLAIN]);
      expect([plain.code, plain.stderr]).toEqual([0, '']);
      for (const [residency, threads] of [
        ['single', '2'],
        ['half', '1'],
        ['half', '2'],
      ]) {
        expect(
          await run([...args, '--executor', 'simd', '--residency', residency, '--threads', threads]),
          `${residency}, ${threads}`,
        ).toEqual(plain);
      }
    },
  );
});

describe('what does not go together is one sentence', () => {
  test.each<[string, string[], RegExp]>([
    ['a residency that is none', ['--residency', 'quarter'], /--residency .*Expected single or half/],
    ['a mistyped one', ['--residency', 'hlaf'], /did you mean half\?/],
    ['half by plain loops', ['--residency', 'half', '--executor', 'reference'], /take executor simd/],
  ])('%s', async (_name, args, message) => {
    const result = await run(['embed', picture('octopus.jpg'), '--model', 'tiny-vit', ...args]);
    expect(result.stderr).toMatch(message);
    expect(isOneSentence(result)).toBe(true);
  });
});

describe('threads', () => {
  test('a command that used them ends by itself', async () => {
    const began = performance.now();
    const { code } = await run([
      'embed',
      picture('octopus.jpg'),
      '--model',
      'tiny-vit',
      '--executor',
      'simd',
      '--threads',
      '2',
    ]);
    expect(code).toBe(0);
    // A thread that keeps the process alive does so for ever. The rest is room for a busy machine.
    expect(performance.now() - began).toBeLessThan(8000);
  });

  test.skipIf(process.platform === 'win32')(
    'Ctrl-C while they compute: exit code 130 at once, no half file',
    SCHEDULED,
    async () => {
      const place = await mkdtemp(join(folder.path, 'out-'));
      // Minutes of work in one forward pass after the other.
      const child = start([
        'embed',
        '-',
        '--model',
        'RN50x4',
        '--weights',
        'synthetic:0',
        '--executor',
        'simd',
        '--threads',
        '2',
        '--batch',
        '8',
        '--out',
        join(place, 'x.jsonl'),
      ]);
      const result = outcome(child);
      child.stdin!.end(`${picture('octopus.jpg')}\n`.repeat(400));
      await sleep(3000); // weights take one second
      expect((await readdir(place)).length).toBe(1);
      const asked = performance.now();
      child.kill('SIGINT');
      expect((await result).code).toBe(130);
      expect(performance.now() - asked).toBeLessThan(2000);
      expect(await readdir(place)).toEqual([]);
    },
  );
});
