// clip-oracle golden: makes golden packs, and compares a dump with one.

import { join } from 'node:path';
import type { Claim } from '../../oracle/types.ts';
import type { PackResult } from '../../oracle/golden/check.ts';
import { CommandError, OK, SOME_FAILED } from '../errors.ts';
import { holdSignals } from '../interrupt.ts';
import { standardOutput } from '../../formats/atomic-file.ts';
import { Progress } from '../terminal/progress.ts';
import { short } from './tolerances.ts';

export interface GoldenCommandOptions {
  model?: string;
  all?: boolean;
  seed: number;
  out?: string;
  /** Default: all where a pack is made, float32 where a dump is held to one. */
  claims?: readonly Claim[];
  check?: string;
  pack?: string;
  map?: string;
  json?: boolean;
  threads?: number;
  quiet?: boolean;
}

/** @returns the exit code */
export async function golden(options: GoldenCommandOptions): Promise<number> {
  const { check, pack, out, all, model } = options;
  if (check !== undefined || pack !== undefined) {
    if (check === undefined || pack === undefined)
      throw new CommandError(
        `expected --check DUMP and --pack FOLDER together, got ${check === undefined ? '--pack' : '--check'} ` +
          'alone; add the other',
      );
    if (out !== undefined || all || model !== undefined)
      throw new CommandError(
        'expected either --check with --pack, or --model (or --all) with --out, got both; leave one out',
      );
    return compare(check, pack, options);
  }
  if (out === undefined) throw new CommandError('expected --out, got none; say in which folder the pack goes');
  if (all === (model !== undefined))
    throw new CommandError(`expected --model or --all, got ${all ? 'both; leave one out' : 'neither; name a model'}`);
  for (const name of await modelsOf(options)) await make(name, all ? join(out, fileName(name)) : out, options);
  return OK;
}

async function modelsOf({ all, model }: GoldenCommandOptions): Promise<string[]> {
  const { MODELS } = await import('../../clip/models.ts');
  if (all) return MODELS.filter(({ file }) => file !== null).map(({ name }) => name);
  const known = MODELS.find(({ name }) => name === model);
  if (known === undefined)
    throw new CommandError(
      `--model expected the name of a model, whose shapes are known, got "${model}"; name one of ` +
        `${MODELS.map(({ name }) => name).join(', ')}`,
    );
  return [known.name];
}

/** `ViT-B/32` as OpenAI's files have it: ViT-B-32. */
const fileName = (model: string): string => model.replace('/', '-');

async function make(
  model: string,
  folder: string,
  { seed, claims, threads, quiet }: GoldenCommandOptions,
): Promise<void> {
  const { makeGoldenPack } = await import('../../oracle/golden/make.ts');
  const progress = await Progress.create({ unit: `modules of ${model}`, total: null, quiet });
  let forget = (): void => undefined;
  try {
    const pack = await makeGoldenPack(folder, {
      model,
      seed,
      claims,
      threads,
      onProgress({ done, total }) {
        progress.update(done, total);
        // What follows is written in one go: a signal waits until it is complete.
        if (done === total) forget = holdSignals();
      },
    });
    progress.stop();
    if (!quiet) process.stderr.write(`clip-oracle: ${model}, ${pack.modules.length} modules, in ${folder}\n`);
  } finally {
    forget();
    progress.stop();
  }
}

async function compare(
  path: string,
  pack: string,
  { claims = ['float32'], map, json }: GoldenCommandOptions,
): Promise<number> {
  if (claims.length !== 1)
    throw new CommandError(
      `--claims expected one with --check, got ${claims.join(', ')}; name the one that the dump is held to`,
    );
  const { openDump } = await import('../../formats/dump/open.ts');
  const { checkGoldenPack } = await import('../../oracle/golden/check.ts');
  const { readMap } = await import('./verify.ts');
  const dump = await openDump(path);
  try {
    const names = map === undefined ? {} : await readMap(map);
    const result = await checkGoldenPack(dump, pack, { claim: claims[0], map: names });
    await standardOutput.write(json ? `${JSON.stringify(result)}\n` : asText(result));
    return result.verdict === 'pass' ? OK : SOME_FAILED;
  } finally {
    await dump.close();
  }
}

function asText({ verdict, firstWrong, model, claim, layers, missing }: PackResult): string {
  const width = Math.max(...layers.map(({ name }) => name.length));
  const lines = layers.map((layer) =>
    (
      `${layer.name.padEnd(width)}  ${layer.verdict.padEnd(5)}  ` +
      `${layer.verdict === 'equal' ? '' : `relRms ${short(layer.relRms)}, allowed ${short(layer.tolerance)}`}`
    ).trimEnd(),
  );
  const equal = layers.filter((layer) => layer.verdict === 'equal').length;
  const end = verdict === 'pass' ? 'pass' : `fail: ${firstWrong} is the first that is wrong`;
  return (
    `${lines.join('\n')}\n\n${model}, ${claim}: ${end}. ${layers.length} layers, ${equal} of them equal to the ` +
    `bit${missing.length > 0 ? `; ${missing.length} are not in the dump` : ''}.\n`
  );
}
