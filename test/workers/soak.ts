// The body of a soak: thousands of calls while threads are killed at random, and a count of what is left over. Used
// with small programs by soak.test.ts, and with whole models wherever one wants to.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { readFileSync } from 'node:fs';
import { poolThreads } from '../../workers/pool.ts';

export interface SoakOptions {
  /** How many calls in all. */
  readonly passes: number;
  /** Calls under way at the same time. Default 4. */
  readonly concurrency?: number;
  /**
   * Makes call number `index` and says whether its result was right. It may reject: with the signal's reason, or
   * because a thread exited.
   */
  readonly call: (index: number, signal: AbortSignal) => Promise<boolean>;
  /** A thread is killed every so many milliseconds on average; 0: never. Default 100. */
  readonly killEvery?: number;
  /**
   * Share of the calls that are cancelled, at a random moment within `cancelWithin` milliseconds. Default 0.1 and 20.
   */
  readonly cancelled?: number;
  readonly cancelWithin?: number;
  /** A call that takes longer, in milliseconds, counts as hung. Default 60,000. */
  readonly patience?: number;
  readonly seed?: number;
}

export interface SoakReport {
  right: number;
  wrong: number;
  cancelled: number;
  /** Calls that rejected for another reason than their signal, by message without numbers. */
  rejected: Record<string, number>;
  hung: number;
  kills: number;
  seconds: number;
  /** What one process holds on to, after a collection: at the first tenth of the calls, and at the end. */
  early: Holdings;
  late: Holdings;
}

export interface Holdings {
  heapMB: number;
  rssMB: number;
  /** Native threads of the process, where the system tells (Linux), else 0. */
  nativeThreads: number;
  poolThreads: number;
  /** Open handles and requests by kind. */
  resources: Record<string, number>;
}

const CANCELLED = Symbol('cancelled by the soak');
const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/**
 * A generator of numbers in [0, 1) (Numerical Recipes' linear congruence), so that a soak can be repeated in its
 * outline; threads keep their own time.
 */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

/** To be asked when nothing runs. */
export async function holdings(): Promise<Holdings> {
  for (let round = 0; round < 3; round += 1) {
    await pause(100);
    collect();
  }
  const { heapUsed, rss } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  delete resources.Timeout; // Timers of the test runner come and go.
  let nativeThreads = 0;
  try {
    nativeThreads = Number(/^Threads:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0);
  } catch {
    // Not Linux.
  }
  return { heapMB: heapUsed / 1e6, rssMB: rss / 1e6, nativeThreads, poolThreads: poolThreads().length, resources };
}

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const {
    passes,
    concurrency = 4,
    call,
    killEvery = 100,
    cancelled = 0.1,
    cancelWithin = 20,
    patience = 60_000,
    seed = 1,
  } = options;
  const random = randomOf(seed);
  const report = { right: 0, wrong: 0, cancelled: 0, rejected: {} as Record<string, number>, hung: 0, kills: 0 };
  const start = performance.now();

  const one = async (index: number): Promise<void> => {
    const controller = new AbortController();
    const cancel =
      random() < cancelled ? setTimeout(() => controller.abort(CANCELLED), random() * cancelWithin) : undefined;
    let impatient: NodeJS.Timeout | undefined;
    const hung = new Promise<'hung'>((resolve) => {
      impatient = setTimeout(() => resolve('hung'), patience);
    });
    try {
      const outcome = await Promise.race([call(index, controller.signal), hung]);
      if (outcome === 'hung') report.hung += 1;
      else if (outcome) report.right += 1;
      else report.wrong += 1;
    } catch (reason) {
      if (reason === CANCELLED) report.cancelled += 1;
      else {
        const message = (reason instanceof Error ? reason.message : String(reason)).replace(/\d+/g, 'N');
        report.rejected[message] = (report.rejected[message] ?? 0) + 1;
      }
    } finally {
      clearTimeout(cancel);
      clearTimeout(impatient);
    }
  };

  const some = async (from: number, to: number): Promise<void> => {
    let next = from;
    let running = true;
    const killer = (async () => {
      while (killEvery > 0 && running) {
        await pause(random() * 2 * killEvery);
        const threads = poolThreads();
        if (threads.length === 0 || !running) continue;
        void threads[Math.floor(random() * threads.length)].terminate();
        report.kills += 1;
      }
    })();
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        while (next < to && report.hung === 0) {
          next += 1;
          await one(next - 1);
        }
      }),
    );
    running = false;
    await killer;
  };

  const tenth = Math.ceil(passes / 10);
  await some(0, tenth);
  const early = await holdings();
  await some(tenth, passes);
  const late = await holdings();
  return { ...report, seconds: (performance.now() - start) / 1000, early, late };
}

/**
 * What a soak has to show: every call ended, with the right result or a reason, and nothing has piled up. Returns the
 * complaints.
 */
export function complaints(
  report: SoakReport,
  {
    passes,
    heapMB = 3,
    rssMB = 100,
    expected = /^Thread N of N exited/,
  }: { passes: number; heapMB?: number; rssMB?: number; expected?: RegExp },
): string[] {
  const { right, wrong, cancelled, rejected, hung, early, late } = report;
  const rejections = Object.values(rejected).reduce((sum, count) => sum + count, 0);
  const found: string[] = [];
  if (hung > 0) found.push(`${hung} calls hung`);
  if (wrong > 0) found.push(`${wrong} calls had a wrong result`);
  if (right + cancelled + rejections + wrong !== passes)
    found.push(`expected ${passes} calls to end, got ${right + cancelled + rejections + wrong}`);
  if (right < passes / 2) found.push(`only ${right} of ${passes} calls had a result`);
  for (const message of Object.keys(rejected))
    if (!expected.test(message)) found.push(`unexpected rejection: ${message}`);
  if (late.heapMB > early.heapMB + heapMB)
    found.push(`the heap grew from ${early.heapMB.toFixed(1)} to ${late.heapMB.toFixed(1)} MB`);
  if (late.rssMB > early.rssMB + rssMB)
    found.push(`resident memory grew from ${early.rssMB.toFixed(0)} to ${late.rssMB.toFixed(0)} MB`);
  if (late.nativeThreads > early.nativeThreads)
    found.push(`native threads grew from ${early.nativeThreads} to ${late.nativeThreads}`);
  if (late.poolThreads > early.poolThreads)
    found.push(`threads of the pool grew from ${early.poolThreads} to ${late.poolThreads}`);
  for (const [kind, count] of Object.entries(late.resources)) {
    if (count > (early.resources[kind] ?? 0))
      found.push(`open resources of kind ${kind} grew from ${early.resources[kind] ?? 0} to ${count}`);
  }
  return found;
}
