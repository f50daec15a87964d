// Opens a dump, whatever its format: a safetensors file, a NumPy .npz, or a folder of .npy files. Bytes decide, not the
// name's ending.

import { stat } from 'node:fs/promises';
import { readError } from '../errno.ts';
import type { Dump } from './dump.ts';
import { DumpFile } from './dump-file.ts';
import { npyFolderDump } from './npy-folder-dump.ts';
import { npzDump } from './npz-dump.ts';
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
    const text = Buffer.from(file.bytes(0, Math.min(file.size, 512))).toString('latin1');
    if (text.startsWith('PK\x03\x04') || text.startsWith('PK\x05\x06')) return await npzDump(file);
    // A header of safetensors has its length first, so that it can begin like anything; its ninth byte is sure.
    const other =
      text.charAt(8) === '{'
        ? undefined
        : KINDS.find(([start]) => (typeof start === 'string' ? text.startsWith(start) : start.test(text)));
    if (other !== undefined) throw new Error(`"${path}" is ${other[1]}`);
    return await safetensorsDump(file);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Files that are often given by mistake. */
const KINDS: readonly (readonly [string | RegExp, string])[] = [
  [
    '\x93NUMPY',
    'one NumPy array, expected a dump of several; name the folder it lies in, or save them all with numpy.savez',
  ],
  [
    '\x80',
    'a Python pickle (torch.save), which is not read as a dump; save the tensors with safetensors.torch.save_file',
  ],
  ['\x1f\x8b', 'compressed by gzip, which is not read as a dump; unpack it with gunzip'],
  [/^(\xff\xd8\xff|\x89PNG|GIF8|RIFF....WEBP|BM)/s, 'an image, expected a dump; run clip-oracle trace on it first'],
  ['\x89HDF', 'an HDF5 file, which is not read as a dump; save the tensors as .safetensors, .npz or .npy'],
  [/^\s*[{[]/, 'JSON, expected a dump; save the tensors as .safetensors, .npz or .npy'],
  ['version https://git-lfs', 'the pointer of a file in Git LFS, not the file itself; fetch it with git lfs pull'],
];
