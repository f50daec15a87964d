// load: from a name or a path to a model. Weights come from the cache, the package, a file of any known layout, or a
// seed.

import { defaultThreads, usableCores } from '../../workers/cores.ts';
import { openAll, type AdapterMode } from './adapters/adapter-file.ts';
import { openAdapter, type AdapterSource } from './adapters/open.ts';
import type { Checkpoint } from './weights/checkpoint.ts';
import { openBundled } from './weights/bundled.ts';
import { openCheckpoint } from './weights/open.ts';
import { checkedTower, noPreprocess, type Tower } from './weights/towers.ts';
import type { CLIP } from './clip.ts';
import { cachedPath } from './download/download.ts';
import type { ExecutorOptions } from '../executors/executor.ts';
import type { Activation } from '../layers/index.ts';
import { preprocessor, type Preprocess } from './image/preprocess.ts';
import { entryOf, loadModel, unknownModel } from './load-model.ts';

export interface LoadOptions extends ExecutorOptions {
  /**
   * A file, a folder of shards, or 'synthetic:SEED'. Default: the cached download; the mini models come with the
   * package.
   */
  weights?: string;
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
   * R, if it differs from the one the model was trained with: the positional embedding is interpolated. A multiple of
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
 * Loads a model by its name (`availableModels()`), or any checkpoint by its path.
 * @throws RangeError for an unknown name or option; Error for weights that cannot be read or belong to another
 *   architecture
 */
export async function load(
  nameOrPath: string,
  options: LoadOptions = {},
): Promise<{ model: CLIP; preprocess: Preprocess }> {
  if (typeof nameOrPath !== 'string')
    throw new TypeError(`load: "nameOrPath" expected a string, got ${typeof nameOrPath}`);
  const { weights, resolution, activation, adapter, adapterMode } = options;
  const tower = checkedTower(options.tower);
  const model = await loadModel(
    {
      name: nameOrPath,
      open: () => openWeights(nameOrPath, weights, tower),
      weights: weights ?? (isBundled(nameOrPath) && entryOf(nameOrPath) !== null ? nameOrPath : undefined),
      adapters: { files: await openAll(adapter, openAdapter), mode: adapterMode },
      resolution,
      activation,
      threads: { byDefault: defaultThreads(), most: usableCores() },
    },
    withoutUndefined(options),
  );
  const { preprocessing } = model;
  return {
    model,
    preprocess: preprocessing === null ? noPreprocess(model) : preprocessor(preprocessing.resolution, preprocessing),
  };
}

function withoutUndefined(options: LoadOptions): ExecutorOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as ExecutorOptions;
}

/**
 * Opens the weights that `load` would take, without a model around them.
 * @throws RangeError for an unknown name; Error for weights that cannot be read
 */
export async function openWeights(nameOrPath: string, weights?: string, tower?: Tower): Promise<Checkpoint> {
  const entry = entryOf(nameOrPath);
  if (weights !== undefined) {
    if (entry === null && weights.startsWith('synthetic:')) throw unknownModel(nameOrPath, 'the path of a checkpoint');
    return openCheckpoint(weights, { tower, ...(entry !== null && { model: entry.name }) });
  }
  if (entry === null) {
    // Something that looks like a name is a misspelt model, not a missing file.
    if (!/[/\\.]/.test(nameOrPath)) throw unknownModel(nameOrPath, 'the path of a checkpoint');
    return openCheckpoint(nameOrPath, { tower });
  }
  if (isBundled(entry.name)) return openBundled(entry.name, { tower });
  if (entry.name.startsWith('tiny-')) return openCheckpoint('synthetic:0', { model: entry.name, tower });
  const cached = cachedPath(entry.name);
  if (cached === null) {
    throw new Error(
      `${entry.name}: its weights are not in the cache; run \`clip-oracle download ${entry.name}\`, or give a ` +
        'file or synthetic:0 as weights',
    );
  }
  return openCheckpoint(cached, { model: entry.name, tower });
}

const isBundled = (name: string): boolean => name.startsWith('mini-');
