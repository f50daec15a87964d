// Opens a dump, whatever its format: a safetensors file, a NumPy .npz, or a folder of .npy files. Bytes decide, not the name's ending.

import { stat } from 'node:fs/promises';
import { fileError } from '../../clip/checkpoint/byte-source.ts';
import type { Dump } from '../types.ts';
import { DumpFile } from './dump-file.ts';
import { safetensorsDump } from './safetensors-dump.ts';

/**
 * Opens a dump by its headers; tensors are read when they are asked for.
 * @throws Error in one sentence if the path cannot be read, is in no format that is known here, or is damaged
 */
export async function openDump(path: string): Promise<Dump> {
  await stat(path).catch((error: unknown) => { throw fileError(path, error); });
  const file = new DumpFile(path);
  try {
    return await safetensorsDump(file);
  } catch (error) {
    await file.close();
    throw error;
  }
}
