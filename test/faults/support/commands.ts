// Every command that writes, with small inputs, as the tests of faults run them.

import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { picture, run } from '../../cli/support/cli.ts';

export const TINY = ['--model', 'tiny-vit', '--weights', 'synthetic:0'];
const ANIMALS = ['cat-face.png', 'dog-face.png', 'penguin.png'];
const OTHERS = ['guitar.png', 'rocket.png', 'snowman.png'];

/** Inputs in a folder: features.npy, labels.txt, dump.safetensors of tiny-vit, photos/animal and photos/other. */
export async function prepare(folder: string): Promise<void> {
  for (const [kind, names] of [
    ['animal', ANIMALS],
    ['other', OTHERS],
  ] as const) {
    await mkdir(join(folder, 'photos', kind), { recursive: true });
    for (const name of names) await copyFile(picture(name), join(folder, 'photos', kind, name));
  }
  await writeFile(
    join(folder, 'labels.txt'),
    [...ANIMALS.map(() => 'animal'), ...OTHERS.map(() => 'other')].join('\n'),
  );
  const made = await Promise.all([
    run([
      'embed',
      join(folder, 'photos'),
      '--model',
      'mini-vit',
      '--out',
      join(folder, 'features.npy'),
      '--threads',
      '1',
    ]),
    run(['trace', picture('guitar.png'), ...TINY, '--out', join(folder, 'dump.safetensors'), '--threads', '1']),
  ]);
  for (const { code, stderr } of made) if (code !== 0) throw new Error(stderr);
}

export interface Writer {
  name: string;
  /** What it writes, inside of a place of its own. */
  out: string;
  args: (inputs: string, out: string) => string[];
  /** Bytes that may be free so that it still does not fit: 0 where it writes little. */
  free: 0 | 4096;
  /** For standard input, which then stays open. */
  input?: string;
}

const one = ['--threads', '1'];

export const WRITERS: readonly Writer[] = [
  {
    name: 'embed to .npy',
    out: 'x.npy',
    free: 0,
    args: (_, out) => ['embed', picture('guitar.png'), ...TINY, ...one, '--out', out],
  },
  {
    name: 'embed to .safetensors',
    out: 'x.safetensors',
    free: 0,
    args: (_, out) => ['embed', picture('guitar.png'), ...TINY, ...one, '--out', out],
  },
  {
    name: 'embed to .jsonl',
    out: 'x.jsonl',
    free: 0,
    args: (_, out) => ['embed', picture('guitar.png'), ...TINY, ...one, '--out', out],
  },
  {
    name: 'classify',
    out: 'x.jsonl',
    free: 0,
    args: (_, out) => ['classify', picture('guitar.png'), ...one, '--format', 'jsonl', '--out', out],
  },
  {
    name: 'zero-shot',
    out: 'x.jsonl',
    free: 0,
    args: (_, out) => [
      'zero-shot',
      picture('guitar.png'),
      ...one,
      '--prompt',
      'a cat',
      'a dog',
      '--format',
      'jsonl',
      '--out',
      out,
    ],
  },
  {
    name: 'search',
    out: 'x.jsonl',
    free: 0,
    args: (inputs, out) => ['search', 'a cat', join(inputs, 'features.npy'), '--model', 'mini-vit', '--out', out],
  },
  {
    name: 'trace to .safetensors',
    out: 'x.safetensors',
    free: 4096,
    args: (_, out) => ['trace', picture('guitar.png'), ...TINY, ...one, '--out', out],
  },
  {
    name: 'trace to .npz',
    out: 'x.npz',
    free: 4096,
    args: (_, out) => ['trace', picture('guitar.png'), ...TINY, ...one, '--out', out],
  },
  {
    name: 'trace to a folder',
    out: 'x',
    free: 4096,
    args: (_, out) => ['trace', picture('guitar.png'), ...TINY, ...one, '--out', out],
  },
  {
    name: 'golden',
    out: 'pack',
    free: 4096,
    args: (_, out) => ['golden', '--model', 'tiny-vit', '--claims', 'float16', ...one, '--out', out],
  },
  {
    name: 'tolerances',
    out: 'x.json',
    free: 0,
    args: (_, out) => ['tolerances', ...TINY, '--claims', 'float16', '--images', '1', ...one, '--out', out],
  },
  {
    name: 'verify --html',
    out: 'x.html',
    free: 4096,
    args: (inputs, out) => ['verify', join(inputs, 'dump.safetensors'), ...TINY, ...one, '--html', out],
  },
  {
    name: 'train-head to .safetensors',
    out: 'x.safetensors',
    free: 0,
    args: (inputs, out) => [
      'train-head',
      join(inputs, 'features.npy'),
      '--labels',
      join(inputs, 'labels.txt'),
      '--validation',
      '0',
      '--out',
      out,
    ],
  },
  {
    name: 'train-head to .pth',
    out: 'x.pth',
    free: 0,
    args: (inputs, out) => [
      'train-head',
      join(inputs, 'features.npy'),
      '--labels',
      join(inputs, 'labels.txt'),
      '--validation',
      '0',
      '--out',
      out,
    ],
  },
];
