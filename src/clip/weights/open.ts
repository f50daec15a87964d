// Opens weights in any format and layout: only headers are read here, tensors when they are needed.

import { stat } from 'node:fs/promises';
import type { Checkpoint } from './checkpoint.ts';
import { checkpointOf } from './from-tensor-file.ts';
import { openTensorFile } from '../../formats/open.ts';
import type { Configuration } from './config.ts';
import { readConfig } from './config-beside.ts';
import type { TensorFile } from '../../formats/tensor-file.ts';
import { findModel, namesOf } from './layouts.ts';
import { oneTower, type Tower } from './towers.ts';
import { openSynthetic, type SyntheticOptions } from './synthetic.ts';

export interface OpenOptions extends SyntheticOptions {
  /** Accept NaN and infinities in the weights. Without it `read` throws at the first one. */
  readonly allowNonFinite?: boolean;
  /** The only tower that is wanted. Default: both, or what can be computed here. */
  readonly tower?: Tower;
}

/**
 * Opens a checkpoint.
 * @param source a file (safetensors, also gzipped; PyTorch's .pt, .pth, .bin of any age; model.safetensors.index.json),
 *   a folder that holds one of these, or `synthetic:SEED`
 * @throws Error in one sentence with the remedy if it cannot be read or is not a CLIP model; nothing in a file is ever
 *   executed
 */
export async function openCheckpoint(source: string, options: OpenOptions = {}): Promise<Checkpoint> {
  if (typeof source !== 'string')
    throw new TypeError(`openCheckpoint: "source" expected a path or "synthetic:SEED", got ${typeof source}`);
  if (source.startsWith('synthetic:')) return oneTower(await openSynthetic(source, options), options.tower);
  const raw = await openTensorFile(source);
  try {
    return checkpointOf(raw, source, await configOf(source, raw, options.tower), options);
  } catch (error) {
    await raw.close();
    throw error;
  }
}

/** The configuration beside the weights; what is wrong with it is said after what kind of model this is. */
async function configOf(source: string, raw: TensorFile, tower: Tower | undefined): Promise<Configuration> {
  try {
    return await readConfig(source, namesOf(raw.tensors));
  } catch (error) {
    findModel(raw.tensors, source, { tower });
    throw error;
  }
}

/** Whether the path exists, as a file or folder. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
