// npm run fuzz -- --runs 1000000 --seed 1: hostile input for every parser, guided by coverage. README.md says how it
// works.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeCountingCopy } from './coverage.ts';
import { corpusOf } from './corpus.ts';
import type { Progress } from './protocol.ts';
import { fuzzTarget, type Found } from './supervisor.ts';
import { TARGETS, targetNamed } from './targets/index.ts';
import { hashOf } from './mutate/random.ts';

const OPTIONS = {
  runs: { type: 'string', default: '20000' },
  seed: { type: 'string', default: '1' },
  target: { type: 'string', multiple: true },
  minutes: { type: 'string' },
  json: { type: 'boolean', default: false },
  jobs: { type: 'string' },
  out: { type: 'string' },
  help: { type: 'boolean', default: false },
  keep: { type: 'string' },
  first: { type: 'boolean', default: false },
} as const;

const HELP = `npm run fuzz -- [options]
  --runs <n>       mutated inputs, over all targets (default 20000)
  --seed <n>       the same seed gives the same inputs (default 1)
  --target <name>  only this one; can be given several times
  --minutes <n>    stop after so long, whatever has been done
  --jobs <n>       processes (default: one per core)
  --json           the summary as JSON
  --out <folder>   where inputs go that something was found with (default: tools/fuzz/findings)
  --first          leave a target at its first finding, and the input as it was found
  --keep <folder>  write the inputs that reached something new there, too
Targets: ${TARGETS.map(({ name }) => name).join(', ')}`;

interface Row extends Progress {
  target: string;
  seconds: number;
  findings: Found[];
}

function number(text: string, name: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || !(value > 0))
    throw new RangeError(`--${name} expected a number above 0, got "${text}"`);
  return value;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const [runs, seed] = [Math.ceil(number(values.runs, 'runs')), Number(values.seed)];
  const targets = values.target === undefined ? TARGETS : values.target.map(targetNamed);
  const until = values.minutes === undefined ? Infinity : Date.now() + 60_000 * number(values.minutes, 'minutes');
  const jobs = values.jobs === undefined ? availableParallelism() : Math.ceil(number(values.jobs, 'jobs'));
  const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
  const findings = values.out ?? join(root, 'tools/fuzz/findings');
  const work = mkdtempSync(join(tmpdir(), 'clip-oracle-fuzz-'));
  const copy = join(work, 'copy');
  console.error(`fuzz: seed ${seed}, ${runs} runs over ${targets.length} targets, ${jobs} processes`);
  try {
    const counters = makeCountingCopy(
      root,
      copy,
      targets.flatMap(({ sources }) => sources),
    );
    console.error(`fuzz: ${counters} counters`);
    const total = targets.reduce((sum, { weight = 1 }) => sum + weight, 0);
    const rows: Row[] = [],
      waiting = [...targets].sort((a, b) => (b.weight ?? 1) - (a.weight ?? 1)),
      now = new Map<string, Progress>();
    const begin = performance.now();
    const ticker = setInterval(
      () => {
        console.error(progressLine(rows, now, runs, begin));
      },
      process.stderr.isTTY ? 2000 : 15000,
    );
    const one = async (): Promise<void> => {
      for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
        const { name, weight = 1 } = target,
          from = performance.now();
        const share = Math.ceil((runs * weight) / total);
        const {
          progress,
          findings: found,
          kept,
        } = await fuzzTarget({
          child: join(copy, 'dist/tools/fuzz/child.js'),
          target: name,
          seed: (seed ^ hashOf(name)) >>> 0,
          runs: share,
          until,
          work,
          inputs: corpusOf(root, name),
          first: values.first,
          onProgress: (progress) => {
            now.set(name, progress);
          },
          onFinding: (finding) => {
            console.error(`fuzz: ${name}: ${finding.kind}: ${finding.message}`);
          },
        });
        now.delete(name);
        rows.push({ target: name, seconds: (performance.now() - from) / 1000, findings: found, ...progress });
        for (const { kind, bytes } of found) keep(join(findings, name), bytes, `${kind}-`);
        if (values.keep !== undefined) for (const bytes of kept) keep(join(values.keep, name), bytes);
      }
    };
    await Promise.all(Array.from({ length: Math.min(jobs, targets.length) }, one));
    clearInterval(ticker);
    rows.sort(
      (a, b) => targets.findIndex(({ name }) => name === a.target) - targets.findIndex(({ name }) => name === b.target),
    );
    const seconds = (performance.now() - begin) / 1000;
    console.log(
      values.json
        ? JSON.stringify({
            seed,
            seconds,
            rows: rows.map((row) => ({
              ...row,
              findings: row.findings.map(({ kind, message }) => ({ kind, message })),
            })),
          })
        : summary(rows, seconds, seed),
    );
    return rows.some((row) => row.findings.length > 0) ? 1 : 0;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The same bytes have the same name. */
function keep(folder: string, bytes: Buffer, prefix = ''): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, prefix + hashOf(bytes.toString('latin1')).toString(16)), bytes);
}

function progressLine(rows: readonly Row[], now: ReadonlyMap<string, Progress>, runs: number, begin: number): string {
  const done = [...rows, ...now.values()].reduce((sum, progress) => sum + progress.runs, 0);
  const found = rows.reduce((sum, row) => sum + row.findings.length, 0);
  return (
    `fuzz: ${done} of ${runs} runs, ${Math.round(done / ((performance.now() - begin) / 1000))} a second, ` +
    `${[...now.keys()].join(', ')}${found > 0 ? `, ${found} findings` : ''}`
  );
}

function summary(rows: readonly Row[], seconds: number, seed: number): string {
  const table = rows.map((row) => [
    row.target,
    String(row.runs),
    String(Math.round(row.runs / row.seconds)),
    `${row.edges} of ${row.ofEdges}`,
    String(row.queue),
    row.slowestMs.toFixed(0),
    (row.largestBytes / 1024).toFixed(0),
    String(row.findings.length),
  ]);
  const all = [['target', 'runs', 'a second', 'edges', 'corpus', 'slowest ms', 'most kB', 'findings'], ...table];
  const widths = all[0].map((_, column) => Math.max(...all.map((row) => row[column].length)));
  const lines = all.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  '),
  );
  const runs = rows.reduce((sum, row) => sum + row.runs, 0),
    found = rows.reduce((sum, row) => sum + row.findings.length, 0);
  return (
    `${lines.join('\n')}\n\nseed ${seed}: ${runs} runs in ${seconds.toFixed(0)} s, ${Math.round(runs / seconds)} ` +
    `a second; ${found === 0 ? 'nothing found' : `${found} findings`}.`
  );
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(`fuzz: ${error instanceof Error ? error.message : String(error)}`);
  return 2;
});
