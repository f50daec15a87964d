// How many cores a process may use: control groups of both versions as made-up files, and the environment's cap. A
// real quota: containers.long.test.ts.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { cgroupCores, defaultThreads, usableCores } from '../../workers/cores.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A folder that looks like / to `cgroupCores`. */
function rootWith(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'clip-oracle-cgroup-'));
  folders.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

const V2 = '30 23 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n';
const V1 =
  '24 18 0:22 / /proc rw - proc proc rw\n32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n';

describe('version 2', () => {
  test.each<[string, number | null]>([
    ['max 100000\n', null],
    ['100000 100000\n', 1],
    ['50000 100000\n', 1],
    ['150000 100000\n', 2],
    ['1000 100000\n', 1],
    ['6400000 100000\n', 64],
    ['200000 50000\n', 4],
    ['100000\n', 1],
    ['nonsense\n', null],
    ['', null],
  ])('cpu.max %j is %s cores', (text, cores) => {
    const root = rootWith({
      '/proc/self/cgroup': '0::/\n',
      '/proc/self/mountinfo': V2,
      '/sys/fs/cgroup/cpu.max': text,
    });
    expect(cgroupCores(root)).toBe(cores);
  });

  test('the least of a group and those above it counts', () => {
    const root = rootWith({
      '/proc/self/cgroup': '0::/system.slice/job.service/worker\n',
      '/proc/self/mountinfo': V2,
      '/sys/fs/cgroup/system.slice/cpu.max': '300000 100000',
      '/sys/fs/cgroup/system.slice/job.service/cpu.max': '800000 100000',
      '/sys/fs/cgroup/system.slice/job.service/worker/cpu.max': 'max 100000',
    });
    expect(cgroupCores(root)).toBe(3);
  });

  test('in a container that sees its own part of the hierarchy where the whole would be', () => {
    const root = rootWith({
      '/proc/self/cgroup': '0::/docker/0123\n',
      '/proc/self/mountinfo': '30 23 0:27 /docker/0123 /sys/fs/cgroup ro - cgroup2 cgroup ro\n',
      '/sys/fs/cgroup/cpu.max': '250000 100000',
    });
    expect(cgroupCores(root)).toBe(3);
  });

  test('a mount whose path has a space', () => {
    const root = rootWith({
      '/proc/self/cgroup': '0::/a\n',
      '/proc/self/mountinfo': '30 23 0:27 / /my\\040groups rw shared:4 - cgroup2 none rw\n',
      '/my groups/a/cpu.max': '100000 100000',
    });
    expect(cgroupCores(root)).toBe(1);
  });
});

describe('version 1', () => {
  test.each<[string, string, number | null]>([
    ['-1', '100000', null],
    ['100000', '100000', 1],
    ['150000', '100000', 2],
    ['0', '100000', null],
    ['100000', '0', null],
  ])('cfs_quota_us %s and cfs_period_us %s are %s cores', (quota, period, cores) => {
    const root = rootWith({
      '/proc/self/cgroup': '12:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n1:name=systemd:/docker/1\n',
      '/proc/self/mountinfo': V1,
      '/sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us': `${quota}\n`,
      '/sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_period_us': `${period}\n`,
    });
    expect(cgroupCores(root)).toBe(cores);
  });

  test('both versions at once: version 2 without a controller for processors takes nothing from version 1', () => {
    const root = rootWith({
      '/proc/self/cgroup': '4:cpu,cpuacct:/\n0::/\n',
      '/proc/self/mountinfo': `${V1}41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n`,
      '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '200000\n',
      '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    });
    expect(cgroupCores(root)).toBe(2);
  });
});

test('without control groups there is no quota', () => {
  expect(cgroupCores(rootWith({}))).toBe(null);
  expect(cgroupCores(rootWith({ '/proc/self/cgroup': '0::/\n', '/proc/self/mountinfo': V2 }))).toBe(null);
});

test('whatever the files hold, the answer is null or a positive integer', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (cgroup, mountinfo, max) => {
      const root = rootWith({
        '/proc/self/cgroup': `${cgroup}\n0::/\n`,
        '/proc/self/mountinfo': `${mountinfo}\n${V2}`,
        '/sys/fs/cgroup/cpu.max': max,
      });
      const cores = cgroupCores(root);
      expect(cores === null || (Number.isInteger(cores) && cores >= 1)).toBe(true);
    }),
    { numRuns: 30 },
  );
});

describe('the mask of processors', () => {
  test.each<[string, number]>([
    ['0-1', 2],
    ['0', 1],
    ['0-3,8,10-11', 7],
    ['0-63', 64],
  ])('%s is %i cores', (list, cores) => {
    const root = rootWith({ '/proc/self/status': `Name:\tnode\nCpus_allowed:\tff\nCpus_allowed_list:\t${list}\n` });
    expect(usableCores({ root, parallelism: 64 })).toBe(cores);
  });

  test('where the kernel says nothing, the engine decides', () => {
    expect(usableCores({ root: rootWith({}), parallelism: 64 })).toBe(64);
    expect(usableCores({ root: rootWith({ '/proc/self/status': 'Cpus_allowed_list:\t\n' }), parallelism: 5 })).toBe(5);
  });
});

test('a host of 64 cores, of which a container may use one and a half', () => {
  const root = rootWith({
    '/proc/self/status': 'Cpus_allowed_list:\t0-63\n',
    '/proc/self/cgroup': '0::/\n',
    '/proc/self/mountinfo': V2,
    '/sys/fs/cgroup/cpu.max': '150000 100000\n',
  });
  expect(usableCores({ root, parallelism: 64 })).toBe(2);
  expect(defaultThreads({ CLIP_ORACLE_THREADS: '8' }, { root, parallelism: 64 })).toBe(2);
  expect(defaultThreads({ CLIP_ORACLE_THREADS: '1' }, { root, parallelism: 64 })).toBe(1);
});

describe('CLIP_ORACLE_THREADS', () => {
  test('caps, and never raises', () => {
    expect(defaultThreads({ CLIP_ORACLE_THREADS: '1' })).toBe(1);
    expect(defaultThreads({ CLIP_ORACLE_THREADS: '4096' })).toBe(usableCores());
    expect(defaultThreads({ CLIP_ORACLE_THREADS: '' })).toBe(usableCores());
    expect(defaultThreads({})).toBe(usableCores());
  });

  test.each(['0', '-1', '1.5', 'two', ' 2', '1e3'])('%j is refused', (value) => {
    expect(() => defaultThreads({ CLIP_ORACLE_THREADS: value })).toThrow(
      `CLIP_ORACLE_THREADS expected a positive integer, got "${value}"; correct or unset it`,
    );
  });
});

test('the operating system and this module agree where there is no quota', () => {
  const printed = execFileSync('nproc', { encoding: 'utf8' });
  if (cgroupCores() === null) expect(usableCores()).toBe(Math.min(availableParallelism(), Number(printed)));
});
