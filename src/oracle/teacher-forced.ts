// Layers that a free-running comparison finds only plausible are judged again on the backend's own inputs.
// Free-running, a small fault is hidden by the errors of the layers before; there the noise is one layer's, so a fault
// of a few parts in a million (LayerNorm's eps) is found at its place.

import { compareLayers, type CompareOptions, type Comparison } from './compare-layers.ts';
import type { LayerResult } from './types.ts';

/**
 * The same layers; those that were plausible and are wrong on the backend's own inputs become wrong.
 * @param layers free-running, in the network's order
 */
export async function ownVerdicts(
  comparison: Comparison,
  layers: readonly LayerResult[],
  onProgress?: CompareOptions['onProgress'],
): Promise<readonly LayerResult[]> {
  const firstWrong = layers.findIndex(({ verdict }) => verdict === 'wrong');
  const before = firstWrong < 0 ? layers : layers.slice(0, firstWrong);
  const until = before.filter(({ verdict }) => verdict === 'plausible').at(-1)?.name;
  if (until === undefined) return layers;
  const own = await compareLayers(comparison, { teacherForced: true, until, onProgress });
  const wrong = new Map(own.layers.filter(({ verdict }) => verdict === 'wrong').map((layer) => [layer.name, layer]));
  return layers.map((layer) =>
    layer.verdict === 'plausible' && wrong.has(layer.name)
      ? { ...layer, verdict: 'wrong', ownRho: wrong.get(layer.name)!.rho }
      : layer,
  );
}
