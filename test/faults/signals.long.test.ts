// SIGINT and SIGTERM in the middle of every long command: exit code 130, nothing half-written, no temporary file.
// (embed, trace, download and SIMD threads: test/cli.)
//
// Guard: src/cli/interrupt.ts, whose tasks AtomicFile and the writers of dumps leave there; without it the temporary
// files stay. It also tidies up when the process ends in another way: the last test fails without its 'exit' listener.

import { mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { outcome, picture, run, start, temporaryFolder } from '../cli/support/cli.ts';
import { prepare, TINY } from './support/commands.ts';
import { SCHEDULED } from '../support/scheduled.ts';

const folder = temporaryFolder();
let inputs = '';
const RN50 = ['--model', 'RN50', '--weights', 'synthetic:0', '--threads', '1'];

beforeAll(async () => {
  inputs = join(folder.path, 'inputs');
  await mkdir(inputs);
  await prepare(inputs);
  expect(
    (
      await run([
        'trace',
        picture('guitar.png'),
        ...RN50,
        '--layers',
        'visual',
        '--out',
        join(inputs, 'rn50.safetensors'),
      ])
    ).code,
  ).toBe(0);
});

/** Commands that would take seconds, or wait for more input. */
const LONG: readonly [name: string, signal: NodeJS.Signals, args: (out: string) => string[], input?: string][] = [
  [
    'classify',
    'SIGTERM',
    (out) => ['classify', '-', '--format', 'jsonl', '--out', join(out, 'x.jsonl')],
    `${picture('guitar.png')}\n`,
  ],
  [
    'zero-shot',
    'SIGINT',
    (out) => ['zero-shot', '-', '--prompt', 'a cat', 'a dog', '--format', 'jsonl', '--out', join(out, 'x.jsonl')],
    `${picture('guitar.png')}\n`,
  ],
  [
    'trace',
    'SIGTERM',
    (out) => ['trace', picture('guitar.png'), ...RN50, '--executor', 'reference', '--out', join(out, 'x.npz')],
  ],
  [
    'train-head',
    'SIGINT',
    (out) => [
      'train-head',
      join(inputs, 'photos'),
      ...RN50,
      '--executor',
      'reference',
      '--out',
      join(out, 'x.safetensors'),
      '--out',
      join(out, 'x.pth'),
    ],
  ],
  ['tolerances', 'SIGTERM', (out) => ['tolerances', ...RN50, '--out', join(out, 'x.json')]],
  [
    'verify --html',
    'SIGINT',
    (out) => [
      'verify',
      join(inputs, 'rn50.safetensors'),
      ...RN50,
      '--executor',
      'reference',
      '--html',
      join(out, 'x.html'),
    ],
  ],
];

/** Waits until the command has a temporary file there. */
async function begun(place: string): Promise<void> {
  for (let wait = 0; (await readdir(place)).length === 0; wait++) {
    if (wait > 2000) throw new Error('the command has not begun to write');
    await sleep(10);
  }
}

describe.skipIf(process.platform === 'win32')('a signal in the middle', SCHEDULED, () => {
  test.each(LONG)('%s, %s', async (_, signal, args, input) => {
    const place = await mkdtemp(join(folder.path, 'out-'));
    const child = start(args(place));
    const result = outcome(child);
    if (input !== undefined) child.stdin!.write(input);
    await begun(place);
    await sleep(100);
    child.kill(signal);
    expect((await result).code).toBe(130);
    expect(await readdir(place)).toEqual([]);
  });

  test('golden, SIGINT while it computes: the folder is there, with nothing in it, and the next run may have it', async () => {
    const place = join(await mkdtemp(join(folder.path, 'out-')), 'pack');
    const child = start(['golden', '--model', 'RN50', '--out', place, '--threads', '1']);
    const result = outcome(child);
    while (
      await readdir(place).then(
        () => false,
        () => true,
      )
    )
      await sleep(10);
    await sleep(200);
    child.kill('SIGINT');
    const { code } = await result;
    expect([null, 130]).toContain(code); // null: ended by the signal itself, as long as there is nothing to tidy up
    expect(await readdir(place)).toEqual([]);
    const again = await run(['golden', '--model', 'tiny-vit', '--claims', 'float16', '--out', place]);
    expect([again.code, again.stderr]).toEqual([0, expect.stringMatching(/^clip-oracle: tiny-vit, /)]);
  });

  test('an error that nobody caught leaves nothing either', async () => {
    const place = await mkdtemp(join(folder.path, 'out-'));
    // Thrown from a timer as soon as the temporary file is there: no try of the command is around it.
    const bomb = `data:text/javascript,${encodeURIComponent(`import { readdirSync } from 'node:fs';
      setInterval(() => { if (readdirSync(${JSON.stringify(place)}).length > 0) throw new Error('planted'); }, 20).unref();`)}`;
    const child = start(['embed', '-', ...TINY, '--out', join(place, 'x.npy')], { node: ['--import', bomb] });
    const result = await outcome(child);
    expect([result.code, result.stderr]).toEqual([2, 'clip-oracle: planted\n']);
    expect(await readdir(place)).toEqual([]);
  });
});
