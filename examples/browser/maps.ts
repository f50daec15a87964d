// The attention maps of one picture, taken apart for showing.

import { attentionRollout } from 'clip-oracle';
import ndarray from 'ndarray';
import type { Numbers } from './bytes.ts';
import type { Grid } from './drawing.ts';

export interface Maps {
  readonly layers: number;
  readonly heads: number;
  /** Tokens: the class token and the patches. */
  readonly L: number;
  readonly grid: Grid;
  /** For each block the mean of its heads, (L,L). */
  readonly means: Float32Array[];
  /** All blocks together, (L,L). */
  readonly rollout: Float32Array;
  /** One head's (L,L). */
  of(layer: number, head: number): Float32Array;
}

/** @param maps (layers,heads,L,L) */
export function mapsOf({ shape, data }: Numbers): Maps {
  const [layers, heads, L] = shape;
  const size = L * L;
  const of = (layer: number, head: number): Float32Array =>
    data.subarray((layer * heads + head) * size, (layer * heads + head + 1) * size);
  const means = Array.from({ length: layers }, (_, layer) => {
    const mean = new Float32Array(size);
    for (let head = 0; head < heads; head++)
      of(layer, head).forEach((share, i) => {
        mean[i] += share / heads;
      });
    return mean;
  });
  const side = Math.round(Math.sqrt(L - 1));
  return {
    layers,
    heads,
    L,
    grid: { rows: side, columns: side },
    means,
    of,
    rollout: attentionRollout(ndarray(data, [...shape])).data as Float32Array,
  };
}

/** How the attention of one token is shared out. */
export const row = (map: Float32Array, token: number, L: number): Float32Array =>
  map.subarray(token * L, (token + 1) * L);
