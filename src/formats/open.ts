// Opens tensors in a file or a folder.

import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readError } from './errno.ts';
import { FileSource } from './file-source.ts';
import type { TensorFile } from './tensor-file.ts';
import { readTensorFile } from './read.ts';

/** What a folder of weights usually holds, in the order of preference. */
const NAMES = [
  'model.safetensors.index.json',
  'model.safetensors',
  'open_clip_model.safetensors',
  'open_clip_pytorch_model.safetensors',
  'pytorch_model.bin.index.json',
  'pytorch_model.bin',
  'open_clip_pytorch_model.bin',
];

/** @throws Error in one sentence if the path cannot be read or is in no format that is known here */
export async function openTensorFile(path: string): Promise<TensorFile> {
  const stats = await stat(path).catch((error: unknown) => {
    throw readError(path, error);
  });
  return stats.isDirectory() ? openFile(await fileIn(path)) : openFile(path);
}

async function openFile(path: string, isShard = false): Promise<TensorFile> {
  const source = await FileSource.open(path);
  try {
    return await readTensorFile(source, isShard ? null : (name) => openShard(path, name));
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function openShard(index: string, name: string): Promise<TensorFile> {
  const path = join(dirname(index), name);
  await stat(path).catch(() => {
    throw new Error(`"${index}" names the shard "${name}", which is missing; download it into the same folder`);
  });
  return openFile(path, true);
}

async function fileIn(folder: string): Promise<string> {
  const files = await readdir(folder).catch((error: unknown) => {
    throw readError(folder, error);
  });
  const known = NAMES.find((name) => files.includes(name));
  if (known !== undefined) return join(folder, known);
  const candidates = files.filter((name) => name.endsWith('.index.json'));
  const weights =
    candidates.length > 0 ? candidates : files.filter((name) => /\.(safetensors(\.gz)?|pt|pth|bin)$/.test(name));
  if (weights.length === 1) return join(folder, weights[0]);
  const some = `${weights.slice(0, 3).join(', ')}${weights.length > 3 ? ', …' : ''}`;
  throw new Error(
    `"${folder}" expected a folder with one file of weights, got ` +
      `${weights.length === 0 ? 'none' : `${weights.length} (${some})`}; name the file`,
  );
}
