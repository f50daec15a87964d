// clip-oracle classify: images through the image tower and a linear head to named classes.

import { existsSync } from 'node:fs';
import ndarray from 'ndarray';
import type { Head } from '../../clip/head.ts';
import type { CLIP } from '../../clip/clip.ts';
import type { Tensor } from '../../ops/tensor.ts';
import { answerImages, type Scorer } from '../answer-images.ts';
import { CommandError } from '../errors.ts';
import { bundledLabels, readLabels, checkLabels, type Labels } from '../class-names.ts';
import type { AnswerOptions, ImageOptions } from '../options.ts';
import { openSource } from '../../features/pipeline.ts';

export interface ClassifyOptions extends ImageOptions, AnswerOptions {
  head?: string;
  labels?: string;
  threshold?: number;
  logits: boolean;
}

/** @returns the exit code */
export async function classify(images: string[], options: ClassifyOptions): Promise<number> {
  const source = await openSource(images, options);
  const { head, labels } = await headOf(options);
  if (head.normalized) options = { ...options, normalize: true };
  return answerImages(source, options, labels, (model) => scorer(model, head, labels, options));
}

/** The head and its labels, before the model is read: a wrong file should not cost the reading of a gigabyte. */
async function headOf(options: ClassifyOptions): Promise<{ head: Head; labels: Labels | null }> {
  const { checkHeadFits, loadHead } = await import('../../clip/head.ts');
  const { bundledFile } = await import('../../clip/weights/bundled.ts');
  const { CHANNELS } = await import('../../clip/models.ts');
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
async function scorer(model: CLIP, head: Head, labels: Labels | null, options: ClassifyOptions): Promise<Scorer> {
  const { checkHeadFits } = await import('../../clip/head.ts');
  const { linear } = await import('../../ops/linear.ts');
  const { nameOf, scores, sigmoidOf } = await import('../scores.ts');
  const [classes, width] = head.weight.shape;
  const threshold = options.threshold ?? head.threshold ?? 0.5;
  checkHeadFits(head, { name: model.name, embed: model.architecture.embed });
  return (features, row) => {
    const one = ndarray(features.data.subarray(row * width, (row + 1) * width), [1, width]) as Tensor;
    const { data: logits } = linear(one, head.weight, head.bias);
    if (classes === 1) {
      const probability = sigmoidOf(logits[0]);
      return {
        label: nameOf(labels, probability > threshold ? 1 : 0),
        logits,
        logit: logits[0],
        probability,
        withLogits: options.logits,
      };
    }
    const top = scores(logits, labels, options.top);
    return { label: top[0].label, logits, top, withLogits: options.logits };
  };
}
