// clip-oracle train-head: an fc head by logistic regression, from embedded features or from images in folders by class.

import type { Command } from 'commander';
import type { TrainedHead } from '../../train/head/train-head.ts';
import { CommandError, OK, SOME_FAILED } from '../errors.ts';
import type { ImageOptions } from '../options.ts';
import { AtomicFile, standardOutput } from '../../formats/atomic-file.ts';
import { Progress } from '../terminal/progress.ts';
import { fromFiles, fromFolders, isFolder, type TrainingData } from '../../features/labelled.ts';
import { reportJson, reportTable } from '../training-report.ts';

export interface TrainHeadCommandOptions extends Omit<ImageOptions, 'out'> {
  labels?: string;
  classes?: string[];
  C?: number;
  l2?: number;
  validation: number;
  seed: number;
  balanced: boolean;
  maxIterations: number;
  json: boolean;
  out: string[];
}

/** Options that mean nothing to features that are there already. */
const OF_IMAGES = [
  'model',
  'weights',
  'pipeline',
  'normalize',
  'threads',
  'precision',
  'executor',
  'residency',
  'batch',
  'adapter',
  'adapterAlpha',
  'adapterParts',
  'peftAsIs',
  'resolution',
];

/** @returns the exit code */
export async function trainHeadOn(
  inputs: string[],
  options: TrainHeadCommandOptions,
  command: Command,
): Promise<number> {
  if (options.C !== undefined && options.l2 !== undefined)
    throw new CommandError('train-head expected either --C or --l2, got both; leave one out');
  if (options.input !== undefined)
    throw new CommandError(
      'train-head expected features or folders, got --input; embed it first: clip-oracle embed --input … --out ' +
        'features.safetensors',
    );
  for (const file of options.out)
    if (!/\.(?:safetensors|pth|pt)$/i.test(file))
      throw new CommandError(`--out expected a name that ends in .safetensors, .pth or .pt, got "${file}"; rename it`);
  const folders = await Promise.all(inputs.map(isFolder));
  if (new Set(folders).size === 2)
    throw new CommandError(
      'train-head expected either files of features or folders of images, got both; embed the images first',
    );
  if (!folders[0] && options.labels === undefined)
    throw new CommandError(
      'train-head expected --labels FILE for features, got none; name a file with one label per row, or path,label',
    );
  if (folders[0] && options.labels !== undefined)
    throw new CommandError(
      'train-head expected no --labels with folders, whose subfolders are the classes; leave it out',
    );
  const idle = folders[0]
    ? undefined
    : command.options.find(
        (option) =>
          OF_IMAGES.includes(option.attributeName()) && command.getOptionValueSource(option.attributeName()) === 'cli',
      );
  if (idle !== undefined)
    throw new CommandError(
      `train-head expected no ${idle.long} with features, which are embedded already; leave it out`,
    );

  const outs: AtomicFile[] = [];
  try {
    // The files before the work: a wrong name should not cost it.
    for (const file of options.out) outs.push(await AtomicFile.create(file));
    const data = folders[0]
      ? await fromFolders(inputs, { ...options, out: options.out[0] ?? '' })
      : await fromFiles(inputs, options.labels!);
    if (data.failed > 0 && !options.quiet)
      process.stderr.write(
        `clip-oracle: ${data.failed} of ${data.failed + data.labels.length} images failed and were passed over\n`,
      );
    const head = await train(data, options);
    await save(head, data, options.out, outs);
    await standardOutput.write(options.json ? reportJson(head, data, options) : reportTable(head, data, options));
    if (!head.report.converged && !options.quiet)
      process.stderr.write(
        `clip-oracle: ${options.maxIterations} iterations were not enough, the weights are up to ` +
          `${head.report.distance.toPrecision(2)} off; give more with --max-iterations, or a smaller --C\n`,
      );
    return folders[0] && data.failed > 0 ? SOME_FAILED : OK;
  } catch (error) {
    for (const out of outs) await out.discard();
    throw error;
  }
}

async function train(
  { features, labels }: TrainingData,
  { C, l2, validation, seed, balanced, maxIterations, classes, quiet }: TrainHeadCommandOptions,
): Promise<TrainedHead> {
  const { trainHead } = await import('../../train/head/train-head.ts');
  const progress = await Progress.create({ unit: 'iterations', total: null, quiet });
  try {
    return await trainHead(features, labels, {
      C,
      l2,
      validation,
      seed,
      balanced,
      maxIterations,
      classes,
      onIteration: (iteration) => progress.update(iteration),
    });
  } catch (error) {
    throw error instanceof RangeError || error instanceof TypeError
      ? new CommandError(error.message.replace(/^trainHead/, 'train-head'))
      : error;
  } finally {
    progress.stop();
  }
}

async function save(
  head: TrainedHead,
  { origin }: TrainingData,
  files: readonly string[],
  outs: readonly AtomicFile[],
): Promise<void> {
  const { headBytes } = await import('../../train/head/save-head.ts');
  const metadata = Object.fromEntries(
    Object.entries(origin).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  for (const [i, out] of outs.entries()) {
    await out.write(await headBytes(head, files[i], metadata));
    await out.finish();
  }
}
