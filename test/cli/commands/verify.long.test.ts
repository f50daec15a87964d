// verify, as a user runs it: table and JSON, exit codes, and bad dumps told apart in a sentence each.

import { createHash } from 'node:crypto';
import { truncateSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { isOneSentence, run, temporaryFolder } from '../support/cli.ts';
import { changed, goldenTrace, permuted, type Trace } from '../../oracle/support/golden-trace.ts';
import type { VerifyResult } from '../../../src/oracle/types.ts';

const folder = temporaryFolder();
const rn = goldenTrace('tiny-rn');
const vit = goldenTrace('tiny-vit');
const LAYER = 'visual.transformer.resblocks.0.attn';

/** Writes a safetensors file by the format's description: length, header, bytes. */
function dump(file: string, tensors: Trace, metadata?: Record<string, string>): string {
  let end = 0;
  const entries = Object.entries(tensors).map(([name, { shape, data }]) => [
    name,
    { dtype: 'F32', shape, data_offsets: [end, (end += 4 * data.length)] },
  ]);
  const header = Buffer.from(
    JSON.stringify({ ...(metadata && { __metadata__: metadata }), ...(Object.fromEntries(entries) as object) }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const path = join(folder.path, file);
  writeFileSync(
    path,
    Buffer.concat([
      length,
      header,
      ...Object.values(tensors).map(({ data }) => Buffer.from(Float32Array.from(data).buffer)),
    ]),
  );
  return path;
}

const verify = (...args: string[]): ReturnType<typeof run> => run(['verify', ...args, '--threads', '1']);

let right: string, wrong: string;
beforeAll(() => {
  right = dump('right.safetensors', vit, { model: 'tiny-vit', weights: 'synthetic:0' });
  wrong = dump(
    'wrong.safetensors',
    changed(vit, LAYER, (data) => data.map((x) => -x)),
    { model: 'tiny-vit', weights: 'synthetic:0' },
  );
});

describe('what comes out', () => {
  test("a right dump: a line per layer, exit code 0; the model is the dump's", async () => {
    const { code, stdout, stderr } = await verify(right);
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe(`${right} beside tiny-vit (synthetic:0), claim float32`);
    expect(lines.filter((line) => /^ {2}visual\S* .* pass$/.test(line)).length).toBe(Object.keys(vit).length - 1);
    expect(stdout).toContain('Pass: right for float32');
    expect(stdout).not.toContain('\u001b');
  });

  test('a wrong one: the first wrong layer is marked, exit code 1', async () => {
    const { code, stdout } = await verify(wrong, '--no-causes');
    expect(code).toBe(1);
    const marked = stdout.split('\n').filter((line) => line.startsWith('>'));
    expect(marked.length).toBe(1);
    expect(marked[0]).toMatch(new RegExp(`^> ${LAYER} .* wrong \\(first wrong; worst: token \\d+, 2\\.0e\\+0\\)$`));
    expect(stdout).toContain(`Fail: wrong from ${LAYER} on`);
  });

  test('--json is one object with what the interface promises', async () => {
    const { code, stdout, stderr } = await verify(wrong, '--json', '--no-causes');
    expect([code, stderr, stdout.indexOf('\n')]).toEqual([1, '', stdout.length - 1]);
    const result = JSON.parse(stdout) as VerifyResult;
    expect(result).toMatchObject({
      verdict: 'fail',
      firstWrong: LAYER,
      causes: [],
      model: 'tiny-vit',
      weights: 'synthetic:0',
      claim: 'float32',
      teacherForced: false,
    });
    expect(result.layers.length).toBe(Object.keys(vit).length - 1);
    for (const layer of result.layers) {
      expect(Object.keys(layer)).toEqual(
        expect.arrayContaining(['name', 'rho', 'relRms', 'maxAbs', 'cosineDistance', 'verdict']),
      );
    }
    expect(result.layers.find(({ name }) => name === LAYER)).toMatchObject({
      relRms: expect.closeTo(2, 5) as number,
      cosineDistance: expect.closeTo(2, 5) as number,
      verdict: 'wrong',
    });
  });

  test('--teacher-forced, --map, --executor reference, other names and layouts', async () => {
    const names = Object.keys(vit).filter((name) => name !== 'image');
    const map = join(folder.path, 'map.json');
    writeFileSync(
      map,
      JSON.stringify({ in: 'image', ...Object.fromEntries(names.map((name, i) => [`node_${i}`, name])) }),
    );
    const other = dump('other.safetensors', {
      in: permuted(vit.image, [0, 2, 3, 1]),
      ...Object.fromEntries(
        names.map((name, i) => [
          `node_${i}`,
          vit[name].shape.length === 4 ? permuted(vit[name], [0, 2, 3, 1]) : vit[name],
        ]),
      ),
    });
    const { code, stdout } = await verify(
      other,
      '--map',
      map,
      '--model',
      'tiny-vit',
      '--teacher-forced',
      '--executor',
      'reference',
      '--json',
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'pass', teacherForced: true, missing: [], unknown: [] });
  });

  test('without a word about the model, its shapes tell', async () => {
    const { code, stdout } = await verify(dump('silent.safetensors', rn), '--json');
    expect([code, (JSON.parse(stdout) as VerifyResult).model]).toEqual([0, 'tiny-rn']);
  });

  test('the input from elsewhere', async () => {
    const { image, ...rest } = vit;
    const path = dump('no-input.safetensors', rest);
    expect((await verify(path, '--input', dump('input.safetensors', { image }))).code).toBe(0);
  });

  test('--html writes a report', async () => {
    const html = join(folder.path, 'report.html');
    expect((await verify(wrong, '--html', html, '--no-causes')).code).toBe(1);
    const text = await readFile(html, 'utf8');
    expect(text).toMatch(/^<!doctype html>/i);
    expect(text).toContain(LAYER);
  });

  test('a NaN: JSON has null for what is infinite', async () => {
    const path = dump(
      'nan.safetensors',
      changed(vit, 'visual.ln_pre', (data) => data.map((x, i) => (i === 3 ? NaN : x))),
    );
    const { code, stdout } = await verify(path, '--json', '--no-causes');
    expect(code).toBe(1);
    expect((JSON.parse(stdout) as VerifyResult).layers.find(({ name }) => name === 'visual.ln_pre')).toMatchObject({
      rho: null,
      nonFinite: 1,
      verdict: 'wrong',
    });
    expect((await verify(path, '--no-causes')).stdout).toContain(
      '1 value of it is NaN or infinite where the exact result is a number',
    );
  });

  test('other weights than the dump was made with are told, in the report too', async () => {
    const html = join(folder.path, 'weights.html');
    const { code, stdout } = await verify(
      dump('weights.safetensors', vit, {
        model: 'tiny-vit',
        weights: 'mine.pt',
        weights_sha256: createHash('sha256').digest('hex'),
      }),
      '--weights',
      'synthetic:1',
      '--no-causes',
      '--html',
      html,
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^Note: the dump was made with other weights \(SHA-256 e3b0c442… of mine\.pt; these have [0-9a-f]{8}…\): compare it with those it was made with \(--weights\)$/m,
    );
    expect(await readFile(html, 'utf8')).toContain(
      'the dump was made with other weights (SHA-256 e3b0c442… of mine.pt;',
    );
  });
});

describe('what goes wrong, in a sentence each, exit code 2', () => {
  const cut = (): string => {
    const path = dump('cut.safetensors', vit);
    truncateSync(path, 100_000);
    return path;
  };
  const text = (file: string, content: string): string => {
    const path = join(folder.path, file);
    writeFileSync(path, content);
    return path;
  };
  const { image, ...rest } = vit;
  test.each<[string, () => string[], RegExp]>([
    ['no such file', () => [join(folder.path, 'none.npz')], /none\.npz/],
    ['truncated', () => [cut()], /cut\.safetensors.*(?:ends|truncated|cut)/],
    ['no dump', () => [text('notes.txt', 'hello, this is no dump at all')], /notes\.txt/],
    [
      'unknown names',
      () => [dump('names.safetensors', { image, a: rest.visual, b: rest.visual }), '--model', 'tiny-vit'],
      /expected outputs of modules such as visual\.conv1 or visual, got a, b; name them/,
    ],
    [
      'no input',
      () => [dump('input-less.safetensors', rest), '--model', 'tiny-vit'],
      /has no input: expected the pixels \(N, 3, 32, 32\)/,
    ],
    [
      'another model',
      () => [dump('rn.safetensors', rn), '--model', 'tiny-vit'],
      /it is a dump of tiny-rn, so compare it with that \(--model tiny-rn\)/,
    ],
    [
      'another model than it says',
      () => [right, '--model', 'RN50'],
      /says that it is a dump of tiny-vit, but --model is RN50/,
    ],
    [
      'shapes of no model',
      () => [
        dump('shape.safetensors', { image, visual: { shape: [2, 31], data: new Float32Array(62) } }),
        '--model',
        'tiny-vit',
      ],
      /"visual" expected shape \(2, 32\).*got \(2, 31\)/,
    ],
    [
      'no model to be found',
      () => [dump('open.safetensors', { visual: { shape: [1, 1024], data: new Float32Array(1024) } })],
      /does not say which model it is of and could be of RN50, RN50x64; name it with --model/,
    ],
    ['a claim that is none', () => [right, '--claims', 'fp8'], /float32, tf32, float16, bfloat16 or int8-weights/],
    ['a mapping that is no JSON', () => [right, '--map', text('map.txt', 'a: b')], /--map: ".*map\.txt" is no JSON/],
    ['a mapping that is not there', () => [right, '--map', 'no.json'], /--map: "no\.json" cannot be read \(ENOENT\)/],
    [
      'a mapping to a module that is none',
      () => [right, '--map', text('bad.json', '{"a": "visual.conv9"}')],
      /map: "a" expected a module of the model/,
    ],
    ['a list for a mapping', () => [right, '--map', text('list.json', '[]')], /expected an object .*got a list/],
    [
      'both inputs',
      () => [right, '--image', 'a.png', '--input', 'b.safetensors'],
      /expected either --image or --input, got both/,
    ],
    [
      'a report where none can be',
      () => [right, '--html', join(folder.path, 'no', 'such', 'folder', 'r.html')],
      /r\.html/,
    ],
  ])('%s', async (_, args, sentence) => {
    const outcome = await verify(...args());
    expect(isOneSentence(outcome), JSON.stringify(outcome)).toBe(true);
    expect(outcome.stderr).toMatch(sentence);
  });
});
