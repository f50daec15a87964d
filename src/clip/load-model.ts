// Builds a model from opened weights; shared by Node and browsers.

import type { AdapterFile, AdapterMode } from './adapters/adapter-file.ts';
import { Adapters } from './adapters/adapters.ts';
import { parseAdapter } from './adapters/parse.ts';
import { activationsOf, checkActivation, warn } from './weights/activation.ts';
import {
  architectureFrom,
  checkParameters,
  modelNameFor,
  parameterUses,
  sameImageTower,
  sameTextTower,
} from './parameters.ts';
import type { Checkpoint } from './weights/checkpoint.ts';
import { NO_CONFIGURATION } from './weights/config.ts';
import { checkSizes, preprocessingOf } from './weights/configured.ts';
import { CLIP, type TowerSource } from './clip.ts';
import { checkExecutorOptions, createExecutor } from '../executors/create.ts';
import type { Executor, ExecutorOptions } from '../executors/executor.ts';
import type { Activation } from '../layers/index.ts';
import type { Architecture } from './architecture.ts';
import { MODELS, type ModelEntry } from './models.ts';
import { threadsFor, type HostThreads } from './threads.ts';
import { atResolution } from './weights/resolution.ts';

export interface ModelSource {
  /** A model's name, or what the weights came from. */
  readonly name: string;
  open(): Promise<Checkpoint>;
  /** The name of the weights. Default: the checkpoint's origin. */
  readonly weights?: string;
  /** LoRA adapters, open; `loadModel` closes them. The first is active. Default mode: merged. */
  readonly adapters?: { readonly files: readonly AdapterFile[]; readonly mode?: AdapterMode };
  readonly resolution?: number;
  /** What the caller says that the transformers have. */
  readonly activation?: Activation;
  readonly signal?: AbortSignal;
  /** Default: as many threads as the options say, or 1. */
  readonly threads?: HostThreads;
}

/** The entry of a model, or null for another name. */
export const entryOf = (name: string): ModelEntry | null => MODELS.find((model) => model.name === name) ?? null;

/**
 * @throws RangeError for a wrong option; Error for weights that cannot be read or belong to another architecture; the
 *   signal's reason when cancelled
 */
export async function loadModel(source: ModelSource, options: ExecutorOptions): Promise<CLIP> {
  const files = source.adapters?.files ?? [];
  try {
    return await buildModel(source, options, files);
  } finally {
    for (const file of files) await file.tensors.close();
  }
}

async function buildModel(source: ModelSource, options: ExecutorOptions, files: readonly AdapterFile[]): Promise<CLIP> {
  const { signal } = source;
  const mode = source.adapters?.mode ?? 'merged';
  if (mode !== 'merged' && mode !== 'unmerged')
    throw new RangeError(`load: "adapterMode" expected merged or unmerged, got ${String(mode)}`);
  checkActivation(source.activation);
  signal?.throwIfAborted();
  checkExecutorOptions(options, 'load');
  const checkpoint = await source.open();
  let executor: Executor | null = null;
  try {
    const entry = entryOf(source.name);
    const trained = architectureOf(checkpoint, entry);
    const configuration = checkpoint.configuration ?? NO_CONFIGURATION;
    checkParameters(checkpoint, trained);
    checkSizes(configuration, trained, source.resolution);
    const name = entry?.name ?? modelNameFor(trained) ?? source.name;
    const { checkpoint: resized, architecture } =
      source.resolution === undefined
        ? { checkpoint, architecture: trained }
        : atResolution(checkpoint, trained, source.resolution);
    executor = createExecutor(
      { ...options, threads: threadsFor(architecture, options.threads, source.threads) },
      'load',
    );
    const warnings: string[] = [];
    const warned =
      (code: 'CLIP_ORACLE_ACTIVATION' | 'CLIP_ORACLE_ADAPTER') =>
      (message: string): void => {
        warnings.push(message);
        warn(message, code);
      };
    const parsed = [];
    for (const file of files) parsed.push(await parseAdapter(file, architecture, warned('CLIP_ORACLE_ADAPTER')));
    const adapters = parsed.length === 0 ? null : new Adapters(parsed, mode, resized, executor);
    const description = {
      name,
      weights: source.weights ?? checkpoint.origin,
      architecture,
      activations: activationsOf(
        checkpoint,
        { asked: source.activation, entry, architecture },
        warned('CLIP_ORACLE_ACTIVATION'),
      ),
      warnings,
      preprocessing:
        architecture.vision === null
          ? undefined
          : preprocessingOf(
              configuration,
              architecture.vision.resolution,
              source.resolution !== undefined,
              checkpoint.origin,
            ),
      refusedText: checkpoint.refusedText,
    };
    const model = new CLIP(description, executor, new CheckpointTowers(resized, architecture, executor, adapters));
    signal?.throwIfAborted();
    await model.prepare(architecture.vision === null ? 'text' : 'vision');
    signal?.throwIfAborted();
    return model;
  } catch (error) {
    await executor?.close();
    await checkpoint.close();
    throw error;
  }
}

export function unknownModel(name: string, instead: string): RangeError {
  return new RangeError(
    `load: unknown model ${name}; expected one of ${MODELS.map((model) => model.name).join(', ')}, or ${instead}`,
  );
}

/** The architecture in the file. @throws Error if it is not that of the named model */
function architectureOf(checkpoint: Checkpoint, entry: ModelEntry | null): Architecture {
  const found = architectureFrom(checkpoint.tensors, checkpoint.metadata);
  if (entry === null) return found;
  if (!sameImageTower(entry, found) || (entry.text !== null && !sameTextTower(entry, found))) {
    const other = modelNameFor(found);
    throw new Error(
      `${checkpoint.origin}: expected weights of ${entry.name}, got ` +
        `${other === null ? 'another architecture' : `those of ${other}`}; ` +
        `load it ${other === null ? 'by its path alone' : `as ${other}`}`,
    );
  }
  return found;
}

/** Reads a tower's parameters from a checkpoint into the executor's memory. */
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
    const uses = parameterUses(this.#architecture, { vision: tower === 'vision', text: tower === 'text' });
    return this.adapters === null ? this.#executor.readWeights(this.#checkpoint, uses) : this.adapters.read(uses);
  }

  close(): Promise<void> {
    return this.#checkpoint.close();
  }
}
