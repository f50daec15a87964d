// Readers that leave, input that ends. (embed | head: test/cli/commands/embed.long.test.ts.) Guard: the listener of
// standard output in src/cli/main.ts; without it EPIPE is an error of its own, and a trace of Node.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { lines, outcome, picture, run, start, temporaryFolder } from '../cli/support/cli.ts';
import { prepare, TINY } from './support/commands.ts';
import { SCHEDULED } from '../support/scheduled.ts';

const folder = temporaryFolder();
beforeAll(() => prepare(folder.path));
const at = (name: string): string => join(folder.path, name);

/** A command whose reader has left before it writes. */
async function unread(args: readonly string[]): Promise<[number | null, string]> {
  const child = start(args);
  child.stdin!.end();
  child.stdout!.destroy();
  const { code, stderr } = await outcome(child);
  return [code, stderr];
}

describe('the reader of standard output has gone', SCHEDULED, () => {
  test.each<[string, () => string[]]>([
    ['classify', () => ['classify', at('photos'), '--format', 'jsonl']],
    ['trace --hash', () => ['trace', picture('guitar.png'), ...TINY, '--hash']],
    ['search', () => ['search', 'a cat', at('features.npy'), '--model', 'mini-vit']],
    ['verify --json', () => ['verify', at('dump.safetensors'), ...TINY, '--json']],
    ['models', () => ['models']],
    ['--help', () => ['embed', '--help']],
  ])('%s ends without a word', async (_, args) => {
    expect(await unread(args())).toEqual([0, '']);
  });

  test.each<[string, string, (out: string) => string[]]>([
    [
      'trace --hash --out',
      'hashed.npz',
      (out) => ['trace', picture('guitar.png'), ...TINY, '--hash', '--quiet', '--out', out],
    ],
    ['verify --html', 'report.html', (out) => ['verify', at('dump.safetensors'), ...TINY, '--html', out]],
    [
      'tolerances --json --out',
      'tolerances.json',
      (out) => ['tolerances', ...TINY, '--images', '1', '--claims', 'float16', '--json', '--out', out],
    ],
    [
      'train-head',
      'head.safetensors',
      (out) => ['train-head', at('features.npy'), '--labels', at('labels.txt'), '--validation', '0', '--out', out],
    ],
  ])('%s: its file is whole', async (_, name, args) => {
    expect((await run(args(at(`read-${name}`)))).code).toBe(0);
    expect(await unread(args(at(name)))).toEqual([0, '']);
    expect((await readFile(at(name))).equals(await readFile(at(`read-${name}`)))).toBe(true);
  });
});

describe('standard input ends', () => {
  test('in the middle of a line: what is there is a path', async () => {
    const { code, stdout } = await run(['embed', '-', ...TINY], {
      input: `${picture('guitar.png')}\n${picture('rocket.png')}`,
    });
    expect(code).toBe(0);
    expect(lines(stdout).map(({ path }) => path)).toEqual([picture('guitar.png'), picture('rocket.png')]);
  });

  test('in the middle of a path: that one failed, the others are there', async () => {
    const { code, stdout } = await run(['embed', '-', ...TINY], {
      input: `${picture('guitar.png')}\n${picture('rocket.png').slice(0, -3)}`,
    });
    expect(code).toBe(1);
    expect(lines(stdout).map(({ features, error }) => [features !== undefined, error !== undefined])).toEqual([
      [true, false],
      [false, true],
    ]);
  });

  test('at once', async () => {
    for (const command of [
      ['embed', '-', ...TINY],
      ['classify', '-'],
      ['trace', '-', ...TINY, '--hash'],
    ]) {
      const { stdout, stderr } = await run(command);
      expect([stdout, stderr]).toEqual([
        '',
        expect.stringMatching(/^clip-oracle: the list on standard input is empty; nothing was done\n$/),
      ]);
    }
  });
});
