// Opens a dump, whatever its format: a safetensors file, a NumPy .npz, or a folder of .npy files. The bytes
// decide, not the name's ending.

import { stat } from 'node:fs/promises';
import { readError } from '../errno.ts';
import type { Dump } from './dump.ts';
import { DumpFile } from './dump-file.ts';
import { npyFolderDump } from './npy-folder-dump.ts';
import { npzDump } from './npz-dump.ts';
import { formatName, SIGNATURE_BYTES } from '../signatures.ts';
import { safetensorsDump } from './safetensors-dump.ts';

/**
 * Opens a dump by its headers; tensors are read when they are asked for.
 * @throws Error in one sentence if the path cannot be read, is in no format that is known here, or is damaged
 */
export async function openDump(path: string): Promise<Dump> {
  const found = await stat(path).catch((error: unknown) => {
    throw readError(path, error);
  });
  if (found.isDirectory()) return npyFolderDump(path);
  const file = new DumpFile(path);
  try {
    if (file.size === 0) throw new Error(`"${path}" is empty; copy or dump it again`);
    const format = formatName(file.bytes(0, Math.min(file.size, SIGNATURE_BYTES)));
    if (format === 'a ZIP archive') return await npzDump(file);
    if (format !== null && format !== 'safetensors')
      throw new Error(
        `"${path}" expected a dump, got ${format}; ` +
          (REMEDIES[format] ?? 'save the tensors as .safetensors, .npz or a folder of .npy'),
      );
    return await safetensorsDump(file);
  } catch (error) {
    await file.close();
    throw error;
  }
}

const TRACE = 'run clip-oracle trace on it first';
/** What to do about files that are often given by mistake. */
const REMEDIES: Readonly<Record<string, string>> = {
  'a NumPy array': 'name the folder that holds it, or save all arrays in one file with numpy.savez',
  'a Python pickle': 'save the tensors with safetensors.torch.save_file',
  'a gzip file': 'unpack it with gunzip',
  'a Git LFS pointer': 'fetch the file itself with git lfs pull',
  JPEG: TRACE,
  PNG: TRACE,
  WebP: TRACE,
};
