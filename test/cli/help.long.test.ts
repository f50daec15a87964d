// --help and --version: complete, quick to come (nothing heavy is imported), and the same words that the mistakes point
// to.

import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { isOneSentence, picture, root, run, temporaryFolder } from './support/cli.ts';

const folder = temporaryFolder();
const COMMANDS = [
  'embed',
  'classify',
  'zero-shot',
  'search',
  'train-head',
  'trace',
  'golden',
  'models',
  'download',
  'inspect',
  'demo',
  'completion',
];

test("--version is the package's", async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  for (const option of ['--version', '-V'])
    expect(await run([option])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test('--help names every command, shows examples, exit codes and the environment', async () => {
  const { code, stdout, stderr } = await run(['--help']);
  expect(code).toBe(0);
  expect(stderr).toBe('');
  for (const word of [...COMMANDS, 'Examples:', 'Exit code 0', 'CLIP_ORACLE_CACHE', 'NO_COLOR'])
    expect(stdout).toContain(word);
  expect(stdout).not.toContain('\u001b');
});

const IMAGE_OPTIONS = [
  '--model',
  '--weights',
  '--pipeline',
  '--normalize',
  '--threads',
  '--precision',
  '--executor',
  '--residency',
  '--batch',
  '--input',
  '--out',
  '--quiet',
  '--no-color',
];
const CHANGES = ['--adapter', '--adapter-alpha', '--adapter-parts', '--peft-as-is', '--resolution'];
test.each([
  ['embed', [...IMAGE_OPTIONS, ...CHANGES]],
  [
    'classify',
    [
      ...IMAGE_OPTIONS,
      ...CHANGES,
      '--head',
      '--labels',
      '--threshold',
      '--top',
      '--logits',
      '--format',
      'one in a picture',
    ],
  ],
  [
    'zero-shot',
    [
      ...IMAGE_OPTIONS.filter((option) => option !== '--normalize'),
      '--prompt',
      '--labels-file',
      '--template',
      '--top',
      '--truncate',
      '--logits',
      '--format',
    ],
  ],
  ['search', ['--model', '--weights', '--pipeline', '--threads', '--paths', '--top', '--format']],
  [
    'train-head',
    [
      ...IMAGE_OPTIONS.filter((option) => option !== '--input'),
      ...CHANGES,
      '--labels',
      '--classes',
      '--C',
      '--l2',
      '--validation',
      '--seed',
      '--balanced',
      '--max-iterations',
      '--json',
      'scikit-learn',
    ],
  ],
  ['trace', ['--model', '--weights', '--pipeline', '--precision', '--input', '--layers', '--hash', '--out', 'SHA-256']],
  ['golden', ['--model', '--all', '--seed', '--claims', '--out', '--check', '--pack', '--map', '--json']],
  ['models', ['--json', '--root']],
  ['download', ['--all', '--base-url', '--root', '--verify', '--retries', '--stall-timeout', 'ViT-L/14@336px']],
  ['inspect', ['--json', '--headers-only']],
  ['demo', ['--quiet', 'PyTorch']],
])('%s --help has its options and examples', async (command, words) => {
  const { code, stdout } = await run([command, '--help']);
  expect(code).toBe(0);
  expect(stdout).toContain(`Usage: clip-oracle ${command}`);
  for (const word of [...words, 'Examples:', `clip-oracle ${command}`]) expect(stdout).toContain(word);
});

test('colours come when they are demanded, and go when they are forbidden', async () => {
  expect((await run(['--help'], { env: { FORCE_COLOR: '1' } })).stdout).toContain('\u001b[');
  expect((await run(['--help', '--no-color'], { env: { FORCE_COLOR: '1' } })).stdout).not.toContain('\u001b[');
  expect((await run(['--help'], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).stdout).not.toContain('\u001b[');
});

describe('what is imported', () => {
  /** The modules that a run imports, told by a load hook. */
  async function imported(args: string[]): Promise<string[]> {
    const list = join(folder.path, `modules-${args.join('').replace(/[^a-z]/g, '')}`);
    const hooks =
      'import { appendFileSync } from "node:fs"; export async function load(url, context, next) { ' +
      'appendFileSync(process.env.MODULE_LIST, url + "\\n"); return next(url, context); }';
    const register = join(folder.path, 'register.mjs');
    await writeFile(
      register,
      `import { register } from 'node:module'; register('data:text/javascript,' + ` +
        `${JSON.stringify(encodeURIComponent(hooks))});`,
    );
    const { code } = await run(args, { node: ['--import', pathToFileURL(register).href], env: { MODULE_LIST: list } });
    expect(code).toBe(0);
    return [...new Set((await readFile(list, 'utf8')).trim().split('\n'))];
  }
  const light = [
    /^node:/,
    /\/node_modules\/commander\//,
    // The program, its parser, the commands' tables and what they are made of.
    /\/dist\/src\/cli\/(?:main|program|parser|command|options|values|errors|interrupt|suggest)\.js$/,
    /\/dist\/src\/cli\/(?:commands\/[\w-]+|terminal\/(?:style|numbers|table))\.js$/,
    /\/dist\/src\/clip\/(?:models|parameters|architecture|package-file)\.js$/,
    /\/dist\/src\/(?:oracle\/types|features\/argument-error|formats\/(?:errno|atomic-file|error-text|limits))\.js$/,
  ];
  const isLight = (url: string): boolean => light.some((pattern) => pattern.test(url));

  test.each([[['--help']], [['--version']], [['embed', '--help']]])(
    "%j: commander and the command's own small files, nothing else",
    async (args) => {
      const modules = await imported(args);
      expect(modules.length).toBeGreaterThan(3);
      expect(modules.filter((url) => !isLight(url))).toEqual([]);
    },
  );

  test('a command does import more: the list above can fail', async () => {
    expect((await imported(['models'])).filter((url) => !isLight(url)).join()).toContain('cli-table3');
  });
});

describe('a mistake is one sentence on standard error and exit code 2', () => {
  const image = picture('octopus.jpg');
  test.each<[string, string[], RegExp]>([
    ['a mistyped command', ['embde', image], /unknown command 'embde' \(Did you mean embed\?\)/],
    ['a mistyped option', ['embed', image, '--modle', 'RN50'], /unknown option '--modle' \(Did you mean --model\?\)/],
    ['an option without its value', ['embed', image, '--model'], /--model <name>' argument missing/],
    ['a command without its argument', ['inspect'], /missing required argument 'file'/],
    ['an argument too many', ['models', 'RN50'], /too many arguments/],
    ['a mistyped model', ['embed', image, '--model', 'ViT-B-32'], /did you mean ViT-B\/32\?/],
    [
      'a model that is none',
      ['embed', image, '--model', 'foo'],
      /Expected RN50, RN101, .* or tiny-vit, or the path of a checkpoint/,
    ],
    ['no threads', ['embed', image, '--threads', '0'], /'0' is invalid\. Expected a whole number of at least 1/],
    ['half a thread', ['embed', image, '--threads', '1.5'], /whole number/],
    ['a batch that is no number', ['embed', image, '--batch', 'x'], /'x' is invalid\. Expected a whole number/],
    [
      'a mistyped pipeline',
      ['embed', image, '--pipeline', 'openia'],
      /Expected openai, huggingface, huggingface-torchvision, fake-detect or immich; did you mean openai\?/,
    ],
    ['a precision that is none', ['embed', image, '--precision', 'fp16'], /Expected float32 or float64/],
    ['an executor that is none', ['embed', image, '--executor', 'gpu'], /Expected auto, reference or simd/],
    ['a format that is none', ['classify', image, '--format', 'xml'], /Expected jsonl or table/],
    ['a threshold that is no probability', ['classify', image, '--threshold', '1.1'], /Expected a number from 0 to 1/],
    ['an empty threshold', ['classify', image, '--threshold', ''], /Expected a number from 0 to 1/],
    ['the best none', ['classify', image, '--top', '0'], /whole number of at least 1/],
    ['no image', ['embed'], /expected an image, a folder or -/],
    ['no image to classify', ['classify'], /expected an image, a folder or -/],
    ['images and ready pixels', ['embed', image, '--input', 'x.safetensors'], /either images or --input, got both/],
    ['a folder without images', ['embed', join(root, 'src', 'cli')], /holds no JPEG, PNG, WebP, GIF, BMP or TIFF/],
  ])('%s', async (_name, args, message) => {
    const outcome = await run(args);
    expect(outcome.stderr).toMatch(message);
    expect(isOneSentence(outcome)).toBe(true);
  });

  test('no command at all: the help, on standard error', async () => {
    const { code, stdout, stderr } = await run([]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Usage: clip-oracle');
  });

  test('CLIP_ORACLE_DEBUG shows where an error comes from', async () => {
    const { code, stderr } = await run(['embed'], { env: { CLIP_ORACLE_DEBUG: '1' } });
    expect(code).toBe(2);
    expect(stderr).toMatch(/expected an image[^]*\n\s+at /);
  });
});
