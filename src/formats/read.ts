// Finds out what a file is by its first bytes, whatever its name says, and hands it to the reader of that format.

import { MemorySource, readStart, type ByteSource } from './byte-source.ts';
import { gunzip } from './gzip.ts';
import type { TensorFile } from './tensor-file.ts';
import { readSafetensors } from './safetensors.ts';
import { readSharded } from './sharded.ts';
import { formatName, SIGNATURE_BYTES } from './signatures.ts';
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
  const start = await readStart(source, SIGNATURE_BYTES);
  const format = formatName(start);
  if (format === null || format === 'safetensors') return readSafetensors(source);
  if (format === 'JSON') {
    if (openShard === null)
      throw new Error(`"${name}" is an index of shards that is listed as a shard itself; correct the index`);
    return readSharded(source, openShard);
  }
  if (format === 'a ZIP archive') return readTorchZip(source);
  if (format === 'a Python pickle') return readTorchLegacy(source);
  if (format === 'a gzip file') {
    const bytes = await gunzip(source);
    await source.close();
    return readSafetensors(new MemorySource(name, bytes));
  }
  throw new Error(
    `"${name}" expected a file of weights, got ${format}; ${REMEDIES[format] ?? 'name a safetensors or PyTorch file'}`,
  );
}

/** What to do about files that are often given by mistake. */
const REMEDIES: Readonly<Record<string, string>> = {
  'a Git LFS pointer': 'fetch the file itself with git lfs pull',
  'an HTML page': 'the download failed: get the file itself',
  XML: 'the download failed: get the file itself',
  'Flax weights (MessagePack)':
    'take the safetensors or PyTorch file of the same model, or write one with transformers 4: ' +
    'CLIPModel.from_pretrained(folder, from_flax=True).save_pretrained(other)',
  'an HDF5 (Keras) file':
    "it may hold TensorFlow's weights: take the safetensors or PyTorch file of the same model, or " +
    'write one with transformers 4: CLIPModel.from_pretrained(folder, from_tf=True).save_pretrained(other)',
  'an ONNX model': 'take the safetensors or PyTorch file that it was exported from',
  'a GGUF file': 'take the safetensors or PyTorch file that it was converted from',
  'a NumPy array': 'it is one tensor; name the safetensors or PyTorch file of the whole model',
  'a tar archive': 'unpack it; if PyTorch before 0.1.10 wrote it, save it again with a current PyTorch',
};
