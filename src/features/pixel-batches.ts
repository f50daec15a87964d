// Batches of pixels, of images or of a tensor. An image that cannot be read keeps its place, with its error.

import ndarray from 'ndarray';
import type { Preprocess, PreprocessOptions } from '../clip/image/preprocess.ts';
import type { FloatArray, Tensor } from '../ops/tensor.ts';
import { messageOf } from '../formats/error-text.ts';
import type { InputPath } from './inputs.ts';
import type { TensorInput } from './tensor-input.ts';

/** One input of a batch. */
export interface Item {
  path: string;
  /** Why there are no pixels. */
  error?: string;
}

/** The pixels of several inputs. */
export interface PixelBatch {
  /** In input order. Those without an error are the rows of `x`, in the same order. */
  items: Item[];
  /** (n,3,R,R); null if every image failed. */
  x: Tensor | null;
}

/** Batches of `size` images. */
export async function* imageBatches(
  paths: AsyncIterable<InputPath>,
  preprocess: Preprocess,
  options: PreprocessOptions,
  size: number,
): AsyncGenerator<PixelBatch> {
  let items: Item[] = [],
    pixels: Tensor[] = [];
  for await (const { path, error } of paths) {
    const item: Item = error === undefined ? { path } : { path, error };
    if (error === undefined) {
      try {
        pixels.push(await preprocess(path, options));
      } catch (thrown) {
        item.error = messageOf(thrown);
      }
    }
    items.push(item);
    if (items.length === size) {
      yield { items, x: stack(pixels) };
      [items, pixels] = [[], []];
    }
  }
  if (items.length > 0) yield { items, x: stack(pixels) };
}

/** Batches of `size` rows of a tensor. */
export function* tensorBatches({ name, x }: TensorInput, size: number): Generator<PixelBatch> {
  const [N, C, H, W] = x.shape;
  for (let from = 0; from < N; from += size) {
    const to = Math.min(N, from + size);
    yield {
      items: Array.from({ length: to - from }, (_, i) => ({ path: `${name}[${from + i}]` })),
      x: ndarray(x.data.subarray(from * C * H * W, to * C * H * W) as FloatArray, [to - from, C, H, W]),
    };
  }
}

function stack(pixels: Tensor[]): Tensor | null {
  if (pixels.length <= 1) return pixels[0] ?? null;
  const [, C, H, W] = pixels[0].shape;
  const data = new Float32Array(pixels.length * C * H * W);
  pixels.forEach((one, i) => data.set(one.data, i * C * H * W));
  return ndarray(data as FloatArray, [pixels.length, C, H, W]);
}
