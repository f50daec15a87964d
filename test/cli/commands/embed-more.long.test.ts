// embed: texts, lists that end with NUL, files that a second run continues. Truth of texts: PyTorch's float64 features
// of mini-vit (fixtures/text/mini.safetensors).

import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { flat, readGolden } from '../../support/golden.ts';
import { bundled, isOneSentence, lines, outcome, picture, run, start, temporaryFolder } from '../support/cli.ts';

const folder = temporaryFolder();
const TINY = ['--model', 'tiny-vit', '--threads', '1'];
const golden = readGolden('fixtures/text/mini.safetensors');
const names = (JSON.parse(readFileSync(bundled('labels.json'), 'utf8')) as { name: string }[]).map(({ name }) => name);
const empty = (): Promise<string> => mkdtemp(join(folder.path, 'more-'));

describe('texts', () => {
  // Every eighth name has golden text features.
  const rows = [0, 3, 40, 100];
  const texts = rows.map((row) => `a picture of ${names[8 * row]}`);

  test.each(['--text-arg', '--text FILE', '--text -'])('%s: the features of PyTorch', async (how) => {
    const file = join(await empty(), 'texts.txt');
    const text = `${texts.join('\r\n')}\n`;
    await writeFile(file, `\uFEFF${text}`);
    const args = how === '--text-arg' ? ['--text-arg', ...texts] : ['--text', how.endsWith('-') ? '-' : file];
    const { code, stdout, stderr } = await run(['embed', ...args], how.endsWith('-') ? { input: text } : {});
    expect([code, stderr]).toEqual([0, '']);
    lines(stdout).forEach((line, n) => {
      expect(Object.keys(line)).toEqual(['text', 'model', 'weights', 'features']);
      expect([line.text, line.model]).toEqual([texts[n], 'mini-vit']);
      const truth = flat(golden.tensor('text_features.every_8th').pick(rows[n], null));
      const error = Math.max(...(line.features as number[]).map((value, i) => Math.abs(value - truth[i])));
      expect(error).toBeLessThan(1e-5);
    });
    expect(lines(stdout)).toHaveLength(4);
  });

  test('a line is a text, an empty one too; what the model does not read is cut off; --normalize', async () => {
    const long = 'octopus '.repeat(90).trim();
    const input = `a cat\n\n${long}\n`;
    const found = lines((await run(['embed', '--text', '-'], { input })).stdout);
    expect(found.map(({ text }) => text)).toEqual(['a cat', '', long]);
    // 75 tokens of the text are read, each of them one word.
    const cut = lines((await run(['embed', '--text-arg', 'octopus '.repeat(75)])).stdout);
    expect(found[2].features).toEqual(cut[0].features);
    const unit = lines((await run(['embed', '--text', '-', '--normalize'], { input })).stdout);
    for (const { features } of unit) expect(Math.hypot(...(features as number[]))).toBeCloseTo(1, 6);
  });

  test('arrays and search: texts are found by a picture, and named', async () => {
    const place = await empty();
    for (const name of ['t.npy', 't.safetensors', 't.jsonl']) {
      const file = join(place, name);
      await run(['embed', '--text-arg', 'a picture of pizza', 'a picture of octopus', '--out', file]);
      const [first] = lines((await run(['search', picture('octopus.jpg'), file])).stdout);
      expect(first).toMatchObject({ path: 'a picture of octopus', row: 1 });
    }
  });

  test.each<[string, string[], RegExp]>([
    ['texts and images', ['x.jpg', '--text-arg', 'a'], /expected either images or --text-arg, got both/],
    ['texts and pixels', ['--text', '-', '--input', 'x.safetensors'], /expected either images or --text, got both/],
    ['both kinds of texts', ['--text', '-', '--text-arg', 'a'], /expected either --text or --text-arg, got both/],
    [
      'no such file',
      ['--text', 'a cat'],
      /--text expected a file with one text a line, or -, got "a cat", which does not/,
    ],
    ['no texts', ['--text', '-'], /standard input holds no texts; nothing was done/],
    ['a model without a text tower', ['--text-arg', 'a', '--model', 'mini-rn'], /mini-rn .*image tower only; load/],
  ])('%s', async (_name, args, message) => {
    const result = await run(['embed', ...args]);
    expect(result.stderr).toMatch(message);
    expect(isOneSentence(result)).toBe(true);
  });
});

test('-0: names with line feeds and spaces, as find -print0 writes them', async () => {
  const place = await empty();
  const odd = join(place, 'a\n b .jpg');
  await copyFile(picture('pizza.jpg'), odd);
  const input = `${odd}\0${picture('octopus.jpg')}\0`;
  const { code, stdout } = await run(['embed', '-0', '-', ...TINY], { input });
  expect(code).toBe(0);
  expect(lines(stdout).map(({ path }) => path)).toEqual([odd, picture('octopus.jpg')]);
});

test('.npy: the side file says what the rows are', async () => {
  const file = join(await empty(), 'x.npy');
  await run(['embed', picture('octopus.jpg'), 'missing.png', ...TINY, '--out', file]);
  expect(JSON.parse(await readFile(`${file}.json`, 'utf8'))).toEqual({
    model: 'tiny-vit',
    weights: 'synthetic:0',
    pipeline: 'openai',
    paths: [picture('octopus.jpg'), 'missing.png'],
  });
});

describe('.safetensors is continued', () => {
  const pictures = ['octopus.jpg', 'pizza.jpg', 'guitar.png'].map(picture);

  test.skipIf(process.platform === 'win32').each(['SIGINT', 'SIGKILL'] as const)(
    'after %s: the bytes of a run that was never interrupted',
    async (signal) => {
      const place = await empty();
      const file = join(place, 'x.safetensors');
      const child = start(['embed', '-', ...TINY, '--out', file]);
      const result = outcome(child);
      child.stdin!.write(`${pictures[0]}\n${pictures[1]}\n`);
      while (!(await readdir(place)).some((name) => name.endsWith('.part'))) await sleep(10);
      child.kill(signal);
      await result;
      expect(await readdir(place)).not.toContain('x.safetensors');
      const again = await run(['embed', ...pictures, ...TINY, '--out', file]);
      expect([again.code, again.stderr]).toMatchObject([0, expect.stringMatching(/^$|features? were known/)]);
      const whole = await readFile(file);
      expect((await readdir(place)).filter((name) => name.endsWith('.part'))).toEqual([]);
      await rm(file);
      await run(['embed', ...pictures, ...TINY, '--out', file]);
      expect((await readFile(file)).equals(whole)).toBe(true);
    },
  );

  test('with another model, weights or pipeline it is refused by name', async () => {
    const file = join(await empty(), 'x.safetensors');
    await run(['embed', ...pictures, ...TINY, '--out', file]);
    const before = await readFile(file);
    for (const [args, message] of [
      [['--model', 'mini-vit'], /model tiny-vit, which features with model mini-vit cannot continue; name another/],
      [[...TINY, '--weights', 'synthetic:1'], /weights synthetic:0, which features with weights synthetic:1/],
      [[...TINY, '--pipeline', 'huggingface'], /pipeline openai, which features with pipeline huggingface/],
    ] as const) {
      const result = await run(['embed', ...pictures, ...args, '--out', file]);
      expect(result.stderr).toMatch(message);
      expect(isOneSentence(result)).toBe(true);
    }
    expect((await readFile(file)).equals(before)).toBe(true);
    const more = await run(['embed', ...pictures, picture('rocket.png'), ...TINY, '--out', file]);
    expect(more).toEqual({ code: 0, stdout: '', stderr: 'clip-oracle: 2 features were known from an earlier run\n' });
  });
});
