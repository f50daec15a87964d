// train-head: the built command from features or folders to a head that classify uses. Its arithmetic is tested in
// test/train/head.

import { readFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ndarray from 'ndarray';
import { beforeAll, describe, expect, test } from 'vitest';
import { messageOf } from '../../../src/cli/errors.ts';
import { makeProgram } from '../../../src/cli/program.ts';
import { loadHead } from '../../../src/clip/head.ts';
import { trainHead } from '../../../src/train/head/train-head.ts';
import { isOneSentence, lines, picture, run, temporaryFolder, type Outcome } from '../support/cli.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder.path, name);
const ANIMALS = ['cat-face.png', 'dog-face.png', 'octopus.jpg', 'penguin.png', 'butterfly.jpg', 'two-dog-and-ball.png'];
const OTHERS = [
  'automobile.jpg',
  'guitar.png',
  'pizza.jpg',
  'red-heart.jpg',
  'rocket.png',
  'sailboat.jpg',
  'snowman.png',
  'strawberry.jpg',
];
const photos = (): string => at('photos');
const path = (name: string): string => join('photos', ANIMALS.includes(name) ? 'animal' : 'other', name);
/** In the order in which the folders are walked. */
const names = [...[...ANIMALS].sort(), ...[...OTHERS].sort()];
const labels = names.map((name) => (ANIMALS.includes(name) ? 'animal' : 'other'));
const within = {
  get cwd(): string {
    return folder.path;
  },
};

interface Report {
  samples: number;
  failed: number;
  width: number;
  model?: string;
  normalized: boolean;
  outputs: number;
  C: number;
  threshold: number | null;
  files: string[];
  validationRows: number[];
  classes: { name: string; training: number; validation: number }[];
  training: { accuracy: number; averagePrecision: number };
  validation: { accuracy: number; accuracyOf: number[] } | null;
}
const reportOf = ({ stdout }: Outcome): Report => lines(stdout)[0] as unknown as Report;

beforeAll(async () => {
  for (const [kind, list] of [
    ['animal', ANIMALS],
    ['other', OTHERS],
  ] as const) {
    await mkdir(join(photos(), kind), { recursive: true });
    for (const name of list) await copyFile(picture(name), join(photos(), kind, name));
  }
  const outs = ['features.safetensors', 'features.npy', 'features.jsonl'].map((out) =>
    run(['embed', 'photos', '--out', out], within),
  );
  for (const { code } of await Promise.all(outs)) expect(code).toBe(0);
  await copyFile(at('features.npy'), at('bare.npy')); // without the side file that has the paths
  await writeFile(at('labels.txt'), labels.join('\n'));
  await writeFile(
    at('labels.csv'),
    `label,note,path\r\n${[...names]
      .reverse()
      .map((name) => `${labels[names.indexOf(name)]},"a ""note"", or\nnone",${path(name)}`)
      .join('\r\n')}\r\n`,
  );
  await writeFile(
    at('labels.json'),
    JSON.stringify(Object.fromEntries(names.map((name, i) => [path(name), labels[i]]))),
  );
});

test('folders by class: a head with its names and threshold, which classify uses', async () => {
  const { code, stdout, stderr } = await run(
    ['train-head', 'photos', '--classes', 'other,animal', '--out', 'head.safetensors', '--out', 'head.pth', '--json'],
    within,
  );
  expect([code, stderr]).toEqual([0, '']);
  const report = reportOf({ code, stdout, stderr });
  expect(report).toMatchObject({
    model: 'mini-vit',
    pipeline: 'openai',
    samples: 14,
    failed: 0,
    width: 128,
    outputs: 1,
    C: 1,
    seed: 0,
    files: ['head.safetensors', 'head.pth'],
    converged: true,
  });
  expect(report.classes).toEqual([
    { name: 'other', training: 6, validation: 2 },
    { name: 'animal', training: 5, validation: 1 },
  ]);
  expect([report.validationRows.length, report.training.accuracy]).toEqual([3, 1]);
  const [complete, plain] = [await loadHead(at('head.safetensors')), await loadHead(at('head.pth'))];
  expect([complete.labels, complete.threshold, plain.labels]).toEqual([
    ['other', 'animal'],
    report.threshold,
    undefined,
  ]);
  expect(plain.weight.data).toEqual(complete.weight.data);
  // [path, label] of all pictures; those that it was trained on are right
  const answers = lines(
    (await run(['classify', 'photos', '--head', 'head.safetensors', '--format', 'jsonl'], within)).stdout,
  );
  answers.forEach(({ label, probability }, i) => {
    expect(label).toBe((probability as number) > report.threshold! ? 'animal' : 'other');
    if (!report.validationRows.includes(i)) expect(label).toBe(labels[i]);
  });
});

test('the head is that of trainHead on the same features', async () => {
  const { code } = await run(
    [
      'train-head',
      'features.safetensors',
      '--labels',
      'labels.txt',
      '--C',
      '5',
      '--validation',
      '0',
      '--balanced',
      '--out',
      'same.pth',
    ],
    within,
  );
  expect(code).toBe(0);
  const rows = lines(await readFile(at('features.jsonl'), 'utf8')).flatMap(({ features }) => features as number[]);
  const { weight, bias } = await trainHead(ndarray(Float32Array.from(rows), [14, 128]), labels, {
    C: 5,
    validation: 0,
    balanced: true,
  });
  const head = await loadHead(at('same.pth'));
  expect([head.weight.data, head.bias.data]).toEqual([weight.data, bias.data]);
});

test('all formats of features and labels give the same bytes, whatever the threads', async () => {
  const args: string[][] = [
    ['features.npy', '--labels', 'labels.txt'],
    ['features.jsonl', '--labels', 'labels.csv'],
    ['features.safetensors', '--labels', 'labels.csv'],
    ['features.safetensors', '--labels', 'labels.json'],
    ['photos'],
    ['photos', '--threads', '1', '--batch', '5'],
  ];
  const bytes = await Promise.all(
    args.map(async (some, i) => {
      const { code, stderr } = await run(['train-head', ...some, '--out', `f${i}.pth`], within);
      expect([code, stderr]).toEqual([0, '']);
      return readFile(at(`f${i}.pth`));
    }),
  );
  for (const other of bytes) expect(other.equals(bytes[0])).toBe(true);
});

test('several files are one collection; .npz too', async () => {
  // Twice every sample, so that twice as weak a penalty in C gives the same head
  const { data, shape } = {
    data: lines(readFileSync(at('features.jsonl'), 'utf8')).flatMap(({ features }) => features as number[]),
    shape: [14, 128],
  };
  const { NpzWriter } = await import('../../../src/formats/dump/npz-writer.ts');
  const npz = new NpzWriter(at('features.npz'));
  npz.add('features', { shape, data: Float32Array.from(data) });
  await npz.finish();
  await writeFile(at('twice.txt'), [...labels, ...labels].join('\r\n') + '\r\n');
  await run(
    [
      'train-head',
      'features.npz',
      'features.npy',
      '--labels',
      'twice.txt',
      '--C',
      '0.5',
      '--validation',
      '0',
      '--out',
      'twice.safetensors',
    ],
    within,
  );
  await run(
    ['train-head', 'features.npz', '--labels', 'labels.txt', '--validation', '0', '--out', 'once.safetensors'],
    within,
  );
  const [twice, once] = [await loadHead(at('twice.safetensors')), await loadHead(at('once.safetensors'))];
  twice.weight.data.forEach((w, i) => expect(Math.abs(w - once.weight.data[i])).toBeLessThan(1e-6));
});

test('a table for people: classes, samples, what to do next', async () => {
  const { code, stdout } = await run(
    ['train-head', 'features.npy', '--labels', 'labels.txt', '--out', 'people.pth'],
    within,
  );
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^2 classes, 14 samples: mini-vit, width 128\n {2}C = 1 \(l2 = 0\.09091\); \d+ iterations, no weight further than \S+ from the optimum\n/,
  );
  expect(stdout).toMatch(/trained on +held out +at 0\.5\n/);
  for (const row of ['samples', 'accuracy', 'animal', 'other', 'average precision'])
    expect(stdout).toMatch(new RegExp(`^ +${row} +[0-9]`, 'm'));
  const next = /clip-oracle (classify IMAGE --head people\.pth --labels animal,other --threshold 0\.\d+)\n$/.exec(
    stdout,
  );
  expect(next).not.toBeNull();
  const { stdout: answer } = await run(next![1].replace('IMAGE', path('octopus.jpg')).split(' '), within);
  expect(['animal', 'other']).toContain(lines(answer)[0].label);
});

test('normalised features: the head remembers, classify divides by itself', async () => {
  await run(
    ['train-head', 'photos', '--normalize', '--C', '100', '--validation', '0', '--out', 'unit.safetensors'],
    within,
  );
  expect((await loadHead(at('unit.safetensors'))).normalized).toBe(true);
  const without = await run(['classify', path('octopus.jpg'), '--head', 'unit.safetensors'], within);
  const asked = await run(['classify', path('octopus.jpg'), '--head', 'unit.safetensors', '--normalize'], within);
  expect(without.stdout).toBe(asked.stdout);
  expect(lines(without.stdout)[0].label).toBe('animal');
});

test('images that fail are named and passed over; the exit code says so', async () => {
  await mkdir(at('some/animal'), { recursive: true });
  await symlink(join(photos(), 'other'), at('some/other'));
  for (const name of ANIMALS) await copyFile(picture(name), at(`some/animal/${name}`));
  await writeFile(at('some/animal/broken.png'), 'no image');
  const outcome = await run(['train-head', 'some', '--json', '--validation', '0'], within);
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toMatch(/broken\.png.*\n.*1 of 15 images failed and were passed over\n$/);
  expect(reportOf(outcome)).toMatchObject({ samples: 14, failed: 1 });
  // The same rows as NaN in a file
  await run(['embed', 'some', '--out', 'holes.npy'], within);
  await writeFile(at('holes.txt'), ['animal', ...labels].join('\n'));
  const holes = await run(['train-head', 'holes.npy', '--labels', 'holes.txt', '--json', '--validation', '0'], within);
  expect([holes.code, reportOf(holes).training]).toEqual([0, reportOf(outcome).training]);
  expect(reportOf(holes)).toMatchObject({ samples: 14, failed: 1 });
});

/** What the command throws, in this process: thirty of them are not worth thirty others. */
async function mistake(args: string[]): Promise<unknown> {
  const program = makeProgram(() => undefined);
  for (const command of program.commands) command.exitOverride().configureOutput({ writeErr: () => undefined });
  const home = process.cwd();
  process.chdir(folder.path);
  try {
    return await program.parseAsync(['train-head', ...args], { from: 'user' }).then(
      () => null,
      (error: unknown) => error,
    );
  } finally {
    process.chdir(home);
  }
}

describe('a mistake is one sentence and exit code 2, and leaves no file', () => {
  const F = 'features.safetensors',
    L = ['--labels', 'labels.txt'];
  beforeAll(async () => {
    await writeFile(at('short.txt'), 'animal\nother\n');
    await writeFile(at('alike.txt'), labels.map(() => 'animal').join('\n'));
    await writeFile(at('few.csv'), `${path(names[0])},animal\n`);
    await writeFile(at('two.csv'), `${path(names[0])},animal\n${path(names[0])},other\n`);
    await writeFile(at('three.csv'), 'a,b,c\n');
    await writeFile(at('open.csv'), '"a,b\n');
    await writeFile(at('empty.csv'), '');
    await writeFile(at('bad.json'), '{"a": [1]}');
    await mkdir(at('flat'), { recursive: true });
    await copyFile(picture('octopus.jpg'), at('flat/octopus.jpg'));
    await mkdir(at('hollow/nothing'), { recursive: true });
    const wide = { shape: [1, 64], data: new Float32Array(64) };
    const { NpzWriter } = await import('../../../src/formats/dump/npz-writer.ts');
    const npz = new NpzWriter(at('wide.npz'));
    npz.add('features', wide);
    await npz.finish();
    const nan = { shape: [14, 2], data: Float32Array.from({ length: 28 }, (_, i) => (i === 3 ? NaN : i)) };
    const other = new NpzWriter(at('nan.npz'));
    other.add('x', nan);
    await other.finish();
  });

  test.for<[string, string[], RegExp]>([
    ['no labels', [F], /expected --labels FILE for features, got none/],
    ['labels for folders', ['photos', ...L], /expected no --labels with folders/],
    ['folders and files', ['photos', F], /either files of features or folders of images, got both/],
    [
      'a model for features',
      [F, ...L, '--model', 'mini-vit'],
      /expected no --model with features, which are embedded already; leave it out/,
    ],
    ['another size for features', [F, ...L, '--resolution', '64'], /expected no --resolution with features/],
    ['a part of an adapter for features', [F, ...L, '--peft-as-is'], /expected no --peft-as-is with features/],
    ['C and l2', [F, ...L, '--C', '1', '--l2', '1'], /either --C or --l2, got both/],
    ['C that is no number', [F, ...L, '--C', 'x'], /--C.*Expected a positive number/],
    ['a share of 1', [F, ...L, '--validation', '1'], /Expected a share from 0 to below 1/],
    [
      'another ending',
      [F, ...L, '--out', 'head.bin'],
      /--out expected a name that ends in \.safetensors, \.pth or \.pt, got "head\.bin"/,
    ],
    [
      'a place that is not there',
      [F, ...L, '--out', 'no/where/head.pth'],
      /"no\/where\/head\.pth" cannot be written: its folder does not exist/,
    ],
    [
      'features that are not there',
      ['none.npy', ...L],
      /"none\.npy" is not a feature file; write one with clip-oracle embed/,
    ],
    [
      'another format',
      ['labels.txt', ...L],
      /"labels\.txt" expected features in \.npy, \.npz, \.safetensors or \.jsonl, got another ending/,
    ],
    ['labels that are not there', [F, '--labels', 'none.txt'], /--labels cannot read none\.txt \(ENOENT\)/],
    [
      'too few labels',
      [F, '--labels', 'short.txt'],
      /--labels expected 14 labels, one per row of the features, got 2 in short\.txt/,
    ],
    [
      'one class',
      [F, '--labels', 'alike.txt'],
      /train-head: "labels" expected at least two classes, got "animal" for every sample/,
    ],
    ['an unknown label', [F, ...L, '--classes', 'animal,food'], /expected one of "animal", "food", got "other" at 6/],
    [
      'a path without label',
      [F, '--labels', 'few.csv'],
      /--labels has no label for "photos\/animal\/cat-face\.png" in few\.csv/,
    ],
    [
      'a path with two labels',
      [F, '--labels', 'two.csv'],
      /--labels has two labels for "photos\/animal\/butterfly\.jpg"/,
    ],
    [
      'features without paths',
      ['bare.npy', '--labels', 'labels.csv'],
      /row 0 of the features has no path; write the features as \.safetensors or \.jsonl/,
    ],
    [
      'three columns',
      [F, '--labels', 'three.csv'],
      /expected two columns, path and label, in three\.csv, got 3 in row 1; name the columns/,
    ],
    ['an open quotation mark', [F, '--labels', 'open.csv'], /expected every quotation mark closed in open\.csv/],
    ['an empty table', [F, '--labels', 'empty.csv'], /expected rows of path and label in empty\.csv, got none/],
    ['other JSON', [F, '--labels', 'bad.json'], /--labels expected a JSON list of labels, or an object/],
    [
      'features of two widths',
      [F, 'wide.npz', ...L],
      /wide\.npz holds features of width 64, features\.safetensors of width 128/,
    ],
    ['NaN in a row', ['nan.npz', ...L], /"features" expected finite numbers, got NaN in row 1, column 1/],
    ['a folder without folders', ['flat'], /"flat" expected one folder of images per class, got no folders/],
    ['a class without images', ['hollow'], /hollow\/nothing holds no JPEG/],
    ['pixels', [F, ...L, '--input', F], /got --input; embed it first/],
  ])('%s', async ([, args, message]) => {
    const before = await readdir(folder.path);
    const error = await mistake([...args, ...(args.includes('--out') ? [] : ['--out', 'never.pth'])]);
    expect(error).toBeInstanceOf(Error);
    expect(messageOf(error)).toMatch(message);
    expect((error as Error).message.trim()).not.toContain('\n');
    expect(await readdir(folder.path)).toEqual(before);
  });

  test('the command says it on standard error', async () => {
    for (const args of [[F], [F, '--labels', 'alike.txt', '--out', 'never.pth']])
      expect(isOneSentence(await run(['train-head', ...args], within))).toBe(true);
  });
});
