// What `embed` and `classify` share: the model, the inputs in batches, features, progress; the commands only say what
// becomes of a feature.

import type { CLIP } from '../clip/clip.ts';
import type { Preprocess } from '../clip/image/preprocess.ts';
import type { Tensor } from '../ops/tensor.ts';
import { CommandError } from '../cli/errors.ts';
import { each, inputPaths, isEndless, type InputPath } from './inputs.ts';
import { loadedChanges, type ImageOptions } from '../cli/options.ts';
import { imageBatches, tensorBatches } from './pixel-batches.ts';
import { Progress } from '../cli/terminal/progress.ts';
import type { TensorInput } from './tensor-input.ts';

export interface Sink {
  /** Row `row` of the features (n,E) belongs to `path`. */
  feature(path: string, features: Tensor, row: number): Promise<void>;
  failure(path: string, error: string): Promise<void>;
}

/** What goes in: paths, or a ready tensor. */
export type Source = { tensor: TensorInput } | { paths: AsyncIterable<InputPath>; total: number | null };

/**
 * Finds the inputs, before a gigabyte of weights is read. A list on standard input is read as it comes.
 * @throws CommandError if there are none, or the tensor of --input is none
 */
export async function openSource(images: readonly string[], options: ImageOptions): Promise<Source> {
  if (options.input === undefined && images.length === 0)
    throw new CommandError(
      'expected an image, a folder or - (a list on standard input), got nothing; name one, or give --input ' +
        'FILE.safetensors',
    );
  if (options.input !== undefined && images.length > 0)
    throw new CommandError('expected either images or --input, got both; leave one out');
  if (options.input !== undefined)
    return { tensor: await (await import('./tensor-input.ts')).readTensorInput(options.input, options.precision) };
  if (isEndless(images)) return { paths: inputPaths(images), total: null };
  const found = await all(inputPaths(images));
  return { paths: each(found), total: found.length };
}

export interface Loaded {
  model: CLIP;
  preprocess: Preprocess;
}

/** Loads the model that the options name. */
export async function loadModel(options: ImageOptions): Promise<Loaded> {
  const { load } = await import('../clip/load.ts');
  const { model, weights, threads, precision, executor, residency } = options;
  return load(model, { weights, threads, precision, executor, residency, ...loadedChanges(options) });
}

/**
 * Sends every input through the image tower and its features to the sink, in input order.
 * @returns how many inputs there were and how many failed
 */
export async function runImages(
  source: Source,
  options: ImageOptions,
  loaded: Loaded,
  sink: Sink,
): Promise<{ count: number; failed: number }> {
  const { model, preprocess } = loaded;
  const normalize = options.normalize ? (await import('../ops/l2-normalize.ts')).l2Normalize : null;
  const batches =
    'tensor' in source
      ? tensorBatches(source.tensor, options.batch)
      : imageBatches(source.paths, preprocess, options.pipeline, options.batch);
  const total = 'tensor' in source ? source.tensor.x.shape[0] : source.total;
  let count = 0,
    failed = 0;
  // Where lines appear on the same terminal, they are the progress.
  const progress = await Progress.create({
    unit: 'images',
    total,
    quiet: options.quiet || (process.stdout.isTTY && options.out === undefined),
  });
  try {
    for await (const { items, x } of batches) {
      const features = x === null ? null : await featuresOf(model, x, normalize);
      let row = 0;
      for (const { path, error } of items) {
        const reason = error ?? notFinite(features!, row);
        if (reason === null) await sink.feature(path, features!, row);
        else await sink.failure(path, reason);
        if (error === undefined) row++;
        if (reason !== null) failed++;
      }
      progress.update((count += items.length));
    }
  } finally {
    progress.stop();
  }
  if (count === 0) throw new CommandError('the list on standard input is empty; nothing was done');
  return { count, failed };
}

async function featuresOf(model: CLIP, x: Tensor, normalize: ((x: Tensor) => Tensor) | null): Promise<Tensor> {
  const features = await model.encodeImage(x);
  return normalize === null ? features : normalize(features);
}

/** JSON has no NaN and no infinity, and nobody wants them unseen. */
function notFinite(features: Tensor, row: number): string | null {
  const E = features.shape[1];
  for (let i = row * E; i < (row + 1) * E; i++) {
    if (!Number.isFinite(features.data[i]))
      return `element ${i - row * E} of the feature is ${features.data[i]}; the pixels or the weights are out of range`;
  }
  return null;
}

/** A sentence for standard error where some failed. */
export function summary({ count, failed }: { count: number; failed: number }): string {
  return (
    `${failed} of ${count} ${count === 1 ? 'image' : 'images'} failed; ` +
    `${failed === 1 ? 'its "error" says' : 'their "error" says'} why`
  );
}

async function all(paths: AsyncIterable<InputPath>): Promise<InputPath[]> {
  const found: InputPath[] = [];
  for await (const path of paths) found.push(path);
  return found;
}
