// load, in a browser.

import { openAll, type AdapterMode } from '../clip/adapters/adapter-file.ts';
import { checkedTower, noPreprocess, type Tower } from '../clip/weights/towers.ts';
import type { CLIP } from '../clip/clip.ts';
import type { ExecutorOptions } from '../executors/executor.ts';
import type { Activation } from '../clip/weights/activation.ts';
import { loadModel } from '../clip/load-model.ts';
import { openAdapter, type AdapterSource } from './adapters.ts';
import type { FetchOptions } from './fetch.ts';
import { preprocessor, type Preprocess } from './preprocess.ts';
import { openWeights, type Bytes } from './weights.ts';

export interface LoadOptions extends ExecutorOptions, FetchOptions {
  /**
   * A URL, a chosen file, bytes, or 'synthetic:SEED'. safetensors (plain, .gz, or the URL of an index of
   * shards) or PyTorch's files.
   * Default: mini-vit comes with the package.
   */
  weights?: Bytes;
  /**
   * LoRA adapters (PEFT, CLIP-LoRA, loralib), one or several. The first is active; `model.setAdapter` activates
   * another, or none.
   */
  adapter?: AdapterSource | readonly AdapterSource[];
  /**
   * 'merged' (default) adds an adapter to the weights; 'unmerged' applies it beside them: slower calls, changes at
   * once, equal within float32.
   */
  adapterMode?: AdapterMode;
  /**
   * How many threads compute, at most as many as the machine runs at once. Default: all of these where there is shared
   * memory (a page that is cross-origin isolated) and the model has work for them, else 1.
   */
  threads?: number;
  /**
   * R, if it is to be another than the model was trained with: the positional embedding is interpolated. A multiple of
   * the patch, ResNets of 32.
   */
  resolution?: number;
  /**
   * What the transformers were trained with, where the checkpoint does not say it. Default: OpenAI's files quick_gelu;
   * others what the configuration beside them or the name of a published file says, else quick_gelu with a warning
   * (`model.warnings`).
   */
  activation?: Activation;
  /**
   * 'vision' or 'text' loads one tower of a file, whatever the other one is. Default: both; a text tower that cannot be
   * computed here is left out, and `encodeText` says why.
   */
  tower?: Tower | 'both';
}

/**
 * Loads a model by its name (`availableModels()`), or any checkpoint by its URL.
 * @throws RangeError for an unknown name or option; Error for weights that cannot be fetched or belong to another
 *   architecture; the signal's reason when cancelled
 */
export async function load(
  nameOrUrl: string,
  options: LoadOptions = {},
): Promise<{ model: CLIP; preprocess: Preprocess }> {
  if (typeof nameOrUrl !== 'string')
    throw new TypeError(`load: "nameOrUrl" expected a string, got ${typeof nameOrUrl}`);
  const {
    weights,
    resolution,
    activation,
    adapter,
    adapterMode,
    cache,
    onProgress,
    signal,
    tower: wanted,
    ...rest
  } = options;
  const tower = checkedTower(wanted);
  const executor = Object.fromEntries(
    Object.entries(rest).filter(([, value]) => value !== undefined),
  ) as ExecutorOptions;
  const model = await loadModel(
    {
      name: nameOrUrl,
      open: () => openWeights(nameOrUrl, weights, { cache, onProgress, signal, tower }),
      weights: weights === undefined && nameOrUrl === 'mini-vit' ? nameOrUrl : undefined,
      adapters: {
        files: await openAll(adapter, (source) => openAdapter(source, { cache, onProgress, signal })),
        mode: adapterMode,
      },
      resolution,
      activation,
      signal,
      threads: { byDefault: usableCores(), most: usableCores() },
    },
    executor,
  );
  const { preprocessing } = model;
  return {
    model,
    preprocess: preprocessing === null ? noPreprocess(model) : preprocessor(preprocessing.resolution, preprocessing),
  };
}

/** Not by `crossOriginIsolated`: there are browsers that say so and have no shared memory. */
function usableCores(): number {
  return typeof SharedArrayBuffer === 'undefined' || typeof Worker === 'undefined'
    ? 1
    : Math.max(1, navigator.hardwareConcurrency || 1);
}
