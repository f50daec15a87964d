// npm run bench -- models: verify, then time. First the products that the models consist of, as a share of what a core
// can give; then whole models.
// Every measurement runs in a fresh process.

import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Command, Option } from 'commander';
import { MODELS } from '../src/clip/models.ts';
import type { Measurement, Result } from './measurement.ts';
import { writeHalfCheckpoint } from './half-checkpoint.ts';
import type { KernelMeasurement, KernelResult } from './kernels-child.ts';
import { describeEnvironment, environment } from './environment.ts';
import { measure, measureKernels } from './measure.ts';
import { SHAPES } from './shapes.ts';
import { kernelTable, modelTable } from './tables.ts';

const run = promisify(execFile);
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const all = availableParallelism();

interface Options {
  models: string[];
  executors: Measurement['executor'][];
  threads: string[];
  batches: string[];
  repeat: string;
  seconds: string;
  rounds: string;
  node: string;
  only?: 'kernels' | 'models';
  residency?: NonNullable<Measurement['residency']>[];
  json?: string;
}

const options = new Command('npm run bench --')
  .description(
    "Verify, then time: the models' products as a share of the machine's ceiling, then whole models in fresh " +
      'processes.',
  )
  .addOption(
    new Option('--models <names...>', 'models to measure')
      .choices(MODELS.filter(({ file }) => file !== null).map(({ name }) => name))
      .default(['RN50', 'ViT-B/32', 'ViT-L/14']),
  )
  .addOption(new Option('--executors <names...>', 'executors').choices(['reference', 'simd', 'auto']).default(['auto']))
  .addOption(new Option('--threads <numbers...>', 'numbers of threads').default([...new Set(['1', `${all}`])]))
  .addOption(new Option('--batches <numbers...>', 'images per forward pass').default(['1', '8']))
  .addOption(new Option('--rounds <n>', 'processes per combination').default('1'))
  .addOption(new Option('--repeat <n>', 'forward passes of a process after its first, at most').default('10'))
  .addOption(new Option('--seconds <s>', 'and for so long (at least one)').default('5'))
  .addOption(
    new Option('--node <path>', 'Node binary that the measuring processes run under').default(process.execPath),
  )
  .addOption(new Option('--only <part>', 'leave the other part out').choices(['kernels', 'models']))
  .addOption(
    new Option('--residency <names...>', 'models from a half-precision checkpoint, kept so in memory').choices([
      'single',
      'half',
    ]),
  )
  .option('--json <file>', 'write all measurements')
  .parse()
  .opts<Options>();

/** Every combination of model, executor, number of threads and batch. */
function* combinations(): Generator<Pick<Measurement, 'model' | 'executor' | 'threads' | 'batch'>> {
  for (const model of options.models) {
    for (const executor of options.executors) {
      for (const batch of options.batches.map(Number)) {
        // The plain loops have one thread.
        for (const threads of executor === 'reference' ? [1] : options.threads.map(Number))
          yield { model, executor, threads, batch };
      }
    }
  }
}

const progress = ({ model, executor, threads, batch }: KernelMeasurement | Measurement, what: string): void => {
  process.stderr.write(`${what} ${model}, ${executor}, ${threads} thread(s), batch ${batch} …\n`);
};

async function kernels(): Promise<KernelResult[]> {
  const results: KernelResult[] = [];
  for (const work of combinations()) {
    if (!Object.hasOwn(SHAPES, work.model)) continue;
    const measurement = { ...work, seconds: 0.3 };
    progress(measurement, 'products of');
    results.push(await measureKernels(measurement, options.node));
  }
  return results;
}

let folder: string | undefined;
const halfFiles = new Map<string, string>();

/**
 * Where the weights come from: synthetic:0 itself, or a checkpoint of it in half precision, written when it is first
 * asked for.
 */
function sources(model: string): Pick<Measurement, 'weights' | 'residency'>[] {
  if (options.residency === undefined) return [{ weights: 'synthetic:0' }];
  let file = halfFiles.get(model);
  if (file === undefined) {
    folder ??= mkdtempSync(join(tmpdir(), 'clip-oracle-bench-'));
    file = join(folder, `${model.replace('/', '-')}.half.safetensors`);
    writeHalfCheckpoint(model, file);
    halfFiles.set(model, file);
  }
  return options.residency.map((residency) => ({ weights: file, residency }));
}

process.on('exit', () => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

async function models(): Promise<Result[]> {
  const results: Result[] = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const work of combinations()) {
      const shared = {
        ...work,
        engine: 'clip-oracle',
        repeat: Number(options.repeat),
        seconds: Number(options.seconds),
      } as const;
      for (const source of sources(work.model)) {
        const measurement: Measurement = { ...shared, ...source };
        progress(measurement, 'model');
        const result = await measure(measurement, options.node);
        const other = results.find(
          (r) => r.model === result.model && r.weights === result.weights && r.digest !== result.digest,
        );
        if (other !== undefined)
          throw new Error(
            `${result.model}: ${JSON.stringify(source)}, ${result.threads} thread(s), ${result.executor}, ` +
              `batch ${result.batch} gave other bits than an earlier run`,
          );
        results.push(result);
      }
    }
  }
  return results;
}

async function helpTime(): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 7; i++) {
    const start = performance.now();
    await run(options.node, [here('../src/cli/main.js'), '--help']);
    times.push(performance.now() - start);
  }
  return Math.min(...times);
}

const on = environment(execFileSync(options.node, ['--version'], { encoding: 'utf8' }).trim().slice(1));
process.stdout.write(`${describeEnvironment(on)}\n`);
const kernelResults = options.only === 'models' ? [] : await kernels();
if (kernelResults.length > 0) process.stdout.write(kernelTable(kernelResults));
const modelResults = options.only === 'kernels' ? [] : await models();
if (modelResults.length > 0) process.stdout.write(modelTable(modelResults));
if (options.only !== 'kernels')
  process.stdout.write(`clip-oracle --help: ${(await helpTime()).toFixed(0)} ms (minimum of 7, whole process)\n`);
if (options.json !== undefined)
  writeFileSync(
    options.json,
    `${JSON.stringify({ machine: on, kernels: kernelResults, models: modelResults }, null, 1)}\n`,
  );
