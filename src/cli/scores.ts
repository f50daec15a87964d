// From logits to the best classes. Probabilities are computed from the logits in float64.

import ndarray from 'ndarray';
import { sigmoid } from '../ops/sigmoid.ts';
import { softmax } from '../ops/softmax.ts';
import type { FloatArray, Tensor } from '../ops/tensor.ts';
import type { Labels } from './class-names.ts';
import type { Scored } from './verdict.ts';

const exact = (logits: FloatArray): Tensor => ndarray(Float64Array.from(logits), [1, logits.length]) as Tensor;

/** The name of a class, or its index where there are no names. */
export const nameOf = (labels: Labels | null, index: number): string | number =>
  labels === null ? index : labels.names[index];

/** The best `top` classes, the best first; of equals the one that comes first. */
export function scores(logits: FloatArray, labels: Labels | null, top: number): Scored[] {
  const probabilities = softmax(exact(logits)).data;
  const order = Array.from(logits.keys())
    .sort((a, b) => logits[b] - logits[a] || a - b)
    .slice(0, top);
  return order.map((index) => ({
    index,
    label: nameOf(labels, index),
    logit: logits[index],
    probability: probabilities[index],
  }));
}

/** The probability of a single output. */
export function sigmoidOf(logit: number): number {
  return sigmoid(exact(Float64Array.of(logit))).data[0];
}
