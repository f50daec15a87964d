// load: from a name or a path to a model that answers. Weights come from the cache, the package, a file of any known layout, or a seed.

import { availableParallelism } from 'node:os';
import { Adapters, type AdapterMode } from './adapters/adapters.ts';
import type { AdapterSource } from './adapters/lora.ts';
import { readAdapter } from './adapters/read.ts';
import { activationOf } from './activation.ts';
import { architectureFrom, checkParameters, modelNameFor, parameterShapes } from './architecture.ts';
import type { Checkpoint } from './checkpoint/checkpoint.ts';
import { openBundled } from './checkpoint/bundled.ts';
import { openCheckpoint } from './checkpoint/open.ts';
import { CLIP, type TowerSource } from './clip.ts';
import { cachedPath } from './download.ts';
import { createExecutor, type Executor, type ExecutorOptions } from './executor.ts';
import { preprocessor, type Preprocess } from './image/preprocess.ts';
import { MODELS, type Architecture, type ModelEntry } from './models.ts';
import { atResolution } from './resolution.ts';

export interface LoadOptions extends ExecutorOptions {
  /** A file, a folder of shards, or 'synthetic:SEED'. Default: the cached download; the mini models come with the package. */
  weights?: string;
  /** LoRA adapters (PEFT, CLIP-LoRA, loralib), one or several. The first is in force; `model.setAdapter` puts another in force, or none. */
  adapter?: AdapterSource | readonly AdapterSource[];
  /** 'merged' (default) adds an adapter to the weights; 'unmerged' applies it beside them: slower calls, changes at once, equal within float32. */
  adapterMode?: AdapterMode;
  /** R, if it is to be another than the model was trained with: the positional embedding is interpolated. A multiple of the patch, ResNets of 32. */
  resolution?: number;
}

/**
 * Loads a model by its name (`availableModels()`), or any checkpoint by its path.
 * @throws RangeError for an unknown name or option; Error for weights that cannot be read or belong to another architecture
 */
export async function load(nameOrPath: string, options: LoadOptions = {}): Promise<{ model: CLIP; preprocess: Preprocess }> {
  if (typeof nameOrPath !== 'string') throw new TypeError(`load: "nameOrPath" expected a string, got ${typeof nameOrPath}`);
  const executor = createExecutor({ threads: availableParallelism(), ...withoutUndefined(options) });
  const entry = MODELS.find((model) => model.name === nameOrPath) ?? null;
  const checkpoint = await openWeights(nameOrPath, options.weights).catch(async (error: unknown) => {
    await executor.close();
    throw error;
  });
  try {
    const trained = architectureOf(checkpoint, entry);
    checkParameters(checkpoint, trained);
    const name = entry?.name ?? modelNameFor(trained) ?? nameOrPath;
    const { checkpoint: resized, architecture } = options.resolution === undefined ? { checkpoint, architecture: trained } : atResolution(checkpoint, trained, options.resolution);
    const adapters = await adaptersOf(options, resized, architecture, executor);
    const weights = options.weights ?? (entry !== null && isBundled(entry.name) ? entry.name : checkpoint.origin);
    const description = { name, weights, architecture, activation: activationOf(checkpoint) };
    const model = new CLIP(description, executor, new CheckpointTowers(resized, architecture, executor, adapters));
    await model.prepare('vision');
    return { model, preprocess: preprocessor(architecture.vision.resolution) };
  } catch (error) {
    await executor.close();
    await checkpoint.close();
    throw error;
  }
}

function withoutUndefined(options: LoadOptions): ExecutorOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as ExecutorOptions;
}

/**
 * Opens the weights that `load` would take, without a model around them.
 * @throws RangeError for an unknown name; Error for weights that cannot be read
 */
export async function openWeights(nameOrPath: string, weights?: string): Promise<Checkpoint> {
  const entry = MODELS.find((model) => model.name === nameOrPath) ?? null;
  if (weights !== undefined) {
    if (entry === null && weights.startsWith('synthetic:')) throw unknownModel(nameOrPath);
    return openCheckpoint(weights, entry === null ? {} : { model: entry.name });
  }
  if (entry === null) {
    // Something that looks like a name is a misspelt model, not a missing file.
    if (!/[/\\.]/.test(nameOrPath)) throw unknownModel(nameOrPath);
    return openCheckpoint(nameOrPath);
  }
  if (isBundled(entry.name)) return openBundled(entry.name);
  if (entry.name.startsWith('tiny-')) return openCheckpoint('synthetic:0', { model: entry.name });
  const cached = cachedPath(entry.name);
  if (cached === null) {
    throw new Error(`${entry.name}: its weights are not in the cache; run \`clip-oracle download ${entry.name}\`, or give a file or synthetic:0 as weights`);
  }
  return openCheckpoint(cached, { model: entry.name });
}

const isBundled = (name: string): boolean => name.startsWith('mini-');

function unknownModel(name: string): RangeError {
  return new RangeError(`load: unknown model ${name}; expected one of ${MODELS.map((model) => model.name).join(', ')}, or the path of a checkpoint`);
}

/** The architecture in the file; where a name was asked for, it must be that model's. */
function architectureOf(checkpoint: Checkpoint, entry: ModelEntry | null): Architecture {
  const found = architectureFrom(checkpoint.tensors);
  if (entry === null) return found;
  const same = found.embed === entry.embed && JSON.stringify(found.vision) === JSON.stringify(entry.vision)
    && (found.text === null || entry.text === null || JSON.stringify(found.text) === JSON.stringify(entry.text));
  if (!same) {
    const other = modelNameFor(found);
    throw new Error(`${checkpoint.origin}: expected weights of ${entry.name}, got ${other === null ? 'another architecture' : `those of ${other}`}; `
      + `load it ${other === null ? 'by its path alone' : `as ${other}`}`);
  }
  return found;
}

async function adaptersOf({ adapter, adapterMode = 'merged' }: LoadOptions, checkpoint: Checkpoint, architecture: Architecture, executor: Executor): Promise<Adapters | null> {
  if (adapterMode !== 'merged' && adapterMode !== 'unmerged') throw new RangeError(`load: "adapterMode" expected merged or unmerged, got ${String(adapterMode)}`);
  if (adapter === undefined) return null;
  const sources = Array.isArray(adapter) ? adapter as readonly AdapterSource[] : [adapter as AdapterSource];
  const read = [];
  for (const source of sources) read.push(await readAdapter(source, architecture));
  return new Adapters(read, adapterMode, checkpoint, executor);
}

/** Reads a tower's parameters from a checkpoint when it is asked for, straight into the executor's memory. */
class CheckpointTowers implements TowerSource {
  readonly #checkpoint: Checkpoint;
  readonly #architecture: Architecture;
  readonly #executor: Executor;
  readonly adapters: Adapters | null;

  constructor(checkpoint: Checkpoint, architecture: Architecture, executor: Executor, adapters: Adapters | null) {
    this.adapters = adapters;
    this.#checkpoint = checkpoint;
    this.#architecture = architecture;
    this.#executor = executor;
  }

  weights(tower: 'vision' | 'text'): ReturnType<TowerSource['weights']> {
    const names = parameterShapes(this.#architecture, { vision: tower === 'vision', text: tower === 'text' }).keys();
    return this.adapters === null ? this.#executor.readWeights(this.#checkpoint, names) : this.adapters.read(names);
  }

  close(): Promise<void> {
    return this.#checkpoint.close();
  }
}
