// Finds out what a file is by its first bytes (names lie) and hands it to the reader of that format.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, FileSource, MemorySource, readStart, type ByteSource } from './byte-source.ts';
import { gunzip } from './gzip.ts';
import type { RawCheckpoint } from './raw-checkpoint.ts';
import { readSafetensors } from './safetensors.ts';
import { readSharded } from './sharded.ts';
import { readTorchLegacy } from './torch-legacy.ts';
import { readTorchZip } from './torch-zip.ts';

/** What a folder of weights usually holds, in the order of preference. */
const NAMES = ['model.safetensors.index.json', 'model.safetensors', 'open_clip_model.safetensors', 'open_clip_pytorch_model.safetensors',
  'pytorch_model.bin.index.json', 'pytorch_model.bin', 'open_clip_pytorch_model.bin'];

/** @throws Error in one sentence if the path cannot be read or is in no format that is known here */
export async function openRaw(path: string): Promise<RawCheckpoint> {
  const stats = await stat(path).catch((error: unknown) => { throw fileError(path, error); });
  return stats.isDirectory() ? openFile(await fileIn(path)) : openFile(path);
}

async function openFile(path: string, isShard = false): Promise<RawCheckpoint> {
  const source = await FileSource.open(path);
  try {
    return await readAny(source, isShard);
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function fileIn(folder: string): Promise<string> {
  const files = await readdir(folder).catch((error: unknown) => { throw fileError(folder, error); });
  const known = NAMES.find((name) => files.includes(name));
  if (known !== undefined) return join(folder, known);
  const candidates = files.filter((name) => name.endsWith('.index.json'));
  const weights = candidates.length > 0 ? candidates : files.filter((name) => /\.(safetensors(\.gz)?|pt|pth|bin)$/.test(name));
  if (weights.length === 1) return join(folder, weights[0]);
  throw new Error(`"${folder}" expected a folder with one file of weights, got ${weights.length === 0 ? 'none' : `${weights.length} (${weights.slice(0, 3).join(', ')}${weights.length > 3 ? ', …' : ''})`}; name the file`);
}

async function readAny(source: ByteSource, isShard: boolean): Promise<RawCheckpoint> {
  const { name } = source;
  if (source.size === 0) throw new Error(`"${name}" is empty; copy or download it again`);
  const start = await readStart(source, 512);
  const text = Buffer.from(start).toString('latin1');
  if (text.startsWith('PK\x03\x04') || text.startsWith('PK\x05\x06')) return readTorchZip(source);
  if (start[0] === 0x1f && start[1] === 0x8b) {
    const bytes = await gunzip(source);
    await source.close();
    return readSafetensors(new MemorySource(name, bytes));
  }
  // Before the pickles: a header of 128 (0x80) bytes begins like one.
  if (start.length > 8 && start[8] === 0x7b && start[7] === 0) return readSafetensors(source);
  if (start[0] === 0x80 && start[1] <= 5) return readTorchLegacy(source);
  if (text.startsWith('{')) {
    if (isShard) throw new Error(`"${name}" is an index that is named as a shard, by itself or by another index; mend the index`);
    await source.close();
    return readSharded(name, (path) => openFile(path, true));
  }
  const kind = KINDS.find(([pattern]) => pattern.test(text));
  if (kind !== undefined) throw new Error(`"${name}" is ${kind[1]}`);
  // ONNX is a protocol buffer without a magic number: field 1 (version), then field 2 (the producer's name)
  if (start[0] === 0x08 && start[1] < 32 && (start[2] === 0x12 || start[2] === 0x3a)) throw new Error(`"${name}" is probably an ONNX model, which is not supported; take the safetensors or PyTorch weights`);
  return readSafetensors(source);
}

/** Files that are often given by mistake. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^version https:\/\/git-lfs/, 'the pointer of a file in Git LFS, not the file itself; fetch it with git lfs pull'],
  [/^\s*<(!doctype|html|\?xml)/i, 'a web page, no weights; the download went wrong: get the file itself'],
  [/^(\xff\xd8\xff|\x89PNG|GIF8|RIFF....WEBP|BM)/s, 'an image, no weights; name a file of weights'],
  [/^GGUF/, 'in the GGUF format, which is not supported; take the safetensors or PyTorch weights'],
  [/^\x89HDF/, 'an HDF5 (Keras) file, which is not supported; take the safetensors or PyTorch weights'],
  [/^\x93NUMPY/, 'a NumPy array, no weights; name a file of weights'],
  [/^[^\0]{1,100}\0[\s\S]{156}.*ustar/s, 'a tar archive (PyTorch before 0.1.10, or packed weights); unpack it, or save it again with a current PyTorch'],
];
