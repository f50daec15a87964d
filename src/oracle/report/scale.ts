// The chart's axes: layers from left to right, error on a log scale.

import { log2 } from '../log2.ts';
import type { LayerResult } from '../types.ts';

/** Errors are drawn between these limits; larger and smaller ones on the edge. */
const LEAST = 1e-10;
const MOST = 100;

const log10 = (x: number): number => log2(x) * 0.3010299956639812;

/** What float32 costs in a layer, as a relative error: the layer's relRms where rho is 1. */
export function unitOfLayer(layer: LayerResult): number {
  const unit = layer.relRms / layer.rho;
  return unit > 0 && unit < Infinity ? unit : layer.referenceRelRms;
}

/** Whole decades that hold all the values that are positive and finite, at least three. */
export function decades(values: readonly number[]): { low: number; high: number } {
  const drawn = values.filter((x) => x > 0 && x < Infinity).map((x) => log10(Math.min(MOST, Math.max(LEAST, x))));
  if (drawn.length === 0) return { low: -8, high: 0 };
  const [least, most] = drawn.reduce(([low, high], x) => [Math.min(low, x), Math.max(high, x)], [Infinity, -Infinity]);
  const low = Math.floor(least - 0.15);
  return { low, high: Math.max(low + 3, Math.ceil(most + 0.15)) };
}

export interface Scale {
  x(layer: number): number;
  y(error: number): number;
}

export function makeScale(
  layers: number,
  { low, high }: { low: number; high: number },
  box: { left: number; right: number; top: number; bottom: number },
): Scale {
  const step = (box.right - box.left) / Math.max(1, layers);
  return {
    x: (layer) => round(box.left + (layer + 0.5) * step),
    y: (error) => {
      if (!(error < Infinity)) return box.top; // NaN too
      const at = error <= LEAST ? low : Math.min(high, Math.max(low, log10(error)));
      return round(box.bottom - ((at - low) / (high - low)) * (box.bottom - box.top));
    },
  };
}

const round = (x: number): number => Math.round(x * 10) / 10;
