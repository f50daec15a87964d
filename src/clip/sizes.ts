// How large a model is and how much work an image is, from the architecture alone.

import type { Architecture } from './architecture.ts';
import { parameterShapes } from './parameters.ts';

/**
 * Elements of the state dict (parameters and BatchNorm statistics) of the image tower, and of the text tower with
 * `logit_scale`.
 */
export function parameterCounts(architecture: Architecture): { vision: number; text: number } {
  const count = (towers: { vision: boolean; text: boolean }): number => {
    let sum = 0;
    for (const { shape } of parameterShapes(architecture, towers).values())
      sum += shape.reduce((product, extent) => product * extent, 1);
    return sum;
  };
  return { vision: count({ vision: true, text: false }), text: count({ vision: false, text: true }) };
}

/**
 * Multiply-adds of the image tower for one image: convolutions, linear layers and the two products of attention;
 * normalisation, activations and pooling are not counted. The attention pool is counted with its one query.
 */
export function multiplyAdds({ vision, embed }: Architecture): number {
  if (vision === null) return 0;
  if (vision.kind === 'VisionTransformer') {
    const { resolution, patch, width, layers, mlp, pool, projection } = vision;
    const patches = Math.floor(resolution / patch) * Math.floor(resolution / patch);
    const tokens = patches + 1;
    // in_proj 3, out_proj 1; the two linear layers of the MLP; q·k and p·v
    const block = tokens * width * (4 * width + 2 * mlp) + 2 * tokens * tokens * width;
    // [4] the pool: k and v of all tokens, q and the output of one query
    const last =
      pool === undefined
        ? projection === false
          ? 0
          : width * embed
        : 2 * tokens * width * embed + 2 * tokens * embed + 3 * embed * embed;
    return patches * 3 * patch * patch * width + layers * block + last;
  }
  const { resolution, width, layers } = vision;
  // [1] stem: three 3x3 convolutions at half the resolution
  let side = resolution / 2;
  let sum = side * side * 9 * (3 * (width / 2) + (width / 2) * (width / 2) + (width / 2) * width);
  // [2] four stages; a stage halves the side after the 3x3 convolution of its first block
  side /= 2;
  let inputs = width;
  layers.forEach((count, stage) => {
    const planes = width * [1, 2, 4, 8][stage];
    for (let i = 0; i < count; i++) {
      sum += side * side * (inputs * planes + 9 * planes * planes);
      if (i === 0 && stage > 0) side /= 2;
      sum += side * side * planes * 4 * planes;
      if (i === 0) sum += side * side * inputs * 4 * planes;
      inputs = 4 * planes;
    }
  });
  // [3] attention pool: k and v of all tokens, q and the output of one
  const tokens = side * side + 1,
    d = 32 * width;
  return sum + 2 * tokens * d * d + d * d + 2 * tokens * d + d * embed;
}
