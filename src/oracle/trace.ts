// Every module's output, one after the other while the network computes: nothing is held.

import type { CLIP } from '../clip/clip.ts';
import type { Precision } from '../executors/executor.ts';
import type { Tensor } from '../ops/tensor.ts';
import { moduleFilter } from './glob.ts';
import { moduleShapes } from './module-shapes.ts';
import { valuesOf, type Values } from '../formats/values.ts';

export interface TraceOptions {
  /** Which modules, as a pattern of their paths (glob.ts). Default: all. */
  layers?: string;
  /** 'float64' gives the truth. Default: the model's own. */
  precision?: Precision;
  /** Cancels: the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
  /** Called with each module's path and output, in the network's order. What it does not keep is gone afterwards. */
  onTensor(name: string, values: Values): void;
}

/**
 * Sends images through the image tower and shows every module's output under its PyTorch path; `visual`, the features,
 * comes last.
 * @param image (N,3,R,R), as `preprocess` gives it
 * @returns the features (N,E)
 * @throws RangeError if no module fits the pattern, or for a wrong shape
 */
export async function trace(model: CLIP, image: Tensor, options: TraceOptions): Promise<Values> {
  const { layers, precision, signal, onTensor } = options;
  const wanted = new Set(layers === undefined ? moduleShapes(model.architecture).keys() : tracedModules(model, layers));
  const features = await model.encodeImage(image, {
    precision,
    signal,
    tap: (name, output) => {
      if (wanted.has(name)) onTensor(name, valuesOf(output));
    },
  });
  return valuesOf(features);
}

/**
 * The modules that a pattern stands for, in the network's order.
 * @throws RangeError if there are none
 */
export function tracedModules({ name, architecture }: Pick<CLIP, 'name' | 'architecture'>, layers = '**'): string[] {
  const names = [...moduleShapes(architecture).keys()];
  const found = names.filter(moduleFilter(layers));
  if (found.length === 0) {
    const some = [names[0], names[Math.floor(names.length / 2)], names[names.length - 1]].join(', ');
    throw new RangeError(
      `layers: expected a pattern that fits a module of ${name} (such as ${some}), got "${layers}", which fits ` +
        'none; * stands for a part of one component, ** for anything',
    );
  }
  return found;
}
