// All parameters of a model, for tests that build layers by hand.

import ndarray from 'ndarray';
import type { Checkpoint } from '../../src/clip/weights/checkpoint.ts';
import { openCheckpoint } from '../../src/clip/weights/open.ts';
import { sizeOf, type Tensor } from '../../src/ops/tensor.ts';

/** Reads every tensor of a checkpoint and closes it. */
export async function weightsOf(checkpoint: Checkpoint): Promise<Map<string, Tensor>> {
  const weights = new Map<string, Tensor>();
  for (const [name, { shape }] of checkpoint.tensors) {
    const data = new Float32Array(sizeOf(shape));
    await checkpoint.read(name, data);
    weights.set(name, ndarray(data, [...shape]));
  }
  await checkpoint.close();
  return weights;
}

export async function syntheticWeights(model: string, seed = 0): Promise<Map<string, Tensor>> {
  return weightsOf(await openCheckpoint(`synthetic:${seed}`, { model }));
}
