// Features of classes from texts: the classifier of zero-shot recognition.

import ndarray from 'ndarray';
import type { CLIP } from '../clip/clip.ts';
import { l2Normalize } from '../ops/l2-normalize.ts';
import { type Tensor, zeros } from '../ops/tensor.ts';
import { ArgumentError } from './argument-error.ts';
import { tokensFor } from './tokens.ts';

export interface ClassFeatureOptions {
  /** Texts around a name, each with `{}` where the name goes. Default: the name alone. */
  templates?: readonly string[];
  /** Cut texts that have more tokens than the model reads. Default: an error. */
  truncate?: boolean;
}

/**
 * A unit feature for each class: the unit features of its name in all templates are averaged and normalised again, as
 * OpenAI's notebook does (Prompt_Engineering_for_ImageNet.ipynb, zeroshot_classifier). The average is summed in
 * float64 in the order of the templates and rounded once. With one template its own unit feature is the class's.
 * @returns (C,E), in the model's precision
 * @throws ArgumentError (`template`) for a template without {}; RangeError for a text that is too long, or a model
 *   with another tokenizer
 */
export async function classFeatures(
  model: CLIP,
  names: readonly string[],
  { templates = ['{}'], truncate = false }: ClassFeatureOptions = {},
): Promise<Tensor> {
  if (templates.length === 0)
    throw new ArgumentError(
      'template',
      'expected at least one text with {}, got none; leave it out for the names alone',
    );
  const without = templates.find((template) => !template.includes('{}'));
  if (without !== undefined)
    throw new ArgumentError('template', `expected a text with {} where the name goes, got "${without}"`);
  // Class by class, all templates of each.
  const texts = names.flatMap((name) => templates.map((template) => template.replaceAll('{}', () => name)));
  const features = l2Normalize(await model.encodeText(tokensFor(model, texts, { truncate })));
  if (templates.length === 1) return features;
  const E = features.shape[1];
  const means = zeros([names.length, E], features.data);
  for (let i = 0; i < means.data.length; i++) {
    const [name, column] = [Math.floor(i / E), i % E];
    let sum = 0;
    for (let t = 0; t < templates.length; t++) sum += features.data[(name * templates.length + t) * E + column];
    means.data[i] = sum / templates.length;
  }
  return l2Normalize(ndarray(means.data, [names.length, E]) as Tensor);
}
