// Sends images through the image tower in batches: the one place where decoding feeds computing.

import type { CLIP } from '../clip/clip.ts';
import type { Preprocess, PreprocessOptions } from '../clip/image/preprocess.ts';
import { l2Normalize } from '../ops/l2-normalize.ts';
import type { Tensor } from '../ops/tensor.ts';
import { inputPaths, isEndless, type InputPath } from './inputs.ts';
import { PassedOver } from './passed-over.ts';
import { imageBatches, tensorBatches } from './pixel-batches.ts';
import type { TensorInput } from './tensor-input.ts';

/** Takes one result per input, in input order; the next batch waits for it. */
export interface Sink {
  /** Row `row` of the features (n,E) belongs to `path`. */
  feature(path: string, features: Tensor, row: number): Promise<void>;
  /** An input without a feature, and why. */
  failure(path: string, error: string): Promise<void>;
}

/**
 * The inputs: paths of images, or pixels that were read from a file. `total` is null for a list still being read;
 * `passedOver` counts what folders hold besides images (completely, once the paths have been read).
 */
export type Source =
  { tensor: TensorInput } | { paths: AsyncIterable<InputPath>; total: number | null; passedOver?: PassedOver };

/** What `load` returns. */
export interface Loaded {
  model: CLIP;
  preprocess: Preprocess;
}

/** How pixels are made: as `preprocess` takes it; and how features are. */
export interface EmbedOptions extends PreprocessOptions {
  /** Images per forward pass; the bits are the same. Default 1. */
  batch?: number;
  /** Divide each feature by its length. Default false. */
  normalize?: boolean;
  /** Called after each batch. */
  onProgress?: (progress: { done: number; total: number | null }) => void;
  /** Cancels between two batches: the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Finds the images before any weights are read; a list of paths is read as it comes.
 * @param images files, folders, or `-` for the paths in `list`
 * @param list paths, one per line
 * @param end what ends a path of the list: '\n', or '\0' as `find -print0` writes it
 * @throws Error for a folder without images
 */
export async function imageSource(
  images: readonly string[],
  list: NodeJS.ReadableStream | null = null,
  end: '\n' | '\0' = '\n',
): Promise<Source> {
  const passedOver = new PassedOver();
  if (isEndless(images)) return { paths: inputPaths(images, list, passedOver, end), total: null, passedOver };
  const found: InputPath[] = [];
  for await (const path of inputPaths(images, null, passedOver)) found.push(path);
  return { ...sourceOf(found), passedOver };
}

/** Paths that are known already. */
export function sourceOf(paths: readonly InputPath[]): Source {
  return { paths: each(paths), total: paths.length };
}

/**
 * Sends every input through the image tower, and its feature to the sink. An input that fails is reported to the sink
 * and does not stop the others.
 * @returns the number of inputs, and how many of them failed
 * @throws what the sink throws, and the reason of `signal`
 */
export async function embedImages(
  source: Source,
  { model, preprocess }: Loaded,
  sink: Sink,
  { batch = 1, normalize = false, onProgress, signal, ...pixels }: EmbedOptions = {},
): Promise<{ count: number; failed: number }> {
  signal?.throwIfAborted();
  const batches =
    'tensor' in source ? tensorBatches(source.tensor, batch) : imageBatches(source.paths, preprocess, pixels, batch);
  const total = 'tensor' in source ? source.tensor.x.shape[0] : source.total;
  let count = 0,
    failed = 0;
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
    count += items.length;
    onProgress?.({ done: count, total });
    signal?.throwIfAborted();
  }
  return { count, failed };
}

async function featuresOf(model: CLIP, x: Tensor, normalize: boolean): Promise<Tensor> {
  const features = await model.encodeImage(x);
  return normalize ? l2Normalize(features) : features;
}

/** JSON has neither NaN nor infinity, and such a feature should not pass unnoticed. */
function notFinite(features: Tensor, row: number): string | null {
  const E = features.shape[1];
  for (let i = row * E; i < (row + 1) * E; i++) {
    if (!Number.isFinite(features.data[i]))
      return `element ${i - row * E} of the feature is ${features.data[i]}; the pixels or the weights are out of range`;
  }
  return null;
}

async function* each<T>(list: readonly T[]): AsyncGenerator<T> {
  yield* list;
}
