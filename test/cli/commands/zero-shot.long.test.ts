// zero-shot: which text fits. Truth: PyTorch's float64 logits of mini-vit (fixtures/text/mini.safetensors).

import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { flat, readGolden } from '../../support/golden.ts';
import { bundled, isOneSentence, lines, picture, root, run, temporaryFolder } from '../support/cli.ts';

const folder = temporaryFolder();
const golden = readGolden('fixtures/text/mini.safetensors');
const pictures = JSON.parse(golden.metadata.pictures) as string[];
const names = (JSON.parse(readFileSync(bundled('labels.json'), 'utf8')) as { name: string }[]).map(({ name }) => name);
const logitsOf = (name: string): number[] => flat(golden.tensor('logits.vit').pick(pictures.indexOf(name), null));
const octopus = picture('octopus.jpg');

interface Top {
  label: string;
  logit: number;
  probability: number;
}

/** The best of PyTorch's logits, by a softmax of our own. */
function expected(logits: number[], labels: string[], top: number): Top[] {
  const largest = Math.max(...logits);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
  return [...logits.keys()]
    .sort((a, b) => logits[b] - logits[a])
    .slice(0, top)
    .map((i) => ({ label: labels[i], logit: logits[i], probability: Math.exp(logits[i] - largest) / sum }));
}

function expectTop(line: Record<string, unknown>, truth: Top[]): void {
  expect(Object.keys(line)).toEqual(['path', 'label', 'top']);
  expect(line.label).toBe(truth[0].label);
  const top = line.top as Top[];
  expect(top.map(({ label }) => label)).toEqual(truth.map(({ label }) => label));
  top.forEach((one, i) => {
    expect(Math.abs(one.logit - truth[i].logit)).toBeLessThan(1e-4);
    expect(Math.abs(one.probability - truth[i].probability)).toBeLessThan(1e-4);
  });
}

test('without texts: all pictures among the 1,427 names, as PyTorch ranks them', async () => {
  const { code, stdout, stderr } = await run(['zero-shot', ...pictures.map(picture)]);
  expect([code, stderr]).toEqual([0, '']);
  const found = lines(stdout);
  expect(found.length).toBe(17);
  found.forEach((line, n) => expectTop(line, expected(logitsOf(pictures[n]), names, 5)));
});

test('--labels-file without a file means the bundled names, with one these', async () => {
  const [line] = lines((await run(['zero-shot', octopus, '--labels-file', '--top', '3'])).stdout);
  expectTop(line, expected(logitsOf('octopus.jpg'), names, 3));
  const some = [5, 77, names.indexOf('octopus'), 1000];
  const file = join(folder.path, 'some.txt');
  await writeFile(file, some.map((i) => names[i]).join('\n'));
  const [few] = lines((await run(['zero-shot', octopus, '--labels-file', file])).stdout);
  expectTop(
    few,
    expected(
      some.map((i) => logitsOf('octopus.jpg')[i]),
      some.map((i) => names[i]),
      5,
    ),
  );
});

test("several templates: the unit features of a name are averaged, as in OpenAI's notebook", async () => {
  const {
    names: some,
    templates,
    features,
  } = JSON.parse(readFileSync(join(root, 'fixtures', 'text', 'templates.json'), 'utf8')) as {
    names: string[];
    templates: string[];
    features: number[][];
  };
  const image = flat(
    readGolden('fixtures/features/mini.safetensors')
      .tensor('image_features.vit')
      .pick(pictures.indexOf('octopus.jpg'), null),
  );
  const unit = (x: number[]): number[] => x.map((value) => value / Math.hypot(...x));
  const dot = (a: number[], b: number[]): number => a.reduce((sum, value, i) => sum + value * b[i], 0);
  // exp(logit_scale): a logit of PyTorch's over its cosine.
  const scale =
    logitsOf('octopus.jpg')[0] / dot(unit(image), unit(flat(golden.tensor('text_features.every_8th').pick(0, null))));
  const truth = expected(
    features.map((feature) => scale * dot(unit(image), feature)),
    some,
    5,
  );
  const args = ['--prompt', ...some, ...templates.flatMap((template) => ['--template', template])];
  const [line] = lines((await run(['zero-shot', octopus, ...args])).stdout);
  expectTop(line, truth);
  const [exact] = lines((await run(['zero-shot', octopus, ...args, '--precision', 'float64'])).stdout);
  (exact.top as Top[]).forEach((one, i) => expect(Math.abs(one.logit - truth[i].logit)).toBeLessThan(1e-10));
});

test('--prompt: texts as they stand, together or one by one, and the precision that is asked for', async () => {
  const some = [names.indexOf('pizza'), names.indexOf('octopus'), names.indexOf('rocket')];
  const prompts = some.map((i) => `a picture of ${names[i]}`);
  const truth = expected(
    some.map((i) => logitsOf('octopus.jpg')[i]),
    prompts,
    5,
  );
  expectTop(lines((await run(['zero-shot', octopus, '--prompt', ...prompts])).stdout)[0], truth);
  expectTop(
    lines((await run(['zero-shot', octopus, ...prompts.flatMap((prompt) => ['--prompt', prompt])])).stdout)[0],
    truth,
  );
  const [exact] = lines((await run(['zero-shot', octopus, '--prompt', ...prompts, '--precision', 'float64'])).stdout);
  (exact.top as Top[]).forEach((one, i) => expect(Math.abs(one.logit - truth[i].logit)).toBeLessThan(1e-11));
  // A template goes around prompts too, if it is named.
  const [filled] = lines(
    (await run(['zero-shot', octopus, '--prompt', ...some.map((i) => names[i]), '--template', 'a picture of {}']))
      .stdout,
  );
  expectTop(
    filled,
    truth.map((one) => ({ ...one, label: one.label.replace('a picture of ', '') })),
  );
});

test('--logits adds all of them in the order of the texts', async () => {
  const [line] = lines((await run(['zero-shot', octopus, '--logits', '--top', '1'])).stdout);
  const logits = line.logits as number[];
  expect(logits.length).toBe(1427);
  logits.forEach((logit, i) => expect(Math.abs(logit - logitsOf('octopus.jpg')[i])).toBeLessThan(1e-4));
});

test('threads, executor and batch change nothing, an unreadable image keeps its line', async () => {
  const plain = await run(['zero-shot', octopus, picture('pizza.jpg'), 'nothing.jpg', '--executor', 'reference']);
  expect(plain.code).toBe(1);
  expect(Object.keys(lines(plain.stdout)[2])).toEqual(['path', 'error']);
  expect(
    await run([
      'zero-shot',
      octopus,
      picture('pizza.jpg'),
      'nothing.jpg',
      '--executor',
      'simd',
      '--threads',
      '3',
      '--batch',
      '2',
    ]),
  ).toEqual(plain);
});

test('as a table: signs, names, bars', async () => {
  const rows = (await run(['zero-shot', octopus, '--format', 'table', '--top', '2'])).stdout.trimEnd().split('\n');
  expect(rows).toEqual([
    octopus,
    expect.stringMatching(/^ {2}🐙 octopus +█{20} +100\.0 %$/),
    expect.stringMatching(/^ {2}🐕‍🦺 service dog +0\.0 %$/),
  ]);
});

describe('a mistake is one sentence', () => {
  const long = 'octopus '.repeat(80);
  test.each<[string, string[], RegExp]>([
    ['no image', ['--prompt', 'a'], /expected an image, a folder or -/],
    [
      'an image after --prompt',
      ['--prompt', 'a', octopus],
      /"[^"]*octopus\.jpg" was taken as a prompt; name the images first/,
    ],
    [
      'both kinds of texts',
      [octopus, '--prompt', 'a', '--labels-file', bundled('labels.json')],
      /either --prompt or --labels-file, got both/,
    ],
    [
      'no texts for another model',
      [octopus, '--model', 'tiny-vit'],
      /expected texts to choose from, got none; give --prompt/,
    ],
    [
      'a template without place',
      [octopus, '--template', 'a picture'],
      /--template expected a text with \{\} where the name goes, got "a picture"/,
    ],
    [
      'a file that is not there',
      [octopus, '--labels-file', 'names'],
      /--labels-file expected a file, got "names", which does not exist/,
    ],
    [
      'JSON that is no list',
      [octopus, '--labels-file', join(root, 'package.json')],
      /--labels-file expected a JSON list of names/,
    ],
    ['a text that is too long', [octopus, '--prompt', long], /at most 77 tokens, got 82 for "octopus octopus/],
    [
      'a model without text tower',
      [octopus, '--model', 'mini-rn', '--prompt', 'a'],
      /mini-rn from mini-rn has an image tower only/,
    ],
    [
      'a model with another vocabulary',
      [octopus, '--model', 'tiny-vit', '--prompt', 'a'],
      /tiny-vit was trained on texts of another tokenizer: its vocabulary has 512 ids, OpenAI's 49408/,
    ],
  ])('%s', async (_name, args, message) => {
    const outcome = await run(['zero-shot', ...args]);
    expect(outcome.stderr).toMatch(message);
    expect(isOneSentence(outcome)).toBe(true);
  });

  test('an empty file of names', async () => {
    const file = join(folder.path, 'empty.txt');
    await writeFile(file, '\n\n');
    const outcome = await run(['zero-shot', octopus, '--labels-file', file]);
    expect(outcome.stderr).toMatch(/one name per line, got none/);
    expect(isOneSentence(outcome)).toBe(true);
  });

  test('but --truncate cuts the long text', async () => {
    expect((await run(['zero-shot', octopus, '--prompt', long, '--truncate'])).code).toBe(0);
  });
});
