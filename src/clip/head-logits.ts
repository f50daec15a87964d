// The head computed: features to logits.

import { l2Normalize } from '../ops/l2-normalize.ts';
import { linear } from '../ops/linear.ts';
import type { Tensor } from '../ops/tensor.ts';
import type { Head } from './read-head.ts';

/**
 * One linear layer after the other, as the head has them.
 * @param features (N,E), of length 1 where the head wants such (`head.normalized`)
 * @returns logits (N,classes) in the features' element type
 */
export function logitsOf(features: Tensor, { hidden = [], weight, bias }: Head): Tensor {
  const x = hidden.reduce((x, layer) => linear(x, layer.weight, layer.bias), features);
  return linear(x, weight, bias);
}

/** The same from features as the encoder gives them: they are divided by their length where the head wants that. */
export const logitsOfEncoded = (features: Tensor, head: Head): Tensor =>
  logitsOf(head.normalized ? l2Normalize(features) : features, head);
