// Opens weights in any format and layout: only headers are read here, tensors when they are asked for.

import { stat } from 'node:fs/promises';
import type { Checkpoint, TensorInfo } from './checkpoint.ts';
import type { Architecture } from '../models.ts';
import type { RawCheckpoint } from './raw-checkpoint.ts';
import { findModel, type ModelTensors } from './layouts.ts';
import { elementCount, readStored } from './stored-tensor.ts';
import { assertFinite } from './finite.ts';
import { openRaw } from './open-raw.ts';
import { readConfig } from './config.ts';
import { openSynthetic } from './synthetic.ts';

export interface OpenOptions {
  /** The model's name; needed for `synthetic:SEED`, which has no shapes of its own. */
  readonly model?: string;
  /** Instead of `model`, for `synthetic:SEED`. */
  readonly architecture?: Architecture;
  /** Accept NaN and infinities in the weights. Without it `read` throws at the first one. */
  readonly allowNonFinite?: boolean;
}

/**
 * Opens a checkpoint.
 * @param source a file (safetensors, also gzipped; PyTorch's .pt, .pth, .bin of any age; model.safetensors.index.json), a folder that
 *   holds one of these, or `synthetic:SEED`
 * @throws Error in one sentence with the remedy if it cannot be read or is no CLIP model; nothing in a file is ever executed
 */
export async function openCheckpoint(source: string, options: OpenOptions = {}): Promise<Checkpoint> {
  if (typeof source !== 'string') throw new TypeError(`openCheckpoint: "source" expected a path or "synthetic:SEED", got ${typeof source}`);
  if (source.startsWith('synthetic:')) return openSynthetic(source, options);
  const raw = await openRaw(source);
  try {
    const model = findModel(raw.tensors, source);
    return asCheckpoint(raw, model, { ...raw.metadata, ...await readConfig(source) }, options.allowNonFinite === true);
  } catch (error) {
    await raw.close();
    throw error;
  }
}

function asCheckpoint(raw: RawCheckpoint, model: ModelTensors, metadata: Record<string, string>, allowNonFinite: boolean): Checkpoint {
  const { tensors, layout } = model;
  const info = new Map<string, TensorInfo>([...tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape }]));
  return {
    origin: raw.origin,
    format: raw.format,
    layout,
    metadata,
    tensors: info,
    async read(name, into) {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw new RangeError(`"${raw.origin}" has no tensor "${name}"; its names are in "tensors"`);
      const count = elementCount(tensor.shape);
      if (!(into instanceof Float32Array)) throw new TypeError(`read("${name}"): "into" expected a Float32Array of ${count} elements, got ${typeof into}`);
      if (into.length !== count) throw new RangeError(`read("${name}"): "into" expected ${count} elements for (${tensor.shape.join(', ')}), got ${into.length}`);
      let at = 0;
      for (const part of tensor.parts) {
        await readStored(part, into, at);
        at += elementCount(part.shape);
      }
      if (!allowNonFinite) assertFinite(into, name, raw.origin);
    },
    close: () => raw.close(),
  };
}

/** Whether the path exists, as a file or folder. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}

