// The end of CLIP.forward (openai/CLIP, clip/model.py): features to logits.

import { reference } from '../ops/reference.ts';
import type { Tensor } from '../ops/tensor.ts';

/**
 * (scale · images) · textsᵀ, in model.py's order; both of length 1.
 * @param images (N,E), l2-normalised features
 * @param texts (M,E), l2-normalised features
 * @param scale exp(logit_scale); 1 gives cosine similarities
 * @returns (N,M), in the precision of the features
 */
export function logitsOf(images: Tensor, texts: Tensor, scale: number): Tensor {
  return reference.matmul(reference.scale(images, scale), texts.transpose(1, 0));
}
