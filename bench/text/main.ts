// npm run bench -- text: 1,000 prompts of at most 20 tokens through ViT-B/32's text tower, ours and onnxruntime's, each
// in a fresh process that verifies first.

import { execFileSync } from 'node:child_process';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import Table from 'cli-table3';
import { packageFile } from '../../src/clip/package-file.ts';
import { describeEnvironment, environment } from '../environment.ts';
import { measureText } from '../measure.ts';
import { installPeers } from '../peers/install.ts';
import { writeWeights } from '../peers/weights.ts';
import type { TextMeasurement, TextResult } from './child.ts';
import { lengthOf, longPrompts, ordinaryPrompts } from './prompts.ts';

const all = availableParallelism();
const ENGINES = ['clip-oracle', 'onnxruntime-web', 'onnxruntime-node'] as const;

interface Options {
  engines: TextMeasurement['engine'][];
  threads: string[];
  prompts: TextMeasurement['prompts'][];
  count: string;
  peerCount: string;
  batches: string[];
  rounds: string;
  node: string;
  shared: string;
  folder: string;
  json?: string;
}

const options = new Command('npm run bench -- text')
  .description(
    "Prompts through ViT-B/32's text tower. A peer computes 77 tokens of each, so a part of the prompts says " +
      'how long all take; its best batch counts.',
  )
  .addOption(
    new Option('--engines <names...>', 'engines to measure')
      .choices(ENGINES)
      .default(['clip-oracle', 'onnxruntime-web']),
  )
  .addOption(new Option('--threads <numbers...>', 'numbers of threads').default([...new Set(['1', `${all}`])]))
  .addOption(
    new Option('--prompts <kinds...>', 'ordinary: 4 to 20 tokens; long: 20 each')
      .choices(['ordinary', 'long'])
      .default(['ordinary', 'long']),
  )
  .addOption(new Option('--count <n>', 'prompts').default('1000'))
  .addOption(new Option('--peer-count <n>', 'prompts that a peer encodes; its time is multiplied').default('32'))
  .addOption(new Option('--batches <numbers...>', 'texts per call of a peer').default(['1', '8']))
  .addOption(new Option('--rounds <n>', 'processes per combination, alternating').default('2'))
  .addOption(
    new Option('--node <path>', 'Node binary that the measuring processes run under').default(process.execPath),
  )
  .addOption(
    new Option('--shared <folder>', 'folder that holds peers/ViT-B-32.text.onnx')
      .env('CLIP_ORACLE_SHARED')
      .default(packageFile('../shared')),
  )
  .addOption(
    new Option('--folder <folder>', 'where the weights are written, and kept for the next run').default(
      join(tmpdir(), 'clip-oracle-bench'),
    ),
  )
  .option('--json <file>', 'write all measurements')
  .parse()
  .opts<Options>();

/** What is measured, in one round. */
function* combinations(): Generator<Omit<TextMeasurement, 'weights'>> {
  for (const threads of options.threads.map(Number)) {
    for (const engine of options.engines) {
      // To a peer all prompts are 77 tokens long.
      if (engine === 'clip-oracle')
        for (const prompts of options.prompts)
          yield { engine, threads, prompts, count: Number(options.count), batch: Number(options.count) };
      else
        for (const batch of options.batches.map(Number))
          yield { engine, threads, prompts: 'ordinary', count: Number(options.peerCount), batch };
    }
  }
}

/** Seconds for as many prompts as were asked for. */
const seconds = ({ seconds: taken, count }: TextResult): number => (taken * Number(options.count)) / count;
const cpuSeconds = ({ cpu, count }: TextResult): number => (cpu * Number(options.count)) / count;
const fastest = (results: readonly TextResult[]): TextResult | undefined =>
  [...results].sort((a, b) => seconds(a) - seconds(b))[0];

try {
  const peers = options.engines.some((engine) => engine !== 'clip-oracle');
  if (peers) installPeers();
  const weights = peers ? writeWeights('ViT-B/32.text', options.folder, options.shared).weights : '';
  const node = execFileSync(options.node, ['--version'], { encoding: 'utf8' }).trim().slice(1);
  const results: TextResult[] = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const work of combinations()) {
      process.stderr.write(`${work.engine}, ${work.threads} thread(s), ${work.prompts}, batch ${work.batch} …\n`);
      const result = await measureText({ ...work, weights }, options.node);
      const other = results.find(
        (r) =>
          r.engine === 'clip-oracle' &&
          result.engine === 'clip-oracle' &&
          r.prompts === result.prompts &&
          r.digest !== result.digest,
      );
      if (other !== undefined) throw new Error(`${result.threads} thread(s) gave other bits than ${other.threads}`);
      const different = results.find(
        (r) => r.prompts === result.prompts && r.sample.some((value, i) => Math.abs(value - result.sample[i]) > 1e-4),
      );
      if (different !== undefined)
        throw new Error(`${result.engine} and ${different.engine} give different features for the first prompt`);
      results.push(result);
    }
  }
  const lengths = (list: string[]): string => {
    const tokens = list.map(lengthOf);
    return (
      `${Math.min(...tokens)} to ${Math.max(...tokens)} tokens, ` +
      `${(tokens.reduce((sum, n) => sum + n, 0) / tokens.length).toFixed(1)} on average`
    );
  };
  process.stdout.write(
    `${describeEnvironment(environment(node))}\n${options.count} prompts through ViT-B/32's text tower; ordinary: ` +
      `${lengths(ordinaryPrompts(Number(options.count)))}; long: ${lengths(longPrompts(Number(options.count)))}\n`,
  );
  const table = new Table({
    head: [
      'engine',
      'threads',
      'prompts',
      'batch',
      'seconds',
      'CPU seconds',
      'peak MB',
      'ours is faster (CPU time)',
      "rel. RMS error (PyTorch's)",
    ],
    style: { head: [], border: [], compact: true },
  });
  for (const threads of options.threads.map(Number)) {
    for (const engine of options.engines) {
      for (const prompts of engine === 'clip-oracle' ? options.prompts : ['77 tokens']) {
        const best = fastest(
          results.filter(
            (r) => r.engine === engine && r.threads === threads && (engine !== 'clip-oracle' || r.prompts === prompts),
          ),
        );
        if (best === undefined) continue;
        const times =
          engine === 'clip-oracle'
            ? ''
            : options.prompts
                .map((kind) => {
                  const own = fastest(
                    results.filter((r) => r.engine === 'clip-oracle' && r.threads === threads && r.prompts === kind),
                  );
                  return own === undefined
                    ? ''
                    : `${kind} ${(seconds(best) / seconds(own)).toFixed(1)} times ` +
                        `(${(cpuSeconds(best) / cpuSeconds(own)).toFixed(1)})`;
                })
                .join(', ');
        table.push([
          `${engine} ${best.version}`,
          threads,
          prompts,
          engine === 'clip-oracle' ? 'all' : best.batch,
          seconds(best).toFixed(2),
          cpuSeconds(best).toFixed(2),
          (best.peak / 1e6).toFixed(0),
          times,
          `${best.error.toExponential(1)} (${best.pytorchError.toExponential(1)})`,
        ]);
      }
    }
  }
  process.stdout.write(`${table.toString()}\n`);
  if (options.json !== undefined)
    writeFileSync(
      options.json,
      `${JSON.stringify({ machine: environment(node), results: results.map((result) => ({ ...result, sample: undefined })) }, null, 1)}\n`,
    );
} catch (error) {
  process.stderr.write(`bench -- text: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
