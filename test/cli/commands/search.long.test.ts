// search: over what embed wrote, in all three formats. Truth: cosines of PyTorch's float64 features
// (fixtures/features/mini.safetensors, fixtures/text/mini.safetensors).

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { CosineSearch } from '../../../src/features/search.ts';
import { npyHeaderBytes } from '../../../src/formats/npy.ts';
import { flat, readGolden } from '../../support/golden.ts';
import { bundled, isOneSentence, lines, picture, run, temporaryFolder } from '../support/cli.ts';

const folder = temporaryFolder();
const golden = readGolden('fixtures/features/mini.safetensors');
const text = readGolden('fixtures/text/mini.safetensors');
const pictures = JSON.parse(golden.metadata.pictures) as string[];
const names = (JSON.parse(readFileSync(bundled('labels.json'), 'utf8')) as { name: string }[]).map(({ name }) => name);
const features = pictures.map((_, n) => flat(golden.tensor('image_features.vit').pick(n, null)));
const file = (name: string): string => join(folder.path, name);

const cosine = (a: number[], b: number[]): number =>
  a.reduce((sum, x, i) => sum + x * b[i], 0) / Math.hypot(...a) / Math.hypot(...b);

/** The rows by their cosine with a feature, the nearest first. */
const ranked = (query: number[]): [row: number, cosine: number][] =>
  features.map((feature, n) => [n, cosine(query, feature)] as [number, number]).sort((a, b) => b[1] - a[1]);

beforeAll(async () => {
  const outcomes = await Promise.all(
    ['f.npy', 'f.safetensors', 'f.jsonl'].map((name) => run(['embed', ...pictures.map(picture), '--out', file(name)])),
  );
  expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
});

// Every eighth name has golden text features.
const word = 8 * Math.round(names.indexOf('rocket') / 8);
const textFeature = flat(text.tensor('text_features.every_8th').pick(word / 8, null));

test.each(['f.safetensors', 'f.jsonl', 'f.npy'])('a text in %s', async (name) => {
  const { code, stdout, stderr } = await run(['search', `a picture of ${names[word]}`, file(name), '--top', '4']);
  expect([code, stderr]).toEqual([0, '']);
  const truth = ranked(textFeature).slice(0, 4);
  lines(stdout).forEach((line, rank) => {
    const [row] = truth[rank];
    expect(line).toEqual({
      rank: rank + 1,
      path: picture(pictures[row]),
      file: file(name),
      row,
      cosine: line.cosine,
    });
    expect(Math.abs((line.cosine as number) - truth[rank][1])).toBeLessThan(1e-6);
  });
});

test('an image finds itself first, the same in every format and on any executor', async () => {
  const n = pictures.indexOf('cat-face.png');
  const answers = [];
  for (const name of ['f.safetensors', 'f.jsonl', 'f.npy']) {
    const found = lines(
      (
        await run([
          'search',
          picture('cat-face.png'),
          file(name),
          '--top',
          '17',
          ...(name === 'f.jsonl' ? ['--executor', 'reference'] : []),
        ])
      ).stdout,
    );
    expect(found.map(({ row }) => row)).toEqual(ranked(features[n]).map(([row]) => row));
    expect(found[0].cosine).toBeCloseTo(1, 12);
    expect(found[0].cosine).toBeLessThanOrEqual(1);
    answers.push(found.map((line) => line.cosine));
  }
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).toEqual(answers[0]);
});

test('several files are one collection; --paths names the rows of all', async () => {
  writeFileSync(file('paths.txt'), [...pictures, ...pictures.map((name) => `again/${name}`)].join('\n'));
  const found = lines(
    (
      await run([
        'search',
        picture('pizza.jpg'),
        file('f.npy'),
        file('f.safetensors'),
        '--paths',
        file('paths.txt'),
        '--top',
        '2',
      ])
    ).stdout,
  );
  expect(found.map(({ path, file: from, row }) => [path, from, row])).toEqual([
    ['pizza.jpg', file('f.npy'), 8],
    ['again/pizza.jpg', file('f.safetensors'), 8],
  ]);
});

test('an array without its side file: rows without names', async () => {
  writeFileSync(file('bare.npy'), readFileSync(file('f.npy')));
  const [first] = lines((await run(['search', picture('pizza.jpg'), file('bare.npy')])).stdout);
  expect(first).toMatchObject({ path: null, row: 8 });
});

test('--duplicates: all pairs of the files, with their names', async () => {
  const truth = features.flatMap((a, i) =>
    features.slice(i + 1).map((b, j) => ({ a: i, b: i + 1 + j, cosine: cosine(a, b) })),
  );
  const expected = truth.filter((pair) => pair.cosine >= 0.5);
  expect(expected.length).toBeGreaterThan(2);
  const { code, stdout, stderr } = await run(['search', '--duplicates', '0.5', file('f.npy')]);
  expect([code, stderr]).toEqual([0, '']);
  const found = lines(stdout) as { cosine: number; a: { row: number }; b: { row: number } }[];
  expect(found.map(({ a, b }) => [a.row, b.row])).toEqual(expected.map(({ a, b }) => [a, b]));
  found.forEach((pair, n) => {
    expect(Math.abs(pair.cosine - expected[n].cosine)).toBeLessThan(1e-6);
    for (const row of [pair.a, pair.b])
      expect(row).toEqual({ path: picture(pictures[row.row]), file: file('f.npy'), row: row.row });
  });
  // Each picture is its own duplicate in another file.
  const twice = lines((await run(['search', '--duplicates', '1', file('f.npy'), file('f.jsonl')])).stdout);
  expect(twice.map((pair) => pair.cosine)).toEqual(Array(17).fill(1));
  expect(twice.map(({ a, b }) => [a, b])).toEqual(
    pictures.map((name, row) => [
      { path: picture(name), file: file('f.npy'), row },
      { path: picture(name), file: file('f.jsonl'), row },
    ]),
  );
});

test('a row that failed is passed over, and the others keep their places', async () => {
  await Promise.all(
    ['failed.jsonl', 'failed.npy'].map((name) =>
      run(['embed', picture('rocket.png'), 'nothing.jpg', picture('pizza.jpg'), '--out', file(name)]),
    ),
  );
  for (const name of ['failed.jsonl', 'failed.npy']) {
    const { code, stdout, stderr } = await run(['search', picture('pizza.jpg'), file(name), '--top', '1']);
    expect(code).toBe(0);
    expect(stderr).toBe('clip-oracle: 1 of 3 rows have no direction (images that failed) and were passed over\n');
    expect(lines(stdout)[0]).toMatchObject({ rank: 1, row: 2 });
  }
});

test('the model is the one that the file names', async () => {
  await run([
    'embed',
    picture('pizza.jpg'),
    picture('octopus.jpg'),
    '--model',
    'tiny-vit',
    '--weights',
    'synthetic:5',
    '--out',
    file('tiny.safetensors'),
  ]);
  const [first] = lines((await run(['search', picture('octopus.jpg'), file('tiny.safetensors')])).stdout);
  expect(first).toMatchObject({ row: 1 });
  expect(first.cosine).toBeCloseTo(1, 12); // with the default model, or other weights, it would not be
});

test('as a table', async () => {
  const { stdout } = await run([
    'search',
    picture('pizza.jpg'),
    file('f.safetensors'),
    '--format',
    'table',
    '--top',
    '1',
    '--out',
    file('table.txt'),
  ]);
  expect(stdout).toBe('');
  expect(readFileSync(file('table.txt'), 'utf8')).toBe(`   1   1.0000  ${picture('pizza.jpg')}\n`);
});

test('half-precision features, as clip-retrieval writes them', async () => {
  const values = features.flat();
  const halves = Buffer.alloc(2 * values.length);
  values.forEach((value, i) => halves.writeUInt16LE(toHalf(value), 2 * i));
  writeFileSync(
    file('half.npy'),
    Buffer.concat([
      Buffer.from(npyHeaderBytes('float32', [17, 128])).map((byte, i, head) =>
        byte === 0x34 && head[i - 1] === 0x66 ? 0x32 : byte,
      ),
      halves,
    ]),
  );
  const found = lines((await run(['search', picture('pizza.jpg'), file('half.npy'), '--top', '17'])).stdout);
  expect(found.map(({ row }) => row)).toEqual(ranked(features[8]).map(([row]) => row));
  expect(Math.abs((found[0].cosine as number) - 1)).toBeLessThan(1e-6);
});

/** A normal float16, rounded down: good to three digits, which is all that is asked here. */
function toHalf(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0];
  const exponent = ((bits >>> 23) & 255) - 112;
  return ((bits >>> 16) & 0x8000) | (exponent <= 0 ? 0 : (exponent << 10) | ((bits >>> 13) & 0x3ff));
}

describe('a mistake is one sentence', () => {
  test.each<[string, () => string[], RegExp]>([
    [
      'an image that is not there',
      () => ['nothing.jpg', file('f.npy')],
      /expected a text or an image, "nothing\.jpg" does not exist/,
    ],
    ['an empty text', () => [' ', file('f.npy')], /expected a text or an image, got nothing/],
    [
      'features that are not there',
      () => ['cat', 'nothing.npy'],
      /"nothing\.npy" is not a feature file; write one with clip-oracle embed/,
    ],
    ['no features at all', () => ['cat'], /search expected a query and feature files, got only "cat"; name the files/],
    ['another format', () => ['cat', picture('pizza.jpg')], /expected features in \.npy, .*\.safetensors or \.jsonl/],
    [
      'a safetensors file of weights',
      () => ['cat', bundled('demo-rn50.safetensors')],
      /expected the tensor "features" \(N, E\)/,
    ],
    [
      'features of another model',
      () => ['cat', file('f.safetensors'), '--model', 'tiny-vit'],
      /holds features of mini-vit, which say nothing to tiny-vit/,
    ],
    [
      'an array of another width',
      () => ['cat', file('bare.npy'), '--model', 'tiny-vit'],
      /features of width 128, tiny-vit has 32; say with --model which model made them \(mini-vit, mini-rn\)/,
    ],
    [
      'too few paths',
      () => ['cat', file('f.npy'), '--paths', file('three.txt')],
      /--paths expected 17 paths, one per row of the features, got 3/,
    ],
    [
      'lines that are no features',
      () => ['cat', file('broken.jsonl')],
      /broken\.jsonl" line 1 expected \{"path", "features"\}/,
    ],
    [
      'a side file of another array',
      () => ['cat', file('other.npy')],
      /other\.npy\.json" expected the paths of 17 rows, got 1; it belongs to another array: write both again, or/,
    ],
    [
      'a cosine above 1',
      () => ['--duplicates', '1.5', file('f.npy')],
      /'1\.5' is invalid\. Expected a number from 0 to 1/,
    ],
    [
      'duplicates among features of two models',
      () => ['--duplicates', '0.9', file('f.npy'), file('tiny.jsonl')],
      /tiny\.jsonl holds features of tiny-vit of width 32, .*f\.npy of mini-vit of width 128; compare features of one/,
    ],
    ['a damaged array', () => ['cat', file('short.npy')], /short\.npy" ends early/],
    [
      'a vector',
      () => ['cat', file('vector.npy')],
      /vector\.npy" expected features of shape \(N, E\), got shape \(3\)/,
    ],
  ])('%s', async (_name, args, message) => {
    writeFileSync(file('bare.npy'), readFileSync(file('f.npy')));
    writeFileSync(file('other.npy'), readFileSync(file('f.npy')));
    writeFileSync(file('other.npy.json'), '{"model":"mini-vit","paths":["a"]}');
    writeFileSync(file('three.txt'), 'a\nb\nc\n');
    writeFileSync(file('broken.jsonl'), '{"path":"a"}\n');
    writeFileSync(file('short.npy'), readFileSync(file('f.npy')).subarray(0, 1000));
    writeFileSync(
      file('tiny.jsonl'),
      `${JSON.stringify({ path: 'a', model: 'tiny-vit', features: Array(32).fill(1) })}\n`,
    );
    writeFileSync(file('vector.npy'), Buffer.concat([npyHeaderBytes('float32', [3]), Buffer.alloc(12)]));
    const outcome = await run(['search', ...args()]);
    expect(outcome.stderr).toMatch(message);
    expect(isOneSentence(outcome)).toBe(true);
  });
});

describe('CosineSearch', () => {
  const number = fc.double({ min: -100, max: 100, noNaN: true });
  const vector = fc.tuple(number, number, number).filter((v) => Math.hypot(...v) > 1e-3);

  test('gives the best rows of a sorted list, however the rows are cut', () => {
    fc.assert(
      fc.property(
        vector,
        fc.array(vector, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 7 }),
        (query, rows, top, cut) => {
          const found = new CosineSearch(Float64Array.from(query), top);
          for (let i = 0; i < rows.length; i += cut) found.add(Float64Array.from(rows.slice(i, i + cut).flat()));
          const truth = rows
            .map((row) => cosine(query, row))
            .sort((a, b) => b - a)
            .slice(0, top);
          const hits = found.best();
          expect(hits.length).toBe(truth.length);
          hits.forEach((hit, i) => {
            expect(Math.abs(hit.cosine - truth[i])).toBeLessThan(1e-12);
            expect(Math.abs(hit.cosine - cosine(query, rows[hit.index]))).toBeLessThan(1e-12);
          });
        },
      ),
    );
  });

  test('of equals the first; rows without direction are counted', () => {
    const found = new CosineSearch(Float32Array.of(1, 0), 3);
    found.add(Float32Array.of(2, 0, NaN, 1, 0, 0, 5, 0));
    expect([found.best().map(({ index }) => index), found.rows, found.skipped]).toEqual([[0, 3], 4, 2]);
  });

  test.each([[[0, 0]], [[NaN, 1]], [[Infinity, 0]]])('the query %j has no direction', (query) => {
    expect(() => new CosineSearch(Float32Array.from(query), 1)).toThrow(
      /"query" expected finite numbers that are not all 0/,
    );
  });
});
