// clip-oracle classify: images through the image tower and a linear head to named classes.

import { existsSync } from 'node:fs';
import type { Head } from '../../clip/head.ts';
import type { CLIP } from '../../clip/clip.ts';
import { CHANNELS } from '../../clip/models.ts';
import type { Tensor } from '../../ops/tensor.ts';
import type { Scorer } from '../answer-images.ts';
import type { Labels } from '../class-names.ts';
import { defineCommand, file, text, value, type OptionsOf } from '../command.ts';
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
import { probability } from '../values.ts';

const options = {
  ...imageOptions,
  ...modelChanges,
  head: file(
    '--head <file>',
    'a head: .pth, .pt or .safetensors with weight (classes, E) and bias (default: the emoji head of mini-vit)',
  ),
  labels: text('--labels <names>', "the classes' names: a,b,… or a file (.txt, one per line, or .json)"),
  threshold: value(
    '--threshold <p>',
    "a one-output head says yes above this probability (default: the head file's own, else 0.5)",
    probability,
  ),
  ...topOption('how many of the best classes'),
  ...logitsOption,
  ...answerOptions,
  ...commonOptions,
};

type Options = OptionsOf<typeof options>;

export const classify = defineCommand({
  name: 'classify',
  summary: 'name what is in each image',
  description:
    'Sends each image through CLIP and a linear head to named classes. Without options: mini-vit and its ' +
    'head, which name the emoji in a picture.\n' +
    'A table on a terminal, else JSON Lines: {"path","label","top":[{"label","logit","probability"},…]}; ' +
    'with a one-output head {"path","label","logit","probability"}.\n' +
    'mini-vit is small and knows emoji only, one in a picture; similar faces, left and right, and clock ' +
    'times are confused.',
  arguments: [images],
  options,
  examples: [
    ['clip-oracle classify picture.png', 'which emoji is it?'],
    ['clip-oracle classify photos --format jsonl --top 1', 'one line per image'],
    [
      'clip-oracle classify photo.jpg --model ViT-L/14 --head fc_weights.pth --pipeline fake-detect ' +
        '--labels real,fake',
      'UniversalFakeDetect',
    ],
  ],
  async run([paths], options) {
    const { answerImages } = await import('../answer-images.ts');
    const { openSource } = await import('../run-images.ts');
    const source = await openSource(paths, options);
    const { head, labels } = await headOf(options);
    if (head.normalized) options = { ...options, normalize: true };
    return answerImages(source, options, labels, (model) => scorer(model, head, labels, options));
  },
});

/** The head and its labels, before the model is read: a wrong file should not cost the reading of a gigabyte. */
async function headOf(options: Options): Promise<{ head: Head; labels: Labels | null }> {
  const { checkHeadFits, loadHead } = await import('../../clip/head.ts');
  const { bundledFile } = await import('../../clip/weights/bundled.ts');
  const { bundledLabels, checkLabels, readLabels } = await import('../class-names.ts');
  const bundled = options.head === undefined;
  if (bundled && options.model !== 'mini-vit') {
    const width = CHANNELS[options.model];
    throw new CommandError(
      `${options.model} has no head of its own; give one with --head ` +
        `FILE${width === undefined ? '' : `, weight (classes, ${width}) and bias (classes)`}`,
    );
  }
  const head = await loadHead(options.head ?? bundledFile('emoji-head.pth'));
  const width = CHANNELS[options.model];
  if (width !== undefined) checkHeadFits(head, { name: options.model, embed: width });
  const classes = head.weight.shape[0];
  const own = head.labels ? { names: head.labels, signs: null } : bundled ? await bundledLabels() : null;
  const labels =
    options.labels !== undefined
      ? await readLabels(options.labels)
      : (own ?? (classes === 1 ? { names: ['no', 'yes'], signs: null } : null));
  if (labels !== null)
    checkLabels(
      labels,
      classes,
      options.head !== undefined && existsSync(options.head) ? options.head : 'the emoji head',
    );
  return { head, labels };
}

/** From a feature to classes; the logits are in the model's precision. */
async function scorer(model: CLIP, head: Head, labels: Labels | null, options: Options): Promise<Scorer> {
  const { checkHeadFits, headWidth } = await import('../../clip/head.ts');
  const { default: ndarray } = await import('ndarray');
  const { logitsOf } = await import('../../clip/head-logits.ts');
  const { nameOf, scores, sigmoidOf } = await import('../scores.ts');
  const classes = head.weight.shape[0],
    width = headWidth(head);
  const threshold = options.threshold ?? head.threshold ?? 0.5;
  checkHeadFits(head, { name: model.name, embed: model.architecture.embed });
  return (features, row) => {
    const one = ndarray(features.data.subarray(row * width, (row + 1) * width), [1, width]) as Tensor;
    const { data: logits } = logitsOf(one, head);
    if (classes === 1) {
      const probability = sigmoidOf(logits[0]);
      return {
        label: nameOf(labels, probability > threshold ? 1 : 0),
        logits,
        logit: logits[0],
        probability,
        withLogits: options.logits === true,
      };
    }
    const top = scores(logits, labels, options.top);
    return { label: top[0].label, logits, top, withLogits: options.logits === true };
  };
}
