// How many cores this process may use. Node's availableParallelism knows the processors and the affinity mask, but not
// the quota that a container is held to: with `docker run --cpus 1` on a host of 64 cores it says 64, and 64 threads
// then wait for each other's time slices. (Linux, "Control Group v2", cpu.max; "CFS Bandwidth Control" for version 1.)

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, posix } from 'node:path';

/** Where the answers come from, for tests. */
export interface Machine {
  /** Where / is. */
  readonly root?: string;
  /** What the engine says. */
  readonly parallelism?: number;
}

/**
 * The processors that this process may use: what the engine and the kernel's mask of processors say, at most what its
 * control group's quota pays for (rounded up, at least 1). The mask is read, too, because engines ask for one of 1,024
 * processors, and on a larger machine get none.
 */
export function usableCores({ root = '/', parallelism = availableParallelism() }: Machine = {}): number {
  return Math.min(parallelism, allowedCores(root) ?? Infinity, cgroupCores(root) ?? Infinity);
}

/**
 * How many threads compute if nobody says how many: the usable cores, at most CLIP_ORACLE_THREADS.
 * @throws RangeError if CLIP_ORACLE_THREADS is set to anything but a positive integer
 */
export function defaultThreads(environment: NodeJS.ProcessEnv = process.env, machine?: Machine): number {
  const cap = environment.CLIP_ORACLE_THREADS;
  if (cap === undefined || cap === '') return usableCores(machine);
  if (!/^[1-9]\d{0,5}$/.test(cap)) {
    throw new RangeError(`CLIP_ORACLE_THREADS expected a positive integer, got "${cap}"; correct or unset it`);
  }
  return Math.min(usableCores(machine), Number(cap));
}

/** The processors of this process's mask (sched_setaffinity, cpusets), or null where the kernel does not say. */
function allowedCores(root: string): number | null {
  const list = /^Cpus_allowed_list:\s*([\d,-]+)$/m.exec(textOf(join(root, '/proc/self/status')) ?? '')?.[1];
  if (list === undefined) return null;
  let count = 0;
  for (const range of list.split(',')) {
    const [first, last = first] = range.split('-').map(Number); // 0-3,8
    count += last - first + 1;
  }
  return count >= 1 ? count : null;
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null; // another system, another version, or hidden from the container
  }
}

/**
 * The quota of this process's control groups in cores, the least of the group and those above it.
 * @param root where / is, for tests
 * @returns null where there is no quota, or no control group
 */
export function cgroupCores(root = '/'): number | null {
  const read = (path: string): string | null => textOf(join(root, path));
  const groups = read('/proc/self/cgroup');
  const mounts = read('/proc/self/mountinfo');
  if (groups === null || mounts === null) return null;
  let least = Infinity;
  for (const { point, mountRoot, quotaIn } of hierarchies(mounts)) {
    const path = pathOf(groups, quotaIn === quotaV2 ? '' : 'cpu');
    if (path === null) continue;
    // A container may see only its own part of the hierarchy, mounted where the whole would be.
    const below =
      path === mountRoot
        ? '/'
        : mountRoot !== '/' && path.startsWith(`${mountRoot}/`)
          ? path.slice(mountRoot.length)
          : path;
    for (let folder = posix.normalize(`/${below}`); ; folder = posix.dirname(folder)) {
      least = Math.min(
        least,
        quotaIn((file) => read(posix.join(point, folder, file))),
      );
      if (folder === '/') break;
    }
  }
  return least === Infinity ? null : Math.max(1, Math.ceil(least));
}

type ReadFile = (file: string) => string | null;

/** cpu.max: "QUOTA PERIOD" in microseconds, or "max PERIOD". */
function quotaV2(read: ReadFile): number {
  const [quota, period] = (read('cpu.max') ?? 'max').trim().split(/\s+/);
  return ratio(Number(quota), Number(period ?? 100_000));
}

/** cpu.cfs_quota_us is -1 where there is none. */
function quotaV1(read: ReadFile): number {
  return ratio(Number(read('cpu.cfs_quota_us') ?? -1), Number(read('cpu.cfs_period_us') ?? 0));
}

const ratio = (quota: number, period: number): number => (quota > 0 && period > 0 ? quota / period : Infinity);

/** Where control groups that know of processors are mounted, from /proc/self/mountinfo (proc(5)). */
function hierarchies(mounts: string): { point: string; mountRoot: string; quotaIn: (read: ReadFile) => number }[] {
  return mounts.split('\n').flatMap((line) => {
    // 36 35 98:0 /root /point options … - type source superoptions
    const [before, after] = line.split(' - ');
    if (after === undefined) return [];
    const [, , , mountRoot, point] = before.split(' ').map(unescaped);
    const [type, , superOptions = ''] = after.split(' ');
    if (type === 'cgroup2') return [{ point, mountRoot, quotaIn: quotaV2 }];
    return type === 'cgroup' && superOptions.split(',').includes('cpu') ? [{ point, mountRoot, quotaIn: quotaV1 }] : [];
  });
}

/** mountinfo writes spaces and backslashes of paths as octal numbers. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));

/** The group of this process in a hierarchy, from /proc/self/cgroup: lines "ID:controllers:/path". */
function pathOf(groups: string, controller: string): string | null {
  for (const line of groups.split('\n')) {
    const [, controllers, ...path] = line.split(':');
    if (controllers !== undefined && controllers.split(',').includes(controller)) return path.join(':');
  }
  return null;
}
