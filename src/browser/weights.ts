// Weights in a browser: from the package, a URL, a chosen file, bytes in memory, or a seed.

import type { Checkpoint } from '../clip/weights/checkpoint.ts';
import { MemorySource, type ByteSource } from '../formats/byte-source.ts';
import { checkpointOf } from '../clip/weights/from-tensor-file.ts';
import { configured, MAX_CONFIG_BYTES, NO_CONFIGURATION, type Configuration } from '../clip/weights/config.ts';
import { oneTower, type Tower } from '../clip/weights/towers.ts';
import { namesOf } from '../clip/weights/layouts.ts';
import type { TensorFile } from '../formats/tensor-file.ts';
import { readTensorFile } from '../formats/read.ts';
import { openSynthetic } from '../clip/weights/synthetic.ts';
import { entryOf, unknownModel } from '../clip/load-model.ts';
import { bundledUrl } from './assets.ts';
import { BlobSource } from './blob-source.ts';
import { fetchBlob, forget, type FetchOptions } from './fetch.ts';

/** A URL, a file, or bytes. */
export type Bytes = string | URL | Blob | ArrayBuffer | Uint8Array;

/** The name in messages. */
export function nameOf(bytes: Bytes): string {
  if (typeof bytes === 'string') return bytes;
  if (bytes instanceof URL) return bytes.href;
  if (typeof File !== 'undefined' && bytes instanceof File && bytes.name !== '') return bytes.name;
  return bytes instanceof Blob ? 'the Blob' : 'the bytes';
}

/** The bytes, read by ranges. @throws TypeError for something else; Error if they cannot be fetched */
export async function sourceOf(bytes: Bytes, options: FetchOptions, argument: string): Promise<ByteSource> {
  const name = nameOf(bytes);
  if (isUrl(bytes))
    return new BlobSource(name, await fetchBlob(bytes, argument === 'weights' ? 'weights' : 'a file', options));
  if (bytes instanceof Blob) return new BlobSource(name, bytes);
  if (bytes instanceof ArrayBuffer) return new MemorySource(name, new Uint8Array(bytes));
  if (bytes instanceof Uint8Array) return new MemorySource(name, bytes);
  throw new TypeError(
    `load: "${argument}" expected a URL, a Blob, an ArrayBuffer, a Uint8Array` +
      `${argument === 'weights' ? ' or synthetic:SEED' : ''}, got ` +
      `${bytes === null ? 'null' : typeof bytes}`,
  );
}

/**
 * Opens tensors in any format.
 * @param argument what the caller's argument is called, for messages
 * @throws Error in one sentence if they cannot be fetched or read or are in no format that is known here
 */
export async function openTensorBytes(
  bytes: Bytes,
  options: FetchOptions,
  argument = 'weights',
  isShard = false,
): Promise<TensorFile> {
  const source = await sourceOf(bytes, options, argument);
  const openShard = async (name: string): Promise<TensorFile> => {
    if (!isUrl(bytes))
      throw new Error(
        `"${source.name}" is an index of shards, whose files a page cannot find; give its URL, or join the shards`,
      );
    return openTensorBytes(new URL(name, new URL(bytes, globalThis.location?.href)).href, options, argument, true);
  };
  try {
    return await readTensorFile(source, isShard ? null : openShard);
  } catch (error) {
    await source.close();
    // Anything else than weights must not stay in the cache.
    if (isUrl(bytes)) await forget(bytes);
    throw error;
  }
}

export const isUrl = (bytes: Bytes): bytes is string | URL => typeof bytes === 'string' || bytes instanceof URL;

/**
 * Opens the weights that `load` takes.
 * @throws RangeError for an unknown name; Error for weights that cannot be fetched or read
 */
export async function openWeights(
  nameOrUrl: string,
  weights: Bytes | undefined,
  options: FetchOptions & { tower?: Tower },
): Promise<Checkpoint> {
  const entry = entryOf(nameOrUrl);
  const unknown = (): RangeError => unknownModel(nameOrUrl, 'the URL of a checkpoint');
  if (weights === undefined && entry === null) {
    // Something that looks like a name is a misspelt model, not a missing file.
    if (!/[/\\.]/.test(nameOrUrl)) throw unknown();
    return openCheckpoint(nameOrUrl, options);
  }
  const given = weights ?? (entry!.name.startsWith('tiny-') ? 'synthetic:0' : undefined);
  if (typeof given === 'string' && given.startsWith('synthetic:')) {
    if (entry === null) throw unknown();
    return oneTower(await openSynthetic(given, { model: entry.name }), options.tower);
  }
  if (given !== undefined) return openCheckpoint(given, options);
  if (entry!.name === 'mini-vit') return openCheckpoint(bundledUrl('mini-vit.safetensors.gz'), options);
  throw new Error(
    `${entry!.name}: its weights do not come with the package; give a URL or a file of them as weights ` +
      '(Hugging Face has model.safetensors under openai/clip-vit-…), or synthetic:0',
  );
}

async function openCheckpoint(bytes: Bytes, options: FetchOptions & { tower?: Tower }): Promise<Checkpoint> {
  const raw = await openTensorBytes(bytes, options);
  try {
    return checkpointOf(raw, raw.origin, await configurationBeside(bytes, options, namesOf(raw.tensors)), {
      tower: options.tower,
    });
  } catch (error) {
    await raw.close();
    throw error;
  }
}

/**
 * config.json and open_clip_config.json beside a URL of the kind that Hugging Face has. Other URLs are not tried: most
 * servers have no such file.
 */
async function configurationBeside(
  bytes: Bytes,
  { cache, signal }: FetchOptions,
  names: 'huggingface' | 'open_clip',
): Promise<Configuration> {
  if (!isUrl(bytes)) return NO_CONFIGURATION;
  const url = new URL(bytes, globalThis.location?.href);
  if (!/(^|\/)(open_clip_)?(model|pytorch_model)\.(safetensors|bin)(\.index\.json)?$/.test(url.pathname))
    return NO_CONFIGURATION;
  return configured(
    (file) => new URL(file, url).href,
    async (file) => {
      const blob = await fetchBlob(file, 'a configuration', { cache, signal });
      return blob.size > MAX_CONFIG_BYTES ? null : blob.text();
    },
    names,
  );
}
