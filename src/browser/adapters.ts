// LoRA adapters in a browser: a URL, a chosen file, or bytes, with adapter_config.json for PEFT's.

import { adapterName, checkHints, type AdapterFile, type AdapterHints } from '../clip/adapters/adapter-file.ts';
import { readStart, type ByteSource } from '../formats/byte-source.ts';
import { parseObject } from '../formats/json.ts';
import { limits, raise } from '../formats/limits.ts';
import { BlobSource } from './blob-source.ts';
import { fetchBlob, type FetchOptions } from './fetch.ts';
import { isUrl, nameOf, openTensorBytes, sourceOf, type Bytes } from './weights.ts';

/** An adapter's file, or one with its configuration and what neither says. */
export type AdapterSource = Bytes | AdapterDescription;

export interface AdapterDescription extends AdapterHints {
  /** adapter_model.safetensors (or .bin) of PEFT; the file of CLIP-LoRA or loralib. */
  readonly file: Bytes;
  /**
   * adapter_config.json, as a file or parsed; PEFT's adapters need it. Default: the one beside a URL that ends in
   * adapter_model.safetensors or adapter_model.bin.
   */
  readonly config?: Bytes | Readonly<Record<string, unknown>>;
}

/**
 * @returns the open file, to be closed by its owner
 * @throws TypeError, RangeError for options; Error in one sentence if it cannot be fetched or read
 */
export async function openAdapter(source: AdapterSource, options: FetchOptions): Promise<AdapterFile> {
  const { file, config, ...hints } = isDescription(source) ? source : { file: source };
  checkHints(hints);
  const parsed =
    config === undefined
      ? await configBeside(file, options)
      : isBytes(config)
        ? await readConfig(await sourceOf(config, options, 'adapter.config'))
        : { ...config };
  const tensors = await openTensorBytes(file, options, 'adapter');
  const name = isUrl(file) ? new URL(file, globalThis.location?.href).pathname : nameOf(file);
  return {
    name: (hints as AdapterHints).name ?? adapterName(name),
    origin: nameOf(file),
    tensors,
    config: parsed,
    hints,
  };
}

const isDescription = (source: AdapterSource): source is AdapterDescription =>
  typeof source === 'object' && source !== null && 'file' in source;

async function readConfig(source: ByteSource): Promise<Record<string, unknown>> {
  const bytes = await readStart(source, limits().textFileBytes + 1);
  if (bytes.length > limits().textFileBytes)
    throw new Error(
      `"${source.name}" has ${source.size} bytes, more than any adapter_config.json; choose that file, or ` +
        raise('textFileBytes'),
    );
  return parseObject(new TextDecoder().decode(bytes), `"${source.name}"`);
}

const isBytes = (config: Bytes | Readonly<Record<string, unknown>>): config is Bytes =>
  typeof config !== 'object' ||
  [URL, Blob, ArrayBuffer, Uint8Array].some((kind) => (config as unknown) instanceof kind);

/** Where it is missing, `parseAdapter` says whether it is needed. */
async function configBeside(file: Bytes, { cache, signal }: FetchOptions): Promise<Record<string, unknown> | null> {
  if (!isUrl(file)) return null;
  const url = new URL(file, globalThis.location?.href);
  if (!/(^|\/)adapter_model\.(safetensors|bin)$/.test(url.pathname)) return null;
  const config = new URL('adapter_config.json', url);
  const blob = await fetchBlob(config, 'a configuration', { cache, signal }).catch(() => {
    signal?.throwIfAborted();
    return null;
  });
  return blob === null ? null : readConfig(new BlobSource(config.href, blob));
}
