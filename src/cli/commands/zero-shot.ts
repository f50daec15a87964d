// clip-oracle zero-shot: which of some texts describes an image best.

import { existsSync } from 'node:fs';
import ndarray from 'ndarray';
import type { CLIP } from '../../clip/clip.ts';
import type { Tensor } from '../../ops/tensor.ts';
import { answerImages, type Scorer } from '../answer-images.ts';
import { CommandError } from '../errors.ts';
import { bundledLabels, readLabels, type Labels } from '../class-names.ts';
import type { AnswerOptions, ImageOptions } from '../options.ts';
import { openSource } from '../../features/pipeline.ts';

export interface ZeroShotOptions extends ImageOptions, AnswerOptions {
  prompt?: string[];
  /** true: the option without a file, which means the bundled names. */
  labelsFile?: string | true;
  template?: string;
  truncate: boolean;
  logits: boolean;
}

/** What the bundled models were trained with, and a good one for CLIP's. */
const TEMPLATE = 'a picture of {}';

/** @returns the exit code */
export async function zeroShot(images: string[], options: ZeroShotOptions): Promise<number> {
  const { labels, texts } = await textsOf(options);
  const mistaken = images.length === 0 ? options.prompt?.find((prompt) => existsSync(prompt)) : undefined;
  if (mistaken !== undefined && options.input === undefined)
    throw new CommandError(
      `expected an image, got none: "${mistaken}" was taken as a prompt; name the images first, then --prompt`,
    );
  const source = await openSource(images, options);
  const { tokenize } = await import('../../clip/tokenizer/tokenize.ts');
  const tokens = tokenize(texts, { truncate: options.truncate });
  return answerImages(source, options, labels, (model) => scorer(model, tokens, labels, options));
}

/** The texts, and what they are called in the answer: a prompt is its own name. */
async function textsOf({
  prompt,
  labelsFile,
  template,
  model,
}: ZeroShotOptions): Promise<{ labels: Labels; texts: string[] }> {
  if (prompt !== undefined && labelsFile !== undefined)
    throw new CommandError('expected either --prompt or --labels-file, got both; leave one out');
  if (template !== undefined && !template.includes('{}'))
    throw new CommandError(`--template expected a text with {} where the name goes, got "${template}"`);
  const fill = (name: string, pattern: string): string => pattern.replaceAll('{}', () => name);
  if (prompt !== undefined)
    return { labels: { names: prompt, signs: null }, texts: prompt.map((text) => fill(text, template ?? '{}')) };
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
  return { labels, texts: labels.names.map((name) => fill(name, template ?? TEMPLATE)) };
}

/** From a feature to the best texts; the logits are in the model's precision. */
async function scorer(
  model: CLIP,
  tokens: ndarray.NdArray<Int32Array>,
  labels: Labels,
  options: ZeroShotOptions,
): Promise<Scorer> {
  const { reference } = await import('../../ops/reference.ts');
  const { logitsOf } = await import('../../clip/logits.ts');
  const { scores } = await import('../scores.ts');
  const texts = reference.l2Normalize(await model.encodeText(tokens));
  const scale = await model.logitScale();
  const E = model.architecture.embed;
  return (features, row) => {
    const image = reference.l2Normalize(ndarray(features.data.subarray(row * E, (row + 1) * E), [1, E]) as Tensor);
    const { data: logits } = logitsOf(image, texts, scale);
    const top = scores(logits, labels, options.top);
    return { label: top[0].label, logits, top, withLogits: options.logits };
  };
}
