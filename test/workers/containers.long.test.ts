// Containers: a real control group that has the time of one core, and a host that says it has 64. The command computes
// on as many threads as there is time for, takes no more of it, and gives the same bytes.

import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { usableCores } from '../../workers/cores.ts';
import { bundled, main, root, temporaryFolder } from '../cli/support/cli.ts';

const folder = temporaryFolder();

/** Where this machine mounts version 1 or 2 for processors, and what a quota of one core is there. */
const PLACES = [
  { version: 'version 1', at: '/sys/fs/cgroup/cpu', quota: ['cpu.cfs_quota_us', '100000'] },
  { version: 'version 1', at: '/sys/fs/cgroup/cpu,cpuacct', quota: ['cpu.cfs_quota_us', '100000'] },
  { version: 'version 2', at: '/sys/fs/cgroup', quota: ['cpu.max', '100000 100000'] },
] as const;

const made: string[] = [];
afterAll(() => {
  for (const group of made) rmdirSync(group);
});

/** A group that may use one core. @returns null where there can be none */
function group({ at, quota: [file, text] }: (typeof PLACES)[number]): string | null {
  const path = join(at, `clip-oracle-test-${process.pid}`);
  try {
    if (!existsSync(join(at, 'cgroup.procs'))) return null;
    mkdirSync(path);
    made.push(path);
    if (!existsSync(join(path, file))) return null;
    writeFileSync(join(path, file), text);
    return path;
  } catch {
    return null; // not root, or a container that may not make groups
  }
}

/** Runs node, in a group if there is one. */
function node(args: readonly string[], inside: string | null = null): SpawnSyncReturns<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CLIP_ORACLE_')));
  const shell = 'test -z "$1" || echo $$ > "$1/cgroup.procs" || exit 99; shift; exec "$@"';
  return spawnSync('sh', ['-c', shell, 'sh', inside ?? '', process.execPath, ...args], { encoding: 'utf8', env });
}

const EMBED = [main, 'embed', bundled('octopus.jpg'), '--quiet'];
/** Prints how many threads a model computes on and how many there are. */
const COUNT = [
  '--input-type=module',
  '-e',
  `import { load } from ${JSON.stringify(new URL('../../dist/src/index.js', import.meta.url).href)};
   import { poolThreads } from ${JSON.stringify(new URL('../../dist/workers/pool.js', import.meta.url).href)};
   const { model, preprocess } = await load('mini-vit');
   await model.encodeImage(await preprocess(${JSON.stringify(bundled('octopus.jpg'))}));
   console.log(model.threads, poolThreads().length);
   await model.close();`,
];

describe.each(PLACES)('a control group of $version in $at with the time of one core', (place) => {
  test('one thread, and the same bytes', ({ skip }) => {
    const inside = group(place);
    if (inside === null) return skip('it takes Linux, root, this hierarchy, and leave to make a group');
    expect(node(COUNT, inside).stdout).toBe('1 0\n'); // the calling thread
    const [there, here] = [node(EMBED, inside), node(EMBED)];
    expect([there.status, there.stderr]).toEqual([0, '']);
    expect(there.stdout).toBe(here.stdout);
  });
});

/** Seconds of processor time and peak megabytes of a command, the least of three runs. */
function cost(args: readonly string[]): { seconds: number; megabytes: number } {
  const report = join(folder.path, 'report.mjs');
  writeFileSync(
    report,
    `process.on('exit', () => {
      const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
      process.stderr.write(JSON.stringify([(userCPUTime + systemCPUTime) / 1e6, maxRSS / 1024]) + '\\n');
    });`,
  );
  const runs = [1, 2, 3].map(() => {
    const { status, stderr } = node(['--import', report, ...args]);
    expect(status, stderr).toBe(0);
    return JSON.parse(stderr.trim().split('\n').at(-1)!) as [number, number];
  });
  return {
    seconds: Math.min(...runs.map(([seconds]) => seconds)),
    megabytes: Math.min(...runs.map(([, megabytes]) => megabytes)),
  };
}

describe('threads beyond the cores', () => {
  // Every thread of its own would take 11 MB and 0.2 seconds here: 64 of them took ten times the time of two.
  test('64 cost what two cost', () => {
    const [two, many] = [cost([...EMBED, '--threads', '2']), cost([...EMBED, '--threads', '64'])];
    expect(many.seconds / two.seconds).toBeLessThan(1.5);
    expect(many.megabytes / two.megabytes).toBeLessThan(1.2);
  }, 300_000);

  test('a host that says it has 64 cores, of which this process may use fewer', () => {
    const host = join(folder.path, 'host.mjs');
    writeFileSync(
      host,
      `import os from 'node:os';
       import { syncBuiltinESMExports } from 'node:module';
       os.availableParallelism = () => 64;
       syncBuiltinESMExports();`,
    );
    const [threads] = node(['--import', host, ...COUNT]).stdout.split(' ');
    if (process.platform === 'linux') expect(Number(threads)).toBe(Math.min(15, usableCores()));
    const [plain, emulated] = [cost(EMBED), cost(['--import', host, ...EMBED])];
    expect(emulated.seconds / plain.seconds).toBeLessThan(1.5);
    expect(emulated.megabytes / plain.megabytes).toBeLessThan(1.2);
  }, 300_000);
});

test('CLIP_ORACLE_THREADS that is no number is one sentence', () => {
  const result = spawnSync(process.execPath, EMBED, {
    encoding: 'utf8',
    cwd: root,
    env: { ...process.env, CLIP_ORACLE_THREADS: 'all' },
  });
  expect([result.status, result.stderr]).toEqual([
    2,
    'clip-oracle: CLIP_ORACLE_THREADS expected a positive integer, got "all"; correct or unset it\n',
  ]);
});
