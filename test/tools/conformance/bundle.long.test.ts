// The program as one file: in this Node with threads, in a host that has next to nothing, and by the command that holds
// it against the pinned hashes.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle } from '../../../tools/conformance/bundle.ts';
import { judge, type Pins } from '../../../tools/conformance/pinned.ts';
import type { Result } from '../../../tools/conformance/program/run.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const pins = JSON.parse(readFileSync(join(root, 'fixtures/conformance/hashes.json'), 'utf8')) as Pins;
const command = join(root, 'dist/tools/conformance/main.js');

let folder: string;
let file: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'conformance-'));
  file = await bundle(root, join(folder, 'program'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

function node(args: readonly string[], cwd = root): Promise<Outcome> {
  const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

function resultOf({ stdout, stderr }: Outcome): Result {
  const line = stdout.split('\n').find((text) => text.startsWith('RESULT '));
  if (line === undefined) throw new Error(`no result: ${stdout.slice(-1000)}${stderr.slice(-1000)}`);
  return JSON.parse(line.slice(7)) as Result;
}

const TINY = 'models=tiny-rn,tiny-vit,tiny-vit text';

/** Runs the program after a module that changes the globals, as shells have them. */
async function inHost(prelude: string, args: readonly string[]): Promise<Outcome> {
  const main = join(folder, 'program', `main-${Math.trunc(performance.now() * 1000)}.mjs`);
  const host = main.replace('main-', 'host-');
  writeFileSync(host, prelude.replace('ARGS', JSON.stringify(args)));
  writeFileSync(main, `import ${JSON.stringify(host)};\nimport ${JSON.stringify(file)};\n`);
  return node([main]);
}

const SHELL = `
const { log } = console;
globalThis.conformanceHost = { kind: 'shell', args: ARGS, print: (line) => log(line) };
for (const name of ['process', 'performance', 'setTimeout', 'setImmediate', 'setInterval', 'queueMicrotask', 'structuredClone', 'MessageChannel', 'TextEncoder', 'TextDecoder',
  'console', 'Worker', 'navigator', 'crypto', 'Buffer', 'URL', 'AbortSignal', 'AbortController', 'fetch', 'global']) delete globalThis[name];
`;

describe('the bundle', () => {
  test('is one file that imports nothing, waits for nothing at its top, and asks for Node only behind a guard', () => {
    const code = readFileSync(file, 'utf8');
    expect(code).not.toMatch(/^\s*import\s/m);
    expect(code).not.toMatch(/^await\s/m);
    expect(code.match(/import\((?!\.)[^)]*\)/g)!.filter((call) => !call.includes('steps'))).toEqual([
      'import("node:worker_threads")',
    ]);
    expect(code).not.toMatch(/\brequire\(/);
    expect(code).not.toContain('piscina');
  });

  test('gives the pinned hashes in this Node, on two threads too', async () => {
    const result = resultOf(await node([file, TINY, 'sweep=4099']));
    expect(result.refused).toEqual({});
    const verdicts = judge(result, pins);
    expect(verdicts.filter(({ path }) => path.threads === 2)).toHaveLength(2 * 4);
    expect(verdicts.filter(({ verdict }) => verdict !== 'same')).toEqual([]);
  });

  test('gives them in a shell without process, timers, console, TextEncoder and workers', async () => {
    const result = resultOf(await inHost(SHELL, [TINY, 'sweep=0']));
    expect(result.refused).toEqual({ 'simd-2': 'there are no workers', 'simd64-2': 'there are no workers' });
    const verdicts = judge(result, pins);
    expect(verdicts).toHaveLength(4 * 4);
    expect(verdicts.filter(({ verdict }) => verdict !== 'same')).toEqual([]);
  });

  test.each([
    ['no WebAssembly', 'delete globalThis.WebAssembly;', /WebAssembly is not defined/],
    [
      'no SIMD',
      'WebAssembly.Module = class { constructor() { throw new Error("invalid value type v128"); } };',
      /v128/,
    ],
    // What 32-bit ARM does: the canary's first number comes out as zero.
    [
      'SIMD that flushes subnormals',
      `
      const { Instance } = WebAssembly;
      WebAssembly.Instance = function (module, imports) {
        const { exports } = new Instance(module, imports);
        const scale = (x, y, count, factor) => {
          exports.scale(x, y, count, factor);
          const floats = new Float32Array(imports.env.memory.buffer, y, count);
          for (let i = 0; i < count; i++) if (Math.abs(floats[i]) < 1.1754943508222875e-38) floats[i] = 0;
        };
        return { exports: { ...exports, scale } };
      };`,
      /flushes subnormal/,
    ],
  ])('%s: SIMD is refused with the reason, plain loops give the pinned hashes', async (_, prelude, reason) => {
    const result = resultOf(await inHost(`${SHELL}${prelude}`, [TINY, 'sweep=0']));
    expect(Object.keys(result.refused)).toEqual(['simd', 'simd-2', 'simd64', 'simd64-2']);
    for (const said of Object.values(result.refused)) expect(said).toMatch(reason);
    const verdicts = judge(result, pins);
    expect(verdicts.map(({ path }) => path.name)).toEqual([
      'plain',
      'plain64',
      'plain',
      'plain64',
      'plain',
      'plain64',
      'plain',
      'plain64',
    ]);
    expect(verdicts.filter(({ verdict }) => verdict !== 'same')).toEqual([]);
  });

  test('says FAILED and why, in one line', async () => {
    const { stdout } = await node([file, 'models=RN51']);
    expect(stdout).toMatch(/^FAILED models=RN51: expected some of tiny-rn, .*, got "RN51" .*\n$/);
  });
});

describe('the command', () => {
  beforeAll(() => {
    if (!existsSync(command))
      throw new Error(`${command} is missing: run npm run build first (npm run test:long does)`);
  });

  test('exits with 0 where all is equal, keeps the results, and writes the matrix', async () => {
    const [json, readme] = [join(folder, 'records.json'), join(folder, 'README.md')];
    writeFileSync(readme, '<!-- conformance -->\n<!-- /conformance -->\n');
    const { code, stdout, stderr } = await node([
      command,
      '--models',
      'tiny-vit',
      '--sweep',
      '0',
      '--json',
      json,
      '--markdown',
      readme,
    ]);
    expect([code, stderr.split('\n').filter((line) => !line.startsWith('this: '))]).toEqual([0, ['']]);
    expect(stdout).toMatch(/tiny-vit .* ok .* ok .* ok .* ok .* ok .* ok/);
    expect(JSON.parse(readFileSync(json, 'utf8'))).toMatchObject([
      { name: 'this', error: null, result: { refused: {} } },
    ]);
    expect(readFileSync(readme, 'utf8')).toMatch(
      /\| Node [\d.]+ \(V8 [\d.]+\) \| [\w-]+ \| 2¹ \| 2¹ \| 2¹ \| 2¹ \| 2¹ \| 2¹ \|/,
    );
  });

  test.each([
    ['an unknown engine', ['--engines', 'netscape'], /expected names of engines, got "netscape"/],
    ['an unknown model', ['--models', 'RN51'], /got "RN51"/],
    ['an unknown option', ['--fast'], /unknown option '--fast'/],
    ['pins of other engines', ['--pin', '--engines', 'node24'], /--pin: expected this Node alone/],
    ['a sweep of no number', ['--sweep', 'all'], /expected a whole number from 0 on/],
  ])('exits with 2 for %s', async (_, args, message) => {
    const { code, stderr } = await node([command, ...args]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  test('lists the engines', async () => {
    const { code, stdout } = await node([command, '--list']);
    expect(code).toBe(0);
    expect(stdout.split('\n').length).toBeGreaterThan(15);
    expect(stdout).toMatch(/^quickjs\s/m);
  });
});
