// The range of errors of each precision, layer by layer: the bands that the chart draws behind the backend's errors.

import { FLOAT32_LIMITS } from '../layer-result.ts';
import type { Claim, VerifyResult } from '../types.ts';
import { unitOfLayer } from './scale.ts';

export interface Band {
  /** The class of its colour. */
  readonly kind: 'float32' | 'plausible' | 'float16' | 'bfloat16' | 'claim';
  readonly label: string;
  /** Relative errors per layer, in the result's order. */
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** By claim and module path the smallest and the largest noise ratio that the precision has in emulation. */
export type Earned = Partial<Record<Claim, ReadonlyMap<string, readonly [low: number, high: number]>>>;

/**
 * About 2^13 for float16 and TF32, 2^16 for bfloat16: a band of a factor of two around them, where nothing better is
 * known.
 */
const TYPICAL: Readonly<Record<'float16' | 'bfloat16', readonly [number, number]>> = {
  float16: [4096, 16384],
  bfloat16: [32768, 131072],
};

export function bandsOf(result: VerifyResult, earned: Earned = {}): Band[] {
  const units = unitsOf(result);
  const times = (factor: number): number[] => units.map((unit) => unit * factor);
  const bands: Band[] = [
    { kind: 'float32', label: 'float32: as good as it gets', low: times(0), high: times(FLOAT32_LIMITS.pass) },
    {
      kind: 'plausible',
      label: 'float32: plausible',
      low: times(FLOAT32_LIMITS.pass),
      high: times(FLOAT32_LIMITS.plausible),
    },
  ];
  for (const kind of ['float16', 'bfloat16'] as const) {
    const ratios = result.layers.map(({ name }) => earned[kind]?.get(name) ?? TYPICAL[kind]);
    const label = kind === 'float16' ? 'float16, TF32' : 'bfloat16';
    bands.push({
      kind,
      label: earned[kind] === undefined ? `${label}: usual` : `${label}: earned in emulation`,
      low: ratios.map(([low], layer) => low * units[layer]),
      high: ratios.map(([, high], layer) => high * units[layer]),
    });
  }
  if (result.claim !== 'float32') {
    bands.push({
      kind: 'claim',
      label: `limit of the claim, ${result.claim}`,
      low: result.layers.map(({ limits }, layer) => limits.pass * units[layer]),
      high: result.layers.map(({ limits }, layer) => limits.plausible * units[layer]),
    });
  }
  return bands;
}

/** What float32 costs in each layer; where that is not known, what it cost in the one before. */
function unitsOf(result: VerifyResult): number[] {
  let last = result.layers.map(unitOfLayer).find((unit) => unit > 0 && unit < Infinity) ?? 1e-7;
  return result.layers.map((layer) => {
    const unit = unitOfLayer(layer);
    if (unit > 0 && unit < Infinity) last = unit;
    return last;
  });
}
