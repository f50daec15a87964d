// embed: lines, files, lists, folders, failures. Truth: PyTorch's float64 features of the bundled model
// (fixtures/features), read by the tests' own reader.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { flat, readGolden } from '../../support/golden.ts';
import {
  bundled,
  isOneSentence,
  lines,
  outcome,
  picture,
  run,
  start,
  temporaryFolder,
  type Outcome,
} from '../support/cli.ts';

const folder = temporaryFolder();
const golden = readGolden('fixtures/features/mini.safetensors');
const names = JSON.parse(golden.metadata.pictures) as string[];
const truth = (name: string): number[] => flat(golden.tensor('image_features.vit').lo(names.indexOf(name)).hi(1));
const within = (features: readonly number[], expected: readonly number[]): number => {
  const norm = Math.sqrt(expected.reduce((sum, value) => sum + value * value, 0));
  return Math.sqrt(expected.reduce((sum, value, i) => sum + (features[i] - value) * (features[i] - value), 0)) / norm;
};
/** The fastest model there is. */
const TINY = ['--model', 'tiny-vit', '--threads', '1'];
const octopus = picture('octopus.jpg');
const octopusBytes = readFileSync(octopus);

describe('lines', () => {
  test("one object per image, in input order, with exactly these keys and PyTorch's features", async () => {
    const { code, stdout, stderr } = await run(['embed', octopus, picture('guitar.png'), '--batch', '2']);
    expect([code, stderr]).toEqual([0, '']);
    const found = lines(stdout);
    expect(found.map((line) => Object.keys(line))).toEqual(
      [1, 2].map(() => ['path', 'model', 'weights', 'pipeline', 'features']),
    );
    expect(found.map((line) => line.path)).toEqual([octopus, picture('guitar.png')]);
    expect(found.map((line) => [line.model, line.pipeline])).toEqual([
      ['mini-vit', 'openai'],
      ['mini-vit', 'openai'],
    ]);
    for (const line of found) {
      const features = line.features as number[];
      expect(features.length).toBe(128);
      expect(within(features, truth((line.path as string).replace(/^.*[/\\]/, '')))).toBeLessThan(2e-6);
      // Printed as the shortest decimals of float32: no feature needs more than 9 digits.
      expect(features.every((value) => Math.abs(value - Math.fround(value)) <= Math.abs(value) / 2 ** 24)).toBe(true);
    }
  });

  test("--precision float64 prints doubles, as close to PyTorch's as doubles are", async () => {
    const { stdout } = await run(['embed', octopus, '--precision', 'float64']);
    const features = lines(stdout)[0].features as number[];
    expect(within(features, truth('octopus.jpg'))).toBeLessThan(1e-13);
    expect(features.some((value) => value !== Math.fround(value))).toBe(true);
  });

  test('--normalize gives length 1 in the same direction', async () => {
    const features = lines((await run(['embed', octopus, '--normalize'])).stdout)[0].features as number[];
    expect(Math.abs(features.reduce((sum, value) => sum + value * value, 0) - 1)).toBeLessThan(1e-6);
    const expected = truth('octopus.jpg');
    const norm = Math.sqrt(expected.reduce((sum, value) => sum + value * value, 0));
    expect(
      within(
        features,
        expected.map((value) => value / norm),
      ),
    ).toBeLessThan(2e-6);
  });

  test('the bits do not depend on the batch', async () => {
    const paths = ['octopus.jpg', 'guitar.png', 'pizza.jpg'].map(picture);
    const [one, three] = await Promise.all(
      ['1', '3'].map((batch) => run(['embed', ...paths, ...TINY, '--batch', batch])),
    );
    expect(one.code).toBe(0);
    expect(three.stdout).toBe(one.stdout);
    expect(lines(one.stdout)[0]).toMatchObject({ model: 'tiny-vit', weights: 'synthetic:0' });
  });

  test('another seed, another pipeline, another feature; both are named', async () => {
    const [base, seed, pipeline] = (
      await Promise.all(
        [[], ['--weights', 'synthetic:7'], ['--pipeline', 'fake-detect']].map((more) =>
          run(['embed', octopus, ...TINY, ...more]),
        ),
      )
    ).map((result: Outcome) => lines(result.stdout)[0]);
    expect(seed.weights).toBe('synthetic:7');
    expect(pipeline.pipeline).toBe('fake-detect');
    expect(seed.features).not.toEqual(base.features);
    expect(pipeline.features).not.toEqual(base.features);
  });
});

describe('inputs', () => {
  test('a folder is walked in sorted order, other files are passed over, and a bad image does not stop the others', async () => {
    const album = await mkdtemp(join(folder.path, 'album-'));
    await mkdir(join(album, 'b', 'deep'), { recursive: true });
    await cp(octopus, join(album, 'a.JPG'));
    await writeFile(join(album, 'b', 'bad.png'), 'no image');
    await cp(picture('guitar.png'), join(album, 'b', 'deep', 'guitar.Png'));
    await symlink(album, join(album, 'b', 'loop'));
    await writeFile(join(album, 'b', 'notes.txt'), 'not an image');
    await cp(picture('pizza.jpg'), join(album, 'c.jpeg'));
    const { code, stdout, stderr } = await run(['embed', album, ...TINY, '--batch', '3']);
    expect(code).toBe(1);
    expect(stderr).toBe('clip-oracle: passed over: 1 .txt\nclip-oracle: 1 of 4 images failed; its "error" says why\n');
    const found = lines(stdout);
    expect(found.map((line) => (line.path as string).slice(album.length + 1).replaceAll('\\', '/'))).toEqual([
      'a.JPG',
      'b/bad.png',
      'b/deep/guitar.Png',
      'c.jpeg',
    ]);
    expect(Object.keys(found[1])).toEqual(['path', 'error']);
    expect(found[1].error).toMatch(/\S/);
    const alone = lines((await run(['embed', picture('pizza.jpg'), ...TINY])).stdout)[0];
    expect(found[3].features).toEqual(alone.features);
  });

  test('--strict makes a failure of what a folder holds besides images', async () => {
    const album = await mkdtemp(join(folder.path, 'strict-'));
    await cp(octopus, join(album, 'a.jfif'));
    expect((await run(['embed', album, '--strict', ...TINY])).code).toBe(0);
    await writeFile(join(album, 'b.heic'), Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1'));
    expect((await run(['embed', album, ...TINY])).code).toBe(0);
    const { code, stdout, stderr } = await run(['embed', album, '--strict', ...TINY]);
    expect([code, lines(stdout).length]).toEqual([1, 1]);
    expect(stderr).toMatch(
      /^clip-oracle: passed over: 1 \.heic \(HEIC is not read; convert it to PNG first: .*\); --strict makes that a failure/,
    );
  });

  test('--limit raises a limit, and the error of a limit names it', async () => {
    const refused = await run(['embed', octopus, ...TINY, '--limit', 'pixels=10', '--quiet']);
    expect([refused.code, lines(refused.stdout)[0].error]).toEqual([1, expect.stringContaining('--limit pixels=…')]);
    expect((await run(['embed', octopus, ...TINY, '--limit', 'pixels=9999999'])).code).toBe(0);
  });

  test('addresses are read with --allow-urls only', async () => {
    const server = createServer((_, response) => response.end(octopusBytes)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a`;
    const refused = await run(['embed', url, ...TINY, '--quiet']);
    expect([refused.code, lines(refused.stdout)[0].error]).toEqual([1, expect.stringContaining('--allow-urls')]);
    const allowed = lines((await run(['embed', url, octopus, '--allow-urls', ...TINY])).stdout);
    expect(allowed[0].features).toEqual(allowed[1].features);
    server.close();
  });

  test('a missing file is an error of its line', async () => {
    const { code, stdout } = await run(['embed', 'no-such.jpg', octopus, ...TINY, '--quiet']);
    expect(code).toBe(1);
    expect(lines(stdout).map((line) => [line.path, 'error' in line])).toEqual([
      ['no-such.jpg', true],
      [octopus, false],
    ]);
  });

  test('- reads paths from standard input, whatever the line ends', async () => {
    const { code, stdout } = await run(['embed', octopus, '-', ...TINY], {
      input: `${picture('guitar.png')}\r\n\n${picture('pizza.jpg')}`,
    });
    expect(code).toBe(0);
    expect(lines(stdout).map((line) => line.path)).toEqual([octopus, picture('guitar.png'), picture('pizza.jpg')]);
  });

  test('an empty list, and - twice', async () => {
    const [empty, twice] = [await run(['embed', '-', ...TINY]), await run(['embed', '-', '-', ...TINY])];
    expect(empty.stderr).toMatch(/the list on standard input is empty/);
    expect(twice.stderr).toMatch(/can be given once/);
    expect([empty, twice].every(isOneSentence)).toBe(true);
  });

  test('each line comes as soon as its path does', async () => {
    const child = start(['embed', '-', ...TINY]);
    const result = outcome(child);
    child.stdin!.write(`${octopus}\n`);
    await new Promise<void>((done) => {
      child.stdout!.once('data', () => done());
    });
    child.stdin!.end(`${picture('pizza.jpg')}\n`);
    expect(lines((await result).stdout).length).toBe(2);
  });

  test("--input takes ready pixels: the rows are those of the trace's golden input", async () => {
    const trace = 'fixtures/tiny/tiny-vit.trace.safetensors';
    const { code, stdout } = await run(['embed', '--input', trace, '--model', 'tiny-vit', '--precision', 'float64']);
    expect(code).toBe(0);
    const found = lines(stdout);
    const expected = readGolden(trace).tensor('f64/visual');
    expect(found.length).toBe(expected.shape[0]);
    found.forEach((line, n) => {
      expect(line.path).toBe(`${trace}:input/image[${n}]`);
      expect(line.pipeline).toBe(null);
      expect(within(line.features as number[], flat(expected.lo(n).hi(1)))).toBeLessThan(1e-13);
    });
    expect(
      (await run(['embed', '--input', `${trace}:input/image`, '--model', 'tiny-vit', '--precision', 'float64'])).stdout,
    ).toBe(stdout);
  });

  test.each<[string, string, RegExp]>([
    ['no such file', 'nothing.safetensors', /"nothing\.safetensors" does not exist/],
    ['no such tensor', 'fixtures/tiny/tiny-vit.trace.safetensors:pixels', /expected the tensor "pixels"/],
    ['no pixels', 'fixtures/bundled/demo-rn50.safetensors', /it has none of shape \(N, 3, R, R\)/],
    [
      'a tensor of another shape',
      'fixtures/bundled/demo-rn50.safetensors:f32',
      /expected shape \(N, 3, R, R\), got \(1, 1024\)/,
    ],
  ])('--input with %s', async (_name, input, message) => {
    const result = await run(['embed', '--input', input, ...TINY]);
    expect(result.stderr).toMatch(message);
    expect(isOneSentence(result)).toBe(true);
  });

  test('pixels that are no numbers are an error of their line, not NaN in the output', async () => {
    const header = JSON.stringify({ pixels: { dtype: 'F32', shape: [2, 3, 32, 32], data_offsets: [0, 24576] } }).padEnd(
      120,
    );
    const data = new Float32Array(6144).fill(0.5);
    data[5000] = NaN;
    const file = join(folder.path, 'nan.safetensors');
    await writeFile(
      file,
      Buffer.concat([Buffer.from([120, 0, 0, 0, 0, 0, 0, 0]), Buffer.from(header), Buffer.from(data.buffer)]),
    );
    const { code, stdout } = await run(['embed', '--input', file, ...TINY]);
    expect(code).toBe(1);
    const [good, bad] = lines(stdout);
    expect((good.features as number[]).every(Number.isFinite)).toBe(true);
    expect(bad).toEqual({
      path: `${file}:pixels[1]`,
      error: expect.stringMatching(/^element 0 of the feature is NaN/) as string,
    });
  });

  test('--input of another resolution says which one is expected', async () => {
    const result = await run(['embed', '--input', 'fixtures/tiny/tiny-vit.trace.safetensors', '--model', 'mini-vit']);
    expect(result.stderr).toMatch(/expected shape \(N, 3, 64, 64\) for mini-vit, got \(\d+, 3, 32, 32\)/);
    expect(isOneSentence(result)).toBe(true);
  });
});

describe('weights', () => {
  test.each<[string, string[], RegExp]>([
    ['not downloaded', ['--model', 'RN50'], /not in the cache; run `clip-oracle download RN50`/],
    ['no such file', ['--weights', 'nothing.pt'], /"nothing\.pt" does not exist/],
    [
      'of another model',
      ['--model', 'tiny-rn', '--weights', bundled('mini-vit.safetensors.gz')],
      /expected weights of tiny-rn, got those of mini-vit/,
    ],
    ['no weights at all', ['--weights', octopus], /octopus\.jpg/],
    ['a seed that is none', ['--weights', 'synthetic:abc'], /synthetic:SEED/],
  ])('%s', async (_name, args, message) => {
    const result = await run(['embed', octopus, ...args]);
    expect(result.stderr).toMatch(message);
    expect(isOneSentence(result)).toBe(true);
  });

  test("a checkpoint's path is a model too", async () => {
    const { stdout } = await run(['embed', octopus, '--model', bundled('mini-vit.safetensors.gz')]);
    expect(within(lines(stdout)[0].features as number[], truth('octopus.jpg'))).toBeLessThan(2e-6);
  });
});

describe('--out', () => {
  /** A folder of its own, so that nothing else may lie in it. */
  const empty = (): Promise<string> => mkdtemp(join(folder.path, 'out-'));

  test('JSON Lines are the same as on standard output, which stays silent', async () => {
    const place = await empty();
    const [file, plain] = [
      await run(['embed', octopus, ...TINY, '--out', join(place, 'x.jsonl')]),
      await run(['embed', octopus, ...TINY]),
    ];
    expect(file).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await readFile(join(place, 'x.jsonl'), 'utf8')).toBe(plain.stdout);
    expect(await readdir(place)).toEqual(['x.jsonl']);
  });

  test.each([
    ['float32', '<f4'],
    ['float64', '<f8'],
  ])(".npy in %s: header and rows of NumPy's format, NaN where an image failed", async (precision, descr) => {
    const place = await empty();
    const { code, stderr } = await run([
      'embed',
      octopus,
      'missing.png',
      picture('pizza.jpg'),
      ...TINY,
      '--precision',
      precision,
      '--out',
      join(place, 'x.npy'),
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^clip-oracle: missing\.png: [^\n]+\n$/);
    const bytes = await readFile(join(place, 'x.npy'));
    expect(bytes.subarray(0, 8)).toEqual(Buffer.from('\x93NUMPY\x01\x00', 'latin1'));
    const length = bytes.readUInt16LE(8);
    expect((10 + length) % 64).toBe(0);
    const header = bytes.subarray(10, 10 + length).toString();
    expect(header).toMatch(/\n$/);
    expect(header.trim()).toBe(`{'descr': '${descr}', 'fortran_order': False, 'shape': (3, 32), }`);
    const data = bytes.subarray(10 + length);
    const values = Array.from({ length: 96 }, (_, i) =>
      precision === 'float32' ? data.readFloatLE(4 * i) : data.readDoubleLE(8 * i),
    );
    expect(data.length).toBe(96 * (precision === 'float32' ? 4 : 8));
    const found = lines(
      (await run(['embed', octopus, picture('pizza.jpg'), ...TINY, '--precision', precision])).stdout,
    );
    const round = precision === 'float32' ? Math.fround : (x: number) => x;
    expect(values.slice(0, 32)).toEqual((found[0].features as number[]).map(round));
    expect(values.slice(32, 64).every(Number.isNaN)).toBe(true);
    expect(values.slice(64)).toEqual((found[1].features as number[]).map(round));
  });

  test('.safetensors: features and paths', async () => {
    const place = await empty();
    expect(
      (await run(['embed', octopus, picture('pizza.jpg'), ...TINY, '--out', join(place, 'x.safetensors')])).code,
    ).toBe(0);
    const file = readGolden(join(place, 'x.safetensors'));
    expect(JSON.parse(file.metadata.paths)).toEqual([octopus, picture('pizza.jpg')]);
    expect(file.metadata.model).toBe('tiny-vit');
    const features = file.tensor('features');
    expect(features.shape).toEqual([2, 32]);
    const found = lines((await run(['embed', octopus, picture('pizza.jpg'), ...TINY])).stdout);
    expect(flat(features)).toEqual(found.flatMap((line) => (line.features as number[]).map(Math.fround)));
  });

  test('a run that fails leaves nothing, and an older file as it was', async () => {
    const place = await empty();
    await writeFile(join(place, 'x.npy'), 'old');
    const result = await run(['embed', octopus, '--model', 'RN50', '--out', join(place, 'x.npy')]);
    expect(isOneSentence(result)).toBe(true);
    expect(await readFile(join(place, 'x.npy'), 'utf8')).toBe('old');
    expect(await readdir(place)).toEqual(['x.npy']);
  });

  test.each<[string, (place: string) => string, RegExp]>([
    [
      'a folder that does not exist',
      (place) => join(place, 'no', 'x.jsonl'),
      /its folder does not exist; make it first/,
    ],
    ['a folder', (place) => place, /expected the name of a file, got a folder; add a file name/],
    ['a format that is not written', (place) => join(place, 'x.csv'), /\.csv is not written/],
  ])('%s', async (_name, name, message) => {
    const result = await run(['embed', octopus, ...TINY, '--out', name(await empty())]);
    expect(result.stderr).toMatch(message);
    expect(isOneSentence(result)).toBe(true);
  });

  test.skipIf(process.platform !== 'linux')('a full disk', async () => {
    const result = await run(['embed', octopus, ...TINY, '--out', '/dev/full']);
    expect(result.stderr).toMatch(/"\/dev\/full" cannot be written: no space is left/);
    expect(isOneSentence(result)).toBe(true);
  });

  test.skipIf(process.platform === 'win32').each(['SIGINT', 'SIGTERM'] as const)(
    '%s in the middle: exit code 130, no half file',
    async (signal) => {
      const place = await empty();
      const child = start(['embed', '-', ...TINY, '--out', join(place, 'x.jsonl')]);
      const result = outcome(child);
      child.stdin!.write(`${octopus}\n`);
      while ((await readdir(place)).length === 0) await sleep(10);
      child.kill(signal);
      expect((await result).code).toBe(130);
      expect(await readdir(place)).toEqual([]);
    },
  );
});

test('a reader that leaves early (| head) is no error', async () => {
  const child = start(['embed', '-', ...TINY]);
  const stderr: Buffer[] = [];
  child.stderr!.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin!.on('error', () => undefined);
  child.stdout!.once('data', () => {
    child.stdout!.destroy();
    child.stdin!.end(`${octopus}\n`.repeat(20));
  });
  child.stdin!.write(`${octopus}\n`);
  const code = await new Promise((done) => {
    child.on('exit', done);
  });
  expect([code, Buffer.concat(stderr).toString()]).toEqual([0, '']);
});
