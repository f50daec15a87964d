// Finds out what a file is by its first bytes (names lie) and hands it to the reader of that format.

import { MemorySource, readStart, type ByteSource } from './byte-source.ts';
import { gunzip } from './gzip.ts';
import { latin1 } from './latin1.ts';
import type { TensorFile } from './tensor-file.ts';
import { readSafetensors } from './safetensors.ts';
import { readSharded } from './sharded.ts';
import { readTorchLegacy } from './torch/legacy.ts';
import { readTorchZip } from './torch/zip.ts';

/**
 * @param openShard opens a file beside an index of shards; null for a file that is a shard itself
 * @throws Error in one sentence if it is in no format that is known here, or damaged
 */
export async function readTensorFile(
  source: ByteSource,
  openShard: ((name: string) => Promise<TensorFile>) | null,
): Promise<TensorFile> {
  const { name } = source;
  if (source.size === 0) throw new Error(`"${name}" is empty; copy or download it again`);
  const start = await readStart(source, 512);
  const text = latin1(start);
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
    if (openShard === null)
      throw new Error(`"${name}" is an index that is named as a shard, by itself or by another index; mend the index`);
    return readSharded(source, openShard);
  }
  const kind = KINDS.find(([pattern]) => pattern.test(text));
  if (kind !== undefined) throw new Error(`"${name}" is ${kind[1]}`);
  // ONNX is a protocol buffer without a magic number: field 1 (version), then field 2 (the producer's name)
  if (start[0] === 0x08 && start[1] < 32 && (start[2] === 0x12 || start[2] === 0x3a))
    throw new Error(
      `"${name}" is probably an ONNX model, which is not supported; take the safetensors or PyTorch weights`,
    );
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
  [
    /^[^\0]{1,100}\0[\s\S]{156}.*ustar/s,
    'a tar archive (PyTorch before 0.1.10, or packed weights); unpack it, or save it again with a current PyTorch',
  ],
];
