// What the page computes: mini-vit with its emoji head on one picture, its attention, and how long each part took.

import { attentionMaps, bundledUrl, CLIPModel, loadLabels } from 'clip-oracle';
import { softmax } from 'clip-oracle/ops';
import type { Numbers } from './bytes.ts';

export type Arithmetic = 'auto' | 'reference';

export interface Named {
  emoji: string;
  name: string;
  probability: number;
}

export interface Answer {
  /** (1,3,R,R), what the network is given. */
  pixels: Numbers;
  /** (1,E) */
  feature: Numbers;
  /** (layers,heads,L,L) */
  maps: Numbers;
  top: Named[];
  /** Milliseconds. */
  times: { preprocess: number; encode: number; maps: number };
}

interface Label {
  emoji: string;
  name: string;
}

export interface Loaded {
  readonly threads: number;
  readonly executor: string;
  /** Milliseconds from the first byte asked for to a model that answers. */
  readonly time: number;
  answer(picture: Blob, signal: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
}

/** @param progress hears of the bytes that came, and of all there are where that is known */
export async function loadModel(
  threads: number,
  arithmetic: Arithmetic,
  progress: (received: number, total: number | null) => void,
): Promise<Loaded> {
  const start = performance.now();
  const [model, labels] = await Promise.all([
    CLIPModel.load('mini-vit', {
      head: bundledUrl('emoji-head.pth'),
      threads,
      executor: arithmetic,
      onProgress: ({ received, total }) => progress(received, total),
    }),
    loadLabels() as Promise<Label[]>,
  ]);
  return {
    threads: model.clip.threads,
    executor: model.clip.executor,
    time: performance.now() - start,
    answer: (picture, signal) => answer(model, labels, picture, signal),
    close: () => model.close(),
  };
}

async function answer(model: CLIPModel, labels: readonly Label[], picture: Blob, signal: AbortSignal): Promise<Answer> {
  const began = performance.now();
  const x = await model.preprocess(picture);
  const preprocessed = performance.now();
  const feature = await model.clip.encodeImage(x, { signal });
  const encoded = performance.now();
  const maps = await attentionMaps(model.clip, x, { signal });
  const mapped = performance.now();
  return {
    pixels: numbersOf(x),
    feature: numbersOf(feature),
    maps: numbersOf(maps),
    top: best(model.classify(feature), labels),
    times: { preprocess: preprocessed - began, encode: encoded - preprocessed, maps: mapped - encoded },
  };
}

const numbersOf = ({ shape, data }: { shape: number[]; data: unknown }): Numbers => ({
  shape,
  data: data as Float32Array,
});

function best(logits: Parameters<typeof softmax>[0], labels: readonly Label[]): Named[] {
  const probabilities = softmax(logits).data;
  const order = Array.from(probabilities.keys()).sort((a, b) => probabilities[b] - probabilities[a] || a - b);
  return order.slice(0, 5).map((index) => ({ ...labels[index], probability: probabilities[index] }));
}
