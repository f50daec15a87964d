// clip-oracle zero-shot: which of some texts describes an image best.

import { existsSync } from 'node:fs';
import type { CLIP } from '../../clip/clip.ts';
import type { Tensor } from '../../ops/tensor.ts';
import type { Scorer } from '../answer-images.ts';
import type { Labels } from '../class-names.ts';
import { defineCommand, flag, hiding, type OptionsOf, type OptionSpec } from '../command.ts';
import { CommandError } from '../errors.ts';
import {
  answerOptions,
  commonOptions,
  imageOptions,
  images,
  logitsOption,
  modelChanges,
  topOption,
} from '../options.ts';

const prompt: OptionSpec<string[] | undefined> = {
  kind: 'text',
  flags: '--prompt <text...>',
  help: 'a text to choose from, as it stands; several, or the option several times (after the images)',
};

/** true: the option without a file, which means the bundled names. */
const labelsFile: OptionSpec<string | true | undefined> = {
  kind: 'file',
  flags: '--labels-file [file]',
  help: 'names to choose from, one per line or a .json list, put into the template (default: the bundled 1,427 names)',
};

const template: OptionSpec<string[] | undefined> = {
  kind: 'text',
  flags: '--template <text>',
  help:
    'the text around a name, with {} for the name (default for names: "a picture of {}"); given several times, the ' +
    'unit features of a name in all of them are averaged',
  parse: (text, previous) => [...(previous ?? []), text],
};

const options = {
  ...hiding(imageOptions, ['normalize']),
  ...modelChanges,
  prompt,
  labelsFile,
  template,
  truncate: flag(
    '--truncate',
    'cut texts of more tokens than the model reads (mostly 77) instead of refusing them',
    false,
  ),
  ...topOption('how many of the best texts'),
  ...logitsOption,
  ...answerOptions,
  ...commonOptions,
};

type Options = OptionsOf<typeof options>;

export const zeroShot = defineCommand({
  name: 'zero-shot',
  summary: 'say which of some texts fits each image best',
  description:
    "Ranks texts by how well they describe each image: cosine similarity times the model's temperature, " +
    'softmax over all texts.\n' +
    'A table on a terminal, else JSON Lines: {"path","label","top":[{"label","logit","probability"},…]}.\n' +
    'Without texts, mini-vit chooses among the 1,427 names of the emoji that it was trained on. It is ' +
    'small and knows nothing else: words outside those names mean nothing to it.',
  arguments: [images],
  options,
  examples: [
    ['clip-oracle zero-shot picture.png', 'which of 1,427 names?'],
    [
      'clip-oracle zero-shot photo.jpg --model ViT-B/32 --prompt "a photo of a cat" "a photo of a dog"',
      'which of two sentences?',
    ],
    [
      'clip-oracle zero-shot photos --model ViT-L/14 --labels-file animals.txt --template "a photo of a ' +
        '{}" --format jsonl',
      'a folder, names from a file',
    ],
  ],
  run: ([paths], options) => answer(paths, options),
});

/** What the bundled models were trained with, and a good one for CLIP's. */
const TEMPLATE = 'a picture of {}';

async function answer(images: string[], options: Options): Promise<number> {
  const { answerImages } = await import('../answer-images.ts');
  const { openSource } = await import('../run-images.ts');
  const { labels, templates } = await textsOf(options);
  const mistaken = images.length === 0 ? options.prompt?.find((prompt) => existsSync(prompt)) : undefined;
  if (mistaken !== undefined && options.input === undefined)
    throw new CommandError(
      `expected an image, got none: "${mistaken}" was taken as a prompt; name the images first, then --prompt`,
    );
  const source = await openSource(images, options);
  return answerImages(source, options, labels, (model) => scorer(model, templates, labels, options));
}

/** The names, and the texts around them: a prompt is its own name. */
async function textsOf({
  prompt,
  labelsFile,
  template,
  model,
}: Options): Promise<{ labels: Labels; templates: readonly string[] }> {
  const { bundledLabels, readLabels } = await import('../class-names.ts');
  if (prompt !== undefined && labelsFile !== undefined)
    throw new CommandError('expected either --prompt or --labels-file, got both; leave one out');
  const without = template?.find((pattern) => !pattern.includes('{}'));
  if (without !== undefined)
    throw new CommandError(`--template expected a text with {} where the name goes, got "${without}"`);
  if (prompt !== undefined) return { labels: { names: prompt, signs: null }, templates: template ?? ['{}'] };
  if (labelsFile === undefined && model !== 'mini-vit')
    throw new CommandError(
      'expected texts to choose from, got none; give --prompt TEXT for each, or --labels-file FILE',
    );
  if (typeof labelsFile === 'string' && !existsSync(labelsFile))
    throw new CommandError(
      `--labels-file expected a file, got "${labelsFile}", which does not exist; give single texts with --prompt`,
    );
  const labels = typeof labelsFile === 'string' ? await readLabels(labelsFile, '--labels-file') : await bundledLabels();
  if (labels.names.length === 0)
    throw new CommandError(`--labels-file expected one name per line, got none in ${String(labelsFile)}`);
  return { labels, templates: template ?? [TEMPLATE] };
}

/** From a feature to the best texts; the logits are in the model's precision. */
async function scorer(model: CLIP, templates: readonly string[], labels: Labels, options: Options): Promise<Scorer> {
  const { default: ndarray } = await import('ndarray');
  const { classFeatures } = await import('../../features/class-features.ts');
  const { reference } = await import('../../ops/reference.ts');
  const { logitsOf } = await import('../../clip/logits.ts');
  const { scores } = await import('../scores.ts');
  const texts = await classFeatures(model, labels.names, { templates, truncate: options.truncate });
  const scale = await model.logitScale();
  const E = model.architecture.embed;
  return (features, row) => {
    const image = reference.l2Normalize(ndarray(features.data.subarray(row * E, (row + 1) * E), [1, E]) as Tensor);
    const { data: logits } = logitsOf(image, texts, scale);
    const top = scores(logits, labels, options.top);
    return { label: top[0].label, logits, top, withLogits: options.logits === true };
  };
}
