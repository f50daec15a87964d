// npm run bench: verify, then time. Every measurement runs in a fresh process and checks its features before any time counts.

import { execFile } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Command, Option } from 'commander';
import Table from 'cli-table3';
import { MODELS } from '../src/clip/models.ts';
import { multiplyAdds } from '../src/clip/sizes.ts';
import type { Measurement, Result } from './child.ts';

const run = promisify(execFile);
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

const options = new Command('npm run bench --')
  .description('Verify, then time: models in fresh processes, one table.')
  .addOption(new Option('--models <names...>', 'models to measure').default(['RN50', 'ViT-B/32', 'ViT-L/14']))
  .addOption(new Option('--executors <names...>', 'executors').choices(['reference']).default(['reference']))
  .addOption(new Option('--threads <numbers...>', 'numbers of threads').default(['1']))
  .addOption(new Option('--batches <numbers...>', 'images per forward pass').default(['1']))
  .addOption(new Option('--repeat <n>', 'forward passes after the first').default('3'))
  .option('--json', 'print the measurements as JSON')
  .parse()
  .opts<{ models: string[]; executors: Measurement['executor'][]; threads: string[]; batches: string[]; repeat: string; json?: boolean }>();

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function measure(measurement: Measurement): Promise<Result> {
  const { stdout } = await run(process.execPath, [here('child.js'), JSON.stringify(measurement)], { maxBuffer: 1 << 24 });
  return JSON.parse(stdout) as Result;
}

async function helpTime(): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 7; i++) {
    const start = performance.now();
    await run(process.execPath, [here('../src/cli/main.js'), '--help']);
    times.push(performance.now() - start);
  }
  return Math.min(...times);
}

const results: Result[] = [];
for (const model of options.models) {
  for (const executor of options.executors) {
    for (const threads of options.threads.map(Number)) {
      for (const batch of options.batches.map(Number)) {
        process.stderr.write(`${model}, ${executor}, ${threads} thread(s), batch ${batch} …\n`);
        results.push(await measure({ model, executor, threads, batch, repeat: Number(options.repeat) }));
      }
    }
  }
}

if (options.json === true) {
  process.stdout.write(`${JSON.stringify(results, null, 1)}\n`);
} else {
  const table = new Table({
    head: ['model', 'executor', 'threads', 'batch', 'load s', 'first s', 'steady s (min, median)', 'GFLOP/s', 'peak MB', 'weights MB', 'verified against'],
    style: { head: [], border: [], compact: true },
  });
  for (const result of results) {
    const work = 2 * multiplyAdds(MODELS.find((entry) => entry.name === result.model)!) * result.batch;
    const best = Math.min(...result.steady);
    table.push([result.model, result.executor, result.threads, result.batch, result.load.toFixed(2), result.first.toFixed(2),
      `${best.toFixed(3)}, ${median(result.steady).toFixed(3)}`, (work / best / 1e9).toFixed(2), (result.peak / 1e6).toFixed(0), (result.weights / 1e6).toFixed(0), result.verified]);
  }
  process.stdout.write(`${cpus()[0].model}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GB; Node ${process.version}; ${new Date().toISOString().slice(0, 10)}\n`);
  process.stdout.write(`${table.toString()}\n`);
  process.stdout.write(`clip-oracle --help: ${(await helpTime()).toFixed(0)} ms (minimum of 7, whole process)\n`);
}
