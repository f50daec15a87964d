// Weights in several files: model.safetensors.index.json (or pytorch_model.bin.index.json) says which file of the same
// folder holds which tensor. https://huggingface.co/docs/transformers/big_models

import { readStart, type ByteSource } from './byte-source.ts';
import { limits, raise } from './limits.ts';
import { isObject, parseObject } from './json.ts';
import type { TensorFile } from './tensor-file.ts';
import type { StoredTensor } from './stored-tensor.ts';

/**
 * @param source the index; it is closed
 * @param openShard opens a file of the same folder by its name, which is not a path
 * @throws Error if a shard is missing, is outside the folder, or does not hold what the index says
 */
export async function readSharded(
  source: ByteSource,
  openShard: (name: string) => Promise<TensorFile>,
): Promise<TensorFile> {
  const { name: index, size } = source;
  if (size > limits().textFileBytes)
    throw new Error(
      `"${index}" has ${size} bytes, more than any index of shards; name a file of weights, or ` +
        `${raise('textFileBytes')}`,
    );
  const bytes = await readStart(source, size);
  await source.close();
  const { weight_map: map } = parseObject(new TextDecoder().decode(bytes), `"${index}"`);
  if (!isObject(map) || Object.keys(map).length === 0)
    throw new Error(
      `"${index}" has no "weight_map", so it is not an index of shards; name a file of weights or ` +
        'model.safetensors.index.json',
    );
  const wanted = new Map<string, string[]>();
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== 'string' || shard === '' || shard === '..' || shard === '.' || /[\\/\0]/.test(shard)) {
      throw new Error(
        `"${index}" names the shard ${JSON.stringify(shard).slice(0, 120)} for "${tensor}"; expected the name ` +
          'of a file in the same folder: correct the index',
      );
    }
    const names = wanted.get(shard) ?? [];
    names.push(tensor);
    wanted.set(shard, names);
  }
  if (wanted.size > limits().shards)
    throw new Error(
      `"${index}" names ${wanted.size} shards, more than any checkpoint has; check the index, or ${raise('shards')}`,
    );
  const open: TensorFile[] = [];
  const close = async (): Promise<void> => {
    for (const shard of open) await shard.close();
  };
  try {
    const tensors = new Map<string, StoredTensor>();
    for (const [shard, names] of wanted) {
      const raw = await openShard(shard);
      open.push(raw);
      for (const name of names) {
        const tensor = raw.tensors.get(name);
        if (tensor === undefined)
          throw new Error(
            `"${raw.origin}" has no tensor "${name}", which "${index.replace(/^.*[\\/]/, '')}" expects there; ` +
              'download index and shards of the same version',
          );
        tensors.set(name, tensor);
      }
    }
    const metadata = Object.assign({}, ...open.map((shard) => shard.metadata)) as Record<string, string>;
    return { origin: index, format: `${open[0].format}, ${open.length} shards`, metadata, tensors, close };
  } catch (error) {
    await close();
    throw error;
  }
}
