// classify: names, probabilities, formats. Truth: the answers of PyTorch recorded with the bundled heads
// (fixtures/features/mini-heads.json, three digits).

import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bundled, isOneSentence, lines, picture, root, run, temporaryFolder } from '../support/cli.ts';

const folder = temporaryFolder();
const { answers } = JSON.parse(readFileSync(join(root, 'fixtures', 'features', 'mini-heads.json'), 'utf8')) as {
  answers: Record<string, { top: [string, number][]; face: number }>;
};
const octopus = picture('octopus.jpg');
const FACE = ['--head', bundled('face-head.pth')];

interface Top {
  label: string;
  logit: number;
  probability: number;
}

test('without options: the emoji in each picture, as PyTorch answered', async () => {
  const pictures = Object.keys(answers).slice(0, 4);
  const { code, stdout, stderr } = await run(['classify', ...pictures.map(picture)]);
  expect([code, stderr]).toEqual([0, '']);
  lines(stdout).forEach((line, n) => {
    expect(Object.keys(line)).toEqual(['path', 'label', 'top']);
    const top = line.top as Top[];
    expect(top.length).toBe(5);
    expect(Object.keys(top[0])).toEqual(['label', 'logit', 'probability']);
    expect(line.label).toBe(answers[pictures[n]].top[0][0]);
    answers[pictures[n]].top.forEach(([label, probability], rank) => {
      expect(top[rank].label).toBe(label);
      expect(Math.abs(top[rank].probability - probability)).toBeLessThanOrEqual(0.0005 + 1e-6);
    });
  });
});

test('--logits adds all of them; probabilities are their softmax, labels their order', async () => {
  const [line] = lines((await run(['classify', octopus, '--logits', '--top', '3'])).stdout);
  expect(Object.keys(line)).toEqual(['path', 'label', 'top', 'logits']);
  const logits = (line.logits as number[]).map(Math.fround); // the text is the shortest that reads back to the float32
  const labels = (JSON.parse(readFileSync(bundled('labels.json'), 'utf8')) as { name: string }[]).map(
    ({ name }) => name,
  );
  expect(logits.length).toBe(labels.length);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
  const best = [...logits.keys()].sort((a, b) => logits[b] - logits[a]).slice(0, 3);
  (line.top as Top[]).forEach((one, rank) => {
    expect(one.label).toBe(labels[best[rank]]);
    expect(Math.fround(one.logit)).toBe(logits[best[rank]]);
    expect(Math.abs(one.probability / (Math.exp(Math.fround(one.logit)) / sum) - 1)).toBeLessThan(1e-12);
  });
});

test('--top beyond the number of classes gives all classes', async () => {
  const [line] = lines((await run(['classify', octopus, '--top', '5000'])).stdout);
  expect((line.top as Top[]).length).toBe(1427);
});

describe('a head with one output', () => {
  test('gives logit, sigmoid, and no or yes', async () => {
    const names = ['octopus.jpg', 'dog-face.png'];
    const found = lines((await run(['classify', ...names.map(picture), ...FACE])).stdout);
    expect(found.map((line) => line.label)).toEqual(['no', 'yes']);
    found.forEach((line, n) => {
      expect(Object.keys(line)).toEqual(['path', 'label', 'logit', 'probability']);
      expect(Math.abs((line.probability as number) - answers[names[n]].face)).toBeLessThanOrEqual(0.0005 + 1e-6);
      expect(
        Math.abs((line.probability as number) - 1 / (1 + Math.exp(-Math.fround(line.logit as number)))),
      ).toBeLessThan(1e-15);
    });
  });

  test('--labels names the two answers; yes only strictly above --threshold', async () => {
    const dog = picture('dog-face.png');
    const [line] = lines((await run(['classify', dog, ...FACE, '--labels', 'real,fake', '--logits'])).stdout);
    expect([line.label, line.logits]).toEqual(['fake', [line.logit]]);
    const probability = line.probability as number;
    const [at] = lines((await run(['classify', dog, ...FACE, '--threshold', String(probability)])).stdout);
    expect(at.label).toBe('no');
    const [below] = lines((await run(['classify', dog, ...FACE, '--threshold', String(probability - 1e-9)])).stdout);
    expect(below.label).toBe('yes');
  });
});

describe('labels', () => {
  test('from a text file, one per line', async () => {
    const file = join(folder.path, 'labels.txt');
    await writeFile(file, '\uFEFFnothing\r\na face\r\n');
    expect(lines((await run(['classify', picture('dog-face.png'), ...FACE, '--labels', file])).stdout)[0].label).toBe(
      'a face',
    );
  });

  test('from a JSON file', async () => {
    const file = join(folder.path, 'labels.json');
    await writeFile(file, '["0", {"name": "1"}]');
    expect(lines((await run(['classify', picture('dog-face.png'), ...FACE, '--labels', file])).stdout)[0].label).toBe(
      '1',
    );
  });

  test.each<[string, string[], RegExp]>([
    [
      'too few',
      [...FACE, '--labels', 'one'],
      /expected 2 names for .*face-head\.pth, whose one output decides between two, got 1/,
    ],
    ['too few for the emoji head', ['--labels', 'a,b'], /expected 1427 names for the emoji head, got 2/],
    ['a file that is not there', [...FACE, '--labels', 'names.txt'], /"names\.txt", which does not exist/],
    ['JSON that is no list', [...FACE, '--labels', join(root, 'package.json')], /expected a JSON list of names/],
  ])('%s', async (_name, args, message) => {
    const result = await run(['classify', octopus, ...args]);
    expect(result.stderr).toMatch(message);
    expect(isOneSentence(result)).toBe(true);
  });
});

describe('heads', () => {
  test.each<[string, string[], RegExp]>([
    [
      'of another width: says which model it fits',
      ['--model', 'tiny-vit', ...FACE],
      /expected shape \(classes, 32\) for tiny-vit, got \(1, 128\); this head fits mini-vit, mini-rn/,
    ],
    [
      'none for this model',
      ['--model', 'tiny-vit'],
      /tiny-vit has no head of its own; give one with --head FILE, weight \(classes, 32\)/,
    ],
    ['no such file', ['--head', 'nothing.pth'], /"nothing\.pth" does not exist/],
    ['no head in the file', ['--head', bundled('demo-rn50.safetensors')], /holds no fc head/],
    ['NaN in it', ['--head', join(root, 'fixtures', 'checkpoints', 'torch', 'head.nan.pth')], /head\.nan\.pth/],
  ])('%s', async (_name, args, message) => {
    const result = await run(['classify', octopus, ...args]);
    expect(result.stderr).toMatch(message);
    expect(isOneSentence(result)).toBe(true);
  });
});

describe('formats', () => {
  test('--format table: the sign, the name, a bar and percent, the best first', async () => {
    const { code, stdout } = await run(['classify', octopus, '--format', 'table', '--top', '2']);
    expect(code).toBe(0);
    const rows = stdout.trimEnd().split('\n');
    expect(rows[0]).toBe(octopus);
    expect(rows[1]).toMatch(/^ {2}🐙 octopus +█{19}.? +99\.\d %$/);
    expect(rows[2]).toMatch(/^ {2}🐞 lady beetle +\S? +0\.\d %$/);
    expect(rows.length).toBe(3);
  });

  test('a table says which image failed and why', async () => {
    const { code, stdout } = await run(['classify', 'nothing.jpg', '--format', 'table']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^nothing\.jpg\n {2}error {2}\S.*\n/);
  });

  test('colours only where they are wanted', async () => {
    expect((await run(['classify', octopus, '--format', 'table'])).stdout).not.toContain('\u001b');
    expect((await run(['classify', octopus, '--format', 'table'], { env: { FORCE_COLOR: '1' } })).stdout).toContain(
      '\u001b[32m',
    );
  });

  test('--out takes either format, and a failing image keeps its line', async () => {
    const file = join(folder.path, 'x.jsonl');
    const { code, stdout } = await run(['classify', octopus, 'nothing.jpg', '--out', file]);
    expect([code, stdout]).toEqual([1, '']);
    const found = lines(readFileSync(file, 'utf8'));
    expect(found.map((line) => line.label)).toEqual(['octopus', undefined]);
    expect(Object.keys(found[1])).toEqual(['path', 'error']);
  });
});
