// The model that options name: loaded, used, closed.

import type { LoadOptions } from '../clip/load.ts';
import type { Loaded } from '../features/pipeline.ts';
import { CommandError } from './errors.ts';
import { PARTS, type ImageOptions, type ModelChanges } from './options.ts';

/** What of the options decides which model is loaded, and how. */
export type ModelOptions = Pick<ImageOptions, 'model' | 'weights' | 'threads' | 'executor'> &
  Partial<Pick<ImageOptions, 'precision' | 'residency'>> &
  ModelChanges;

/** Loads the model, and closes it after `use` however that ends. */
export async function withModel<T>(options: ModelOptions, use: (loaded: Loaded) => Promise<T>): Promise<T> {
  const { load } = await import('../clip/load.ts');
  const { model, weights, threads, precision, executor, residency } = options;
  const loaded = await load(model, { weights, threads, precision, executor, residency, ...loadedChanges(options) });
  try {
    return await use(loaded);
  } finally {
    await loaded.model.close();
  }
}

/**
 * What `load` takes for the changes that were asked for.
 * @throws CommandError for an option of adapters without an adapter
 */
export function loadedChanges({
  adapter: path,
  adapterAlpha: alpha,
  adapterParts: parts,
  peftAsIs,
  resolution,
  activation,
  tower,
}: ModelChanges): Pick<LoadOptions, 'activation' | 'adapter' | 'resolution' | 'tower'> {
  if (path === undefined) {
    const alone =
      alpha !== undefined
        ? '--adapter-alpha'
        : parts !== undefined
          ? '--adapter-parts'
          : peftAsIs
            ? '--peft-as-is'
            : null;
    if (alone !== null)
      throw new CommandError(`${alone} expected --adapter, got none; name the adapter, or leave it out`);
    return { resolution, activation, tower };
  }
  return {
    resolution,
    activation,
    tower,
    adapter: {
      path,
      ...(alpha !== undefined && { alpha }),
      ...(peftAsIs && { peftAsIs }),
      ...(parts !== undefined && { enableLora: PARTS.map((part) => parts.includes(part)) }),
    },
  };
}
