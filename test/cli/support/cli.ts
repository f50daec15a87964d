// Runs the built command, as a user would, and says what came of it.

import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';

export const root = fileURLToPath(new URL('../../../', import.meta.url));
export const main = join(root, 'dist', 'src', 'cli', 'main.js');
export const picture = (name: string): string => join(root, 'fixtures', 'pictures', name);
export const bundled = (name: string): string => join(root, 'fixtures', 'bundled', name);

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  input?: string;
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Arguments for node itself. */
  node?: string[];
}

/** The environment of every run: no colours, no cache of the user. */
function environment(more: RunOptions['env'] = {}): NodeJS.ProcessEnv {
  const plain = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(?:NO_COLOR|FORCE_COLOR|CLICOLOR_FORCE|CLIP_ORACLE_.*|NODE_OPTIONS)$/.test(name),
    ),
  );
  return { ...plain, CLIP_ORACLE_CACHE: join(tmpdir(), 'clip-oracle-no-such-cache'), ...more };
}

export function start(
  args: readonly string[],
  options: RunOptions = {},
  stdio: SpawnOptions['stdio'] = 'pipe',
): ChildProcess {
  if (!existsSync(main))
    throw new Error(`${main} is missing: these tests run the built command; run npm run build first (npm test does)`);
  return spawn(process.execPath, [...(options.node ?? []), main, ...args], {
    cwd: options.cwd ?? root,
    env: environment(options.env),
    stdio,
  });
}

export async function run(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = start(args, options);
  child.stdin!.end(options.input ?? '');
  return outcome(child);
}

export function outcome(child: ChildProcess): Promise<Outcome> {
  const [stdout, stderr]: Buffer[][] = [[], []];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  return new Promise((done) => {
    child.on('close', (code, signal) =>
      done({
        code: signal === null ? code : null,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
  });
}

/** The objects of JSON Lines; throws if a line is none. */
export function lines(stdout: string): Record<string, unknown>[] {
  if (!stdout.endsWith('\n'))
    throw new Error(`expected a line feed at the end, got ${JSON.stringify(stdout.slice(-20))}`);
  return stdout
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A folder for a test file, removed afterwards. */
export function temporaryFolder(): { readonly path: string } {
  const folder = { path: '' };
  beforeAll(async () => {
    folder.path = await mkdtemp(join(tmpdir(), 'clip-oracle-cli-'));
  });
  afterAll(() => rm(folder.path, { recursive: true, force: true }));
  return folder;
}

/** A mistake is answered by one sentence, exit code 2, and nothing else. */
export function isOneSentence({ code, stdout, stderr }: Outcome): boolean {
  return code === 2 && stdout === '' && /^clip-oracle: [^\n]+\n$/.test(stderr) && !/\n\s+at /.test(stderr);
}
