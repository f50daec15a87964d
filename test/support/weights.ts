// All parameters of a model with synthetic weights, for tests that build layers by hand.

import ndarray from 'ndarray';
import { openCheckpoint } from '../../src/clip/checkpoint/open.ts';
import { sizeOf, type Tensor } from '../../src/ops/tensor.ts';

export async function syntheticWeights(model: string, seed = 0): Promise<Map<string, Tensor>> {
  const checkpoint = await openCheckpoint(`synthetic:${seed}`, { model });
  const weights = new Map<string, Tensor>();
  for (const [name, { shape }] of checkpoint.tensors) {
    const data = new Float32Array(sizeOf(shape));
    await checkpoint.read(name, data);
    weights.set(name, ndarray(data, [...shape]));
  }
  await checkpoint.close();
  return weights;
}
