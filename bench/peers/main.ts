// npm run bench -- peers: the peers and we, alternately, each measurement in a fresh process, on the same weights and
// the same image.

import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import { packageFile } from '../../src/clip/package-file.ts';
import type { Measurement } from '../measurement.ts';
import { ENGINES, SINGLE_THREADED } from '../engine.ts';
import type { EngineName } from '../measurement.ts';
import { peerFolder, peerVersion } from '../engines/peer-package.ts';
import { environment, ownPackage } from '../environment.ts';
import { measure } from '../measure.ts';
import type { Report } from '../report.ts';
import { chart } from '../svg.ts';
import { installNode24, installPeers } from './install.ts';
import { markdownTable, textTable } from './table.ts';
import { writeWeights, type WeightFiles } from './weights.ts';

interface Options {
  models: string[];
  engines: EngineName[];
  executor: Measurement['executor'];
  threads: string[];
  batches: string[];
  rounds: string;
  repeat: string;
  seconds: string;
  node: string;
  node24?: boolean;
  shared: string;
  folder: string;
  from?: string;
  json?: string;
  markdown?: string;
  svg?: string;
}

const options = new Command('npm run bench -- peers')
  .description(
    'clip-oracle and its peers, alternately, each measurement in a fresh process that verifies its features ' +
      'before it times them.',
  )
  .addOption(
    new Option('--models <names...>', 'models to measure')
      .choices(['RN50', 'ViT-B/32', 'ViT-L/14'])
      .default(['RN50', 'ViT-B/32', 'ViT-L/14']),
  )
  .addOption(
    new Option('--engines <names...>', 'engines to measure')
      .choices(Object.keys(ENGINES))
      .default(Object.keys(ENGINES)),
  )
  .addOption(
    new Option('--executor <name>', "clip-oracle's executor").choices(['auto', 'reference', 'simd']).default('simd'),
  )
  .addOption(new Option('--threads <numbers...>', 'numbers of threads').default(['1', '2']))
  .addOption(new Option('--batches <numbers...>', 'images per forward pass').default(['1']))
  .addOption(new Option('--rounds <n>', 'processes per engine').default('3'))
  .addOption(new Option('--repeat <n>', 'forward passes of a process after its first, at most').default('20'))
  .addOption(new Option('--seconds <s>', 'and for so long').default('10'))
  .addOption(
    new Option('--node <path>', 'Node binary that all measuring processes run under').default(process.execPath),
  )
  .option('--node24', 'install Node 24 from npm into bench/peers/node_modules and use it')
  .addOption(
    new Option('--shared <folder>', 'folder that holds peers/NAME.onnx')
      .env('CLIP_ORACLE_SHARED')
      .default(packageFile('../shared')),
  )
  .addOption(
    new Option('--folder <folder>', 'where the weights are written, and kept for the next run').default(
      join(tmpdir(), 'clip-oracle-bench'),
    ),
  )
  .option('--from <file>', 'measure nothing, render the JSON of an earlier run')
  .option('--json <file>', 'write all measurements')
  .option('--markdown <file>', 'write the table as Markdown')
  .option('--svg <file>', 'write a bar chart')
  .parse()
  .opts<Options>();

async function compare(): Promise<Report> {
  installPeers();
  const node = options.node24 === true ? installNode24() : options.node;
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1);
  const report: Report = {
    machine: environment(version),
    packages: options.engines.map(describePackage),
    results: [],
    failures: [],
  };
  for (const model of options.models) {
    const files = writeWeights(model, options.folder, options.shared);
    for (const threads of options.threads.map(Number)) {
      for (const batch of options.batches.map(Number)) await alternate(report, files, { model, threads, batch }, node);
    }
  }
  return report;
}

/** Forwards in even rounds, backwards in odd ones, so that whatever the machine does meets all alike. */
async function alternate(
  report: Report,
  files: WeightFiles,
  work: Pick<Measurement, 'model' | 'threads' | 'batch'>,
  node: string,
): Promise<void> {
  const engines = options.engines.filter((engine) => work.threads === 1 || !SINGLE_THREADED.includes(engine));
  const failed = new Set<string>();
  for (let round = 0; round < Number(options.rounds); round++) {
    readFileSync(files.weights); // both files are in the page cache before anyone reads them
    readFileSync(files.safetensors);
    for (const engine of round % 2 === 0 ? engines : [...engines].reverse()) {
      if (failed.has(engine)) continue;
      const shared = {
        ...work,
        engine,
        executor: options.executor,
        repeat: Number(options.repeat),
        seconds: Number(options.seconds),
      };
      try {
        const weights = engine === 'clip-oracle' ? files.safetensors : files.weights;
        report.results.push(await noted({ ...shared, weights }, node));
        // Ours can also make the weights instead of reading them: once, for the time to load.
        if (engine === 'clip-oracle' && round === 0)
          report.results.push(await noted({ ...shared, weights: 'synthetic:0', repeat: 1 }, node));
      } catch (error) {
        failed.add(engine);
        report.failures.push(`${work.threads} thread(s), batch ${work.batch}: ${(error as Error).message}`);
        process.stderr.write(`${(error as Error).message}\n`);
      }
    }
  }
}

async function noted(measurement: Measurement, node: string): ReturnType<typeof measure> {
  const { engine, model, threads, batch } = measurement;
  const result = await measure(measurement, node);
  process.stderr.write(
    `${model}, ${threads} thread(s), batch ${batch}, ${engine}: ${(Math.min(...result.steady) * 1000).toFixed(1)} ms\n`,
  );
  return result;
}

function describePackage(engine: EngineName): Report['packages'][number] {
  if (engine === 'clip-oracle') {
    const [{ unpackedSize }] = JSON.parse(
      execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
        cwd: packageFile('.'),
        encoding: 'utf8',
        shell: process.platform === 'win32',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    ) as [{ unpackedSize: number }];
    return { name: engine, version: ownPackage().version, megabytes: unpackedSize / 1e6 };
  }
  const name = engine === 'tfjs-wasm' ? '@tensorflow/tfjs-backend-wasm' : engine;
  return { name, version: peerVersion(name), megabytes: sizeOf(peerFolder(name)) / 1e6 };
}

function sizeOf(path: string): number {
  const stat = lstatSync(path);
  return stat.isDirectory() ? readdirSync(path).reduce((sum, entry) => sum + sizeOf(join(path, entry)), 0) : stat.size;
}

/** Writes only what was asked for. */
function write(file: string | undefined, content: () => string): void {
  if (file === undefined) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content());
}

try {
  const report =
    options.from === undefined ? await compare() : (JSON.parse(readFileSync(options.from, 'utf8')) as Report);
  write(options.json, () => `${JSON.stringify(report, null, 1)}\n`);
  write(options.markdown, () => markdownTable(report));
  process.stdout.write(textTable(report));
  write(options.svg, () => chart(report));
  // A comparison in which we gave no result has failed; a peer that cannot do something is only noted.
  if (report.failures.some((failure) => failure.includes('clip-oracle,'))) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`bench -- peers: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
