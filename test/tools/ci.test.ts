// .ci/run is the only list of what CI is: workflows name its parts, and what they name exists.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const script = read('.ci/run');
const WORKFLOWS = readdirSync(join(root, '.github/workflows'));
const SUITES = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.slow.test.ts'),
);

/** What .ci/run does for a part, without doing it: its `command_of` alone. */
function commandOf(part: string): string | null {
  const [definition] = /^command_of\(\) \{\n[^]*?\n\}\n/m.exec(script)!;
  const { status, stdout } = spawnSync('bash', ['-c', `${definition} command_of "$1"`, 'bash', part], {
    encoding: 'utf8',
  });
  return status === 0 ? stdout.trim() : null;
}

/** The parts that a workflow calls. Those of a matrix stand in `part: …`. */
function partsOf(workflow: string): string[] {
  const parts = [...workflow.matchAll(/^ *- run: \.ci\/run (.*)$/gm)].flatMap(([, called]) =>
    called.replace('${{ matrix.part }}', '').split(' '),
  );
  return [...parts, ...[...workflow.matchAll(/\bpart: ([\w-]+)/g)].map(([, part]) => part)].filter((part) => part);
}

test.each(WORKFLOWS)('%s runs suites by way of .ci/run, and only parts that it knows', (name) => {
  const workflow = read(`.github/workflows/${name}`);
  const parts = partsOf(workflow);
  expect(parts).toContain('install');
  for (const part of parts) expect({ part, command: commandOf(part) }).not.toEqual({ part, command: null });
  expect(workflow).not.toMatch(/npm (?:test|ci)\b|npm run|npx|vitest/);
});

test('an unknown part is refused before anything runs', () => {
  const { status, stdout, stderr } = spawnSync('bash', ['.ci/run', 'install', 'slow-nothing'], {
    cwd: root,
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toContain('got "slow-nothing"');
});

test('the weekly workflow runs every slow suite, and each part of a slow suite finds one', () => {
  const filters = partsOf(read('.github/workflows/weekly.yml')).flatMap(
    (part) => /^slow (\S+)$/.exec(commandOf(part)!)?.slice(1) ?? [],
  );
  const paths = SUITES.map((path) => `test/${path}`);
  for (const path of paths)
    expect({ path, by: filters.filter((filter) => path.includes(filter)) }).toEqual({
      path,
      by: [expect.any(String)],
    });
  for (const filter of filters)
    expect({ filter, finds: paths.some((path) => path.includes(filter)) }).toEqual({ filter, finds: true });
  expect(filters).toHaveLength(new Set(paths.map((path) => basename(path).split('.')[0])).size);
});
