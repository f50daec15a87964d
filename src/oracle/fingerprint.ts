// Which weights were used, whatever file, layout or element type they came in.
//
// SHA-256 over the parameters of the image tower in the order of OpenAI's state dict: for each the line "NAME
// D0xD1x…\n" (UTF-8), then its elements in row-major order as little-endian binary32. The same weights as .pt,
// safetensors or shards have the same fingerprint.

import { createHash } from 'node:crypto';
import { architectureFrom, parameterShapes } from '../clip/parameters.ts';
import type { Checkpoint } from '../clip/weights/checkpoint.ts';
import { openWeights } from '../clip/load.ts';
import { sizeOf } from '../ops/tensor.ts';
import { littleEndian } from '../formats/little-endian.ts';

/** The fingerprint of a checkpoint's image tower, in hexadecimal digits. Reads every parameter, one at a time. */
export async function fingerprint(checkpoint: Checkpoint, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  let scratch = new Float32Array(0);
  for (const [name, { shape }] of parameterShapes(architectureFrom(checkpoint.tensors), { text: false })) {
    signal?.throwIfAborted();
    const size = sizeOf(shape);
    if (scratch.length < size) scratch = new Float32Array(size);
    const data = scratch.subarray(0, size);
    await checkpoint.read(name, data);
    hash.update(`${name} ${shape.join('x')}\n`).update(littleEndian(data));
  }
  return hash.digest('hex');
}

/**
 * The fingerprint of a loaded model's weights. They are read once more: the model keeps them in an order of its own.
 * @param nameOrPath, weights as they were given to `load`
 */
export async function weightsFingerprint(nameOrPath: string, weights?: string, signal?: AbortSignal): Promise<string> {
  const checkpoint = await openWeights(nameOrPath, weights);
  try {
    return await fingerprint(checkpoint, signal);
  } finally {
    await checkpoint.close();
  }
}
