// clip-oracle golden: makes golden packs, and compares a dump with one.

import { join } from 'node:path';
import { MODELS } from '../../clip/models.ts';
import type { PackResult } from '../../oracle/golden/check.ts';
import { CLAIMS } from '../../oracle/types.ts';
import { defineCommand, file, flag, text, value, type OptionsOf } from '../command.ts';
import { CommandError, OK, SOME_FAILED } from '../errors.ts';
import { commonOptions } from '../options.ts';
import { short } from '../terminal/numbers.ts';
import { listOf, positiveInteger, seed } from '../values.ts';

const options = {
  model: text('-m, --model <name>', 'model by name (see `clip-oracle models`)'),
  all: flag('--all', "OpenAI's nine, each in a folder of its name", false),
  seed: value('--seed <n>', 'of the weights and the image', seed, { default: 0 }),
  claims: value(
    '--claims <list>',
    `tolerances of these: some of ${CLAIMS.join(',')} (default: all); with --check the one that the dump ` +
      'is held to (default: float32)',
    listOf(CLAIMS),
  ),
  out: file('-o, --out <folder>', 'where the pack goes'),
  check: file('--check <dump>', 'a dump of the same image through the same weights'),
  pack: file('--pack <folder>', 'the pack it is compared with'),
  map: file('--map <file>', 'JSON {"their name": "our path"}, for dumps with other names'),
  json: flag('--json', 'print the comparison as one JSON object', false),
  threads: value(
    '-t, --threads <n>',
    'threads that compute, at most one per core (default: all that help); the bits are the same',
    positiveInteger,
  ),
  ...commonOptions,
};

type Options = OptionsOf<typeof options>;

export const golden = defineCommand({
  name: 'golden',
  summary: "make a golden pack for another project's tests, or check a dump with one",
  description:
    'Writes what a model gives for synthetic weights and the synthetic image: for every layer its hash in ' +
    'float32, samples of the float64 truth and the tolerance of each\n' +
    'precision, with a README that says how to make weights and image and how to compare, in any language. ' +
    '25 to 500 kB, to be checked into a repository.\n' +
    '--check compares a dump with a pack, by hashes and samples; exit code 1: some layer is wrong. (verify ' +
    'compares every element, and looks for causes.)',
  arguments: [],
  options,
  examples: [
    ['clip-oracle golden --model ViT-B/32 --seed 0 --out golden/ViT-B-32', 'one pack'],
    ['clip-oracle golden --all --out golden', 'packs of the nine architectures'],
    ['clip-oracle golden --check dump.npz --pack golden/ViT-B-32 --claims float16', 'no model, no weights needed'],
  ],
  async run(_values, options) {
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
    for (const name of modelsOf(options)) await make(name, all ? join(out, fileName(name)) : out, options);
    return OK;
  },
});

function modelsOf({ all, model }: Options): string[] {
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

async function make(model: string, folder: string, { seed, claims, threads, quiet }: Options): Promise<void> {
  const { holdSignals } = await import('../interrupt.ts');
  const { Progress } = await import('../terminal/progress.ts');
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

async function compare(path: string, pack: string, { claims = ['float32'], map, json }: Options): Promise<number> {
  if (claims.length !== 1)
    throw new CommandError(
      `--claims expected one with --check, got ${claims.join(', ')}; name the one that the dump is held to`,
    );
  const { standardOutput } = await import('../../formats/atomic-file.ts');
  const { openDump } = await import('../../formats/dump/open.ts');
  const { checkGoldenPack } = await import('../../oracle/golden/check.ts');
  const { readMap } = await import('../verify-inputs.ts');
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
