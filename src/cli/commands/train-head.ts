// clip-oracle train-head: an fc head by logistic regression, from embedded features or from images in folders by class.

import type { TrainingData } from '../../features/labelled.ts';
import type { Output } from '../../formats/atomic-file.ts';
import type { TrainedHead } from '../../train/head/trained-head.ts';
import {
  argument,
  defineCommand,
  file,
  flag,
  hiding,
  longName,
  value,
  type Context,
  type OptionsOf,
  type OptionSpec,
} from '../command.ts';
import { CommandError, OK, SOME_FAILED } from '../errors.ts';
import { commonOptions, imageOptions, modelChanges, pixelOptions } from '../options.ts';
import { positive, positiveInteger, seed, share } from '../values.ts';

const out: OptionSpec<string[]> = {
  kind: 'file',
  flags: '-o, --out <file>',
  help: 'where the head goes: .safetensors (with names and threshold), .pth for PyTorch; may be given twice',
  default: [],
  shown: '',
  parse: (file, files) => [...files, file],
};

/** Of images: they mean nothing to features that are embedded already. */
const ofImages = { ...hiding(imageOptions, ['input']), ...modelChanges };

const options = {
  labels: file(
    '--labels <file>',
    'the rows\' labels: one per line; .csv with path,label; .json, a list or {"path": "label"}',
  ),
  classes: value(
    '--classes <names>',
    'the classes in order, a,b,…; of two, the second is what a yes means (default: sorted)',
    (names) => names.split(',').map((name) => name.trim()),
  ),
  C: value('--C <n>', 'inverse strength of the penalty (default: 1)', positive),
  l2: value('--l2 <n>', "the penalty instead: mean loss + l2/2·Σ W², PyTorch's weight_decay", positive),
  validation: value('--validation <share>', 'the share of each class that is held out; 0: none', share, {
    default: 0.2,
  }),
  seed: value('--seed <n>', 'which are held out', seed, { default: 0 }),
  balanced: flag('--balanced', 'weigh classes as if all had equally many samples', false),
  maxIterations: value('--max-iterations <n>', 'of the optimiser', positiveInteger, { default: 1000 }),
  json: flag('--json', 'print one JSON object', false),
  out,
  ...ofImages,
  ...commonOptions,
};

type Options = OptionsOf<typeof options>;

export const trainHead = defineCommand({
  name: 'train-head',
  summary: 'train a linear head on features, or on images in folders by class',
  description:
    'Trains an fc head for `classify --head` by logistic regression: C·Σ loss + ½·Σ W² is minimised, as ' +
    "scikit-learn's LogisticRegression does it, to the same numbers.\n" +
    'Two classes make a head with one output (the probability of the second), more make one output each. A ' +
    'fifth of each class is held out to measure on\n' +
    'and to choose the threshold by. Prints accuracy (of each class too) and average precision. The same ' +
    'input gives the same bits on every machine.',
  arguments: [
    argument(
      '<features|folder...>',
      'files that embed --out wrote (.npy, .npz, .safetensors, .jsonl) with --labels; or folders, each with ' +
        'one folder of images per class',
    ),
  ],
  options,
  examples: [
    [
      'clip-oracle train-head photos --model ViT-L/14 --pipeline fake-detect --classes 0_real,1_fake --out ' +
        'head.safetensors --out fc_weights.pth',
      'photos/0_real and photos/1_fake',
    ],
    ['clip-oracle embed photos --model ViT-B/32 --out features.safetensors', 'or embed once …'],
    [
      'clip-oracle train-head features.safetensors --labels labels.csv --C 10 --out head.safetensors',
      '… and train often',
    ],
    ['clip-oracle classify new.jpg --model ViT-B/32 --head head.safetensors', 'and use it'],
  ],
  run: ([inputs], options, context) => trainOn(inputs, options, context),
});

async function trainOn(inputs: string[], options: Options, { given }: Context): Promise<number> {
  const { isFolder } = await import('../../features/labelled.ts');
  const { standardOutput } = await import('../../formats/atomic-file.ts');
  const { reportJson, reportTable } = await import('../training-report.ts');
  const { withOutputs } = await import('../with-output.ts');
  checkOptions(options);
  const folders = await Promise.all(inputs.map(isFolder));
  if (new Set(folders).size === 2)
    throw new CommandError(
      'train-head expected either files of features or folders of images, got both; embed the images first',
    );
  if (!folders[0]) checkForFeatures(options, given);
  else if (options.labels !== undefined)
    throw new CommandError(
      'train-head expected no --labels with folders, whose subfolders are the classes; leave it out',
    );
  const { data, head } = await withOutputs(options.out, async (outputs) => {
    const data = await (folders[0] ? fromFolders(inputs, options) : fromFeatures(inputs, options.labels!));
    if (data.failed > 0 && !options.quiet)
      process.stderr.write(
        `clip-oracle: ${data.failed} of ${data.failed + data.labels.length} images failed and were passed over\n`,
      );
    const head = await train(data, options);
    await save(head, data, options.out, outputs);
    return { data, head };
  });
  await standardOutput.write(options.json ? reportJson(head, data, options) : reportTable(head, data, options));
  if (!head.report.converged && !options.quiet)
    process.stderr.write(
      `clip-oracle: ${options.maxIterations} iterations were not enough, the weights are up to ` +
        `${head.report.distance.toPrecision(2)} off; give more with --max-iterations, or a smaller --C\n`,
    );
  const { isFailure } = await import('../run-images.ts');
  return folders[0] && isFailure(data, options) ? SOME_FAILED : OK;
}

function checkOptions({ C, l2, input, out }: Options): void {
  if (C !== undefined && l2 !== undefined)
    throw new CommandError('train-head expected either --C or --l2, got both; leave one out');
  if (input !== undefined)
    throw new CommandError(
      'train-head expected features or folders, got --input; embed it first: clip-oracle embed --input … --out ' +
        'features.safetensors',
    );
  for (const file of out)
    if (!/\.(?:safetensors|pth|pt)$/i.test(file))
      throw new CommandError(`--out expected a name that ends in .safetensors, .pth or .pt, got "${file}"; rename it`);
}

function checkForFeatures({ labels }: Options, given: Context['given']): void {
  if (labels === undefined)
    throw new CommandError(
      'train-head expected --labels FILE for features, got none; name a file with one label per row, or path,label',
    );
  const idle = Object.entries(ofImages).find(([name]) => given(name))?.[1];
  if (idle !== undefined)
    throw new CommandError(
      `train-head expected no ${longName(idle)} with features, which are embedded already; leave it out`,
    );
}

const fromFeatures = async (files: string[], labels: string): Promise<TrainingData & { passedOver: number }> => ({
  ...(await (await import('../../features/labelled.ts')).fromFiles(files, labels)),
  passedOver: 0,
});

async function fromFolders(folders: string[], options: Options): Promise<TrainingData & { passedOver: number }> {
  const { fromImages, labelledImages } = await import('../../features/labelled.ts');
  const { reportFailure, reportPassedOver, withProgress } = await import('../run-images.ts');
  const { withModel } = await import('../with-model.ts');
  const images = await labelledImages(folders);
  const { adapter, batch, normalize, quiet } = options;
  const data = await withModel(options, (loaded) =>
    withProgress({ unit: 'images', quiet }, (onProgress) =>
      fromImages(images, loaded, { ...pixelOptions(options), batch, normalize, onProgress, onFailure: reportFailure }),
    ),
  );
  return { ...data, origin: { ...data.origin, adapter }, passedOver: reportPassedOver(images.passedOver, options) };
}

async function train(
  { features, labels }: TrainingData,
  { C, l2, validation, seed, balanced, maxIterations, classes, quiet }: Options,
): Promise<TrainedHead> {
  const { trainHead } = await import('../../train/head/train-head.ts');
  const { withProgress } = await import('../run-images.ts');
  const settings = { C, l2, validation, seed, balanced, maxIterations, classes };
  try {
    return await withProgress({ unit: 'iterations', quiet }, (onProgress) =>
      trainHead(features, labels, { ...settings, onIteration: (done) => onProgress({ done, total: null }) }),
    );
  } catch (error) {
    throw error instanceof RangeError || error instanceof TypeError
      ? new CommandError(error.message.replace(/^trainHead/, 'train-head'))
      : error;
  }
}

async function save(
  head: TrainedHead,
  { origin }: TrainingData,
  files: readonly string[],
  outs: readonly Output[],
): Promise<void> {
  const { headBytes } = await import('../../train/head/save-head.ts');
  const metadata = Object.fromEntries(
    Object.entries(origin).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  for (const [i, out] of outs.entries()) await out.write(await headBytes(head, files[i], metadata));
}
