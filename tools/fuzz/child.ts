// Runs inputs of one target, one after the other, and reports findings to the parent. The current input is in a file
// that the parent can read when this process hangs or is gone. Started as: node child.js JOB, where JOB is JSON of
// ChildJob.

import { closeSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countedFiles, type CountedFile } from './coverage.ts';
import { allocated, installGuards, outside } from './guards.ts';
import { minimise } from './minimise.ts';
import { complaintAbout, keyOf } from './judge.ts';
import { utf8 } from './mutate/bytes.ts';
import { hashOf, Random } from './mutate/random.ts';
import type { Surroundings } from './mutate/havoc.ts';
import { CURRENT_HEADER, type ChildJob, type Finding, type Progress, type Report } from './protocol.ts';
import type { Target } from './targets/target.ts';

/** What JavaScript objects may add to the heap in one run, beyond the target's limit. */
const HEAP_LIMIT = 48 << 20;
const rejections: unknown[] = [];

/** Counters of a run by how often (1, 2, 3, 4 to 7, … as AFL has it): what no input before had is new. */
class Coverage {
  readonly counters: Uint8Array;
  readonly #words: Uint32Array;
  readonly #seen: Uint8Array;
  /** Counters of the target's own sources. */
  readonly #own: Uint8Array;
  edges = 0;
  ofEdges = 0;

  constructor(files: readonly CountedFile[]) {
    const total = files.reduce((sum, { count }) => sum + count, 0);
    this.counters = new Uint8Array(Math.ceil((total + 1) / 4) * 4);
    this.#words = new Uint32Array(this.counters.buffer);
    this.#seen = new Uint8Array(this.counters.length);
    this.#own = new Uint8Array(this.counters.length);
    (globalThis as Record<string, unknown>).__fuzzCounters = this.counters;
  }

  /** Forgets what loading has counted, and says which files the summary is about. */
  begin(own: readonly CountedFile[]): void {
    this.forget();
    for (const { base, count } of own) {
      this.#own.fill(1, base, base + count);
      this.ofEdges += count;
    }
  }

  /** Clears the counters: what they counted is no run of an input. */
  forget(): void {
    this.counters.fill(0);
  }

  /** Looks the run's counters through and clears them. @returns whether something was new */
  take(): boolean {
    let isNew = false;
    for (let word = 0; word < this.#words.length; word++) {
      if (this.#words[word] === 0) continue;
      for (let i = word * 4; i < word * 4 + 4; i++) {
        const n = this.counters[i];
        if (n === 0) continue;
        const bucket = n < 4 ? 1 << (n - 1) : n < 8 ? 8 : n < 16 ? 16 : n < 32 ? 32 : n < 128 ? 64 : 128;
        if ((this.#seen[i] & bucket) !== 0) continue;
        if (this.#seen[i] === 0 && this.#own[i] === 1) this.edges++;
        this.#seen[i] |= bucket;
        isNew = true;
      }
      this.#words[word] = 0;
    }
    return isNew;
  }
}

class Child {
  readonly #job: ChildJob;
  readonly #target: Target;
  readonly #coverage: Coverage;
  readonly #queue: Uint8Array[] = [];
  readonly #random: Random;
  readonly #around: Surroundings;
  readonly #current: number;
  readonly #buffer = Buffer.alloc(1 << 16);
  readonly #known = new Set<string>();
  /** Kinds of what the last input showed. */
  #last: string[] = [];
  #runs = 0;
  /** Heap in use when it was last looked at. */
  #heap = Infinity;
  #slowest = 0;
  #largest = 0;

  constructor(job: ChildJob, target: Target, coverage: Coverage, dictionary: readonly Uint8Array[], current: number) {
    this.#job = job;
    this.#target = target;
    this.#coverage = coverage;
    this.#current = current;
    this.#random = new Random(hashOf(`${job.target} ${job.seed}`));
    this.#around = { random: this.#random, dictionary, other: () => this.#random.pick(this.#queue) };
  }

  get progress(): Progress {
    return {
      runs: this.#runs,
      edges: this.#coverage.edges,
      ofEdges: this.#coverage.ofEdges,
      queue: this.#queue.length,
      slowestMs: this.#slowest,
      largestBytes: this.#largest,
    };
  }

  async work(): Promise<void> {
    const given = (this.#job.inputs ?? []).map((input) => new Uint8Array(Buffer.from(input, 'base64')));
    if (this.#job.only) {
      for (const input of given) await this.#one(input);
      return;
    }
    if (this.#job.minimise !== undefined) {
      await this.#one(new Uint8Array(0));
      const small = await minimise(Buffer.from(given[0]), (candidate) => this.#shows(candidate), 1500);
      report({ type: 'kept', input: small.toString('base64') });
      return;
    }
    await this.#one(new Uint8Array(0)); // what is loaded or built once is not the first input's
    for (const input of [...this.#target.seeds(), ...given]) {
      if (this.#runs >= this.#job.runs) return;
      await this.#one(input);
      this.#queue.push(input);
    }
    let told = Date.now();
    for (let at = 0; this.#runs < this.#job.runs; at++) {
      // The newest are where something was found last; of the rest each has its turn.
      const parent = this.#random.one(2)
        ? this.#queue[at % this.#queue.length]
        : this.#queue[this.#queue.length - 1 - this.#random.below(Math.min(this.#queue.length, 24))];
      const input = this.#random.pick(this.#target.mutators)(parent, this.#around);
      if ((await this.#one(input)) && input.length > 0) {
        this.#queue.push(input);
        report({ type: 'kept', input: Buffer.from(input).toString('base64') });
      }
      if ((this.#runs & 63) === 0 && Date.now() - told > 500) {
        told = Date.now();
        report({ type: 'progress', progress: this.progress });
        if (told > this.#job.until) return;
      }
    }
  }

  /** One run, watched. @returns whether it reached something new */
  async #one(input: Uint8Array): Promise<boolean> {
    const n = ++this.#runs;
    this.#buffer.writeUInt32LE(n >>> 0, 0);
    this.#buffer.writeUInt32LE(input.length, 4);
    this.#buffer.set(input.subarray(0, this.#buffer.length - CURRENT_HEADER), CURRENT_HEADER);
    writeSync(this.#current, this.#buffer, 0, Math.min(this.#buffer.length, CURRENT_HEADER + input.length), 0);
    const own = input.slice(); // a parser that changes its input shall not change the queue
    if ((n & 31) === 0) this.#heap = process.memoryUsage().heapUsed;
    allocated.bytes = 0;
    const start = performance.now();
    let complaint: string | null = null;
    try {
      await this.#target.run(own);
    } catch (error) {
      complaint = complaintAbout(error);
    }
    const time = performance.now() - start,
      bytes = allocated.bytes;
    const isNew = this.#coverage.take();
    await new Promise((done) => {
      setImmediate(done);
    }); // unhandled rejections are reported now
    if (n > 1) {
      if (time > this.#slowest) this.#slowest = time;
      if (bytes > this.#largest) this.#largest = bytes;
      const limit = this.#target.limit(input.length);
      if (complaint !== null) this.#found('error', complaint, input);
      if (bytes > limit)
        this.#found(
          'allocation',
          `${bytes} bytes of binary memory for an input of ${input.length}, the limit is ${limit}`,
          input,
        );
      // Tens of megabytes of objects take their time; only then is it worth looking, and counting exactly in a second
      // run.
      if (time > 4 && process.memoryUsage().heapUsed - this.#heap > limit + HEAP_LIMIT) {
        const grown = await this.#heapGrowth(input);
        if (grown > limit + HEAP_LIMIT)
          this.#found(
            'allocation',
            `the heap grew by ${grown} bytes for an input of ${input.length}, the limit is ${limit + HEAP_LIMIT}`,
            input,
          );
      }
      if (outside.length > 0) this.#found('write', `outside of its folder: ${outside[0]}`, input);
      if (rejections.length > 0) this.#found('rejection', `an unhandled rejection: ${String(rejections[0])}`, input);
    }
    outside.length = rejections.length = 0;
    return isNew;
  }

  /** Whether an input shows the finding that is to be made small. */
  async #shows(input: Uint8Array): Promise<boolean> {
    this.#last = [];
    await this.#one(input);
    return this.#last.includes(this.#job.minimise!);
  }

  async #heapGrowth(input: Uint8Array): Promise<number> {
    const before = process.memoryUsage().heapUsed;
    try {
      await this.#target.run(input.slice());
    } catch {
      /* judged before */
    }
    this.#coverage.forget(); // else it would count for the next input, on slow machines only
    return (this.#heap = process.memoryUsage().heapUsed) - before;
  }

  #found(kind: Finding['kind'], message: string, input: Uint8Array): void {
    const key = keyOf({ kind, message });
    this.#last.push(key);
    if (this.#job.minimise !== undefined) return;
    if (this.#known.has(key) && !this.#job.only) return;
    this.#known.add(key);
    report({ type: 'finding', finding: { kind, message, input: Buffer.from(input).toString('base64') } });
  }
}

function report(message: Report): void {
  process.send!(message);
}

/** Where this code runs: the counting copy, or the project's dist (then nothing is counted). */
const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

async function main(job: ChildJob): Promise<void> {
  let permitted = '';
  const current = openSync(job.current, 'w');
  installGuards(() => permitted);
  process.on('unhandledRejection', (reason) => {
    rejections.push(reason);
  });
  const files = countedFiles(root);
  setInterval(() => undefined, 1e6); // keeps the process alive where a promise is never settled
  const coverage = new Coverage(files); // before the modules that count
  const { targetNamed } = await import('./targets/index.ts');
  const { scratch } = await import('./targets/target.ts');
  const target = targetNamed(job.target);
  permitted = scratch();
  const own = files.filter(({ name }) => target.sources.some((source) => name.startsWith(source)));
  const words = new Set(own.flatMap((file) => file.words));
  coverage.begin(own);
  const child = new Child(
    job,
    target,
    coverage,
    [...words].map((word) => utf8(word)),
    current,
  );
  await child.work();
  closeSync(current);
  process.send!({ type: 'done', progress: child.progress } satisfies Report, () => {
    process.exit(0);
  });
}

// Inputs come as a message: there may be more of them than fit into an argument.
process.once('message', (inputs: string[]) => {
  void main({ ...(JSON.parse(process.argv[2]) as ChildJob), inputs });
});
