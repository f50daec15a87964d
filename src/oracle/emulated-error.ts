// What a claimed precision earns: the error that the same network has when it is computed as the claim says, measured
// layer by layer in emulation. A backend is then allowed a little more than that, and nothing that was merely guessed.

import type { CLIP } from '../clip/clip.ts';
import type { Emulation } from '../graph/emulate.ts';
import type { Tensor } from '../ops/tensor.ts';
import { VARIANTS } from './claims.ts';
import { FLOAT32_LIMITS, type Limits } from './layer-result.ts';
import type { Measures } from './measures.ts';
import type { Spill } from './spill.ts';
import type { Claim } from './types.ts';
import { valuesOf, type Values } from '../formats/values.ts';

/** An emulation's distance from what is right, on one layer. */
export interface Distance {
  /** ‖E-T‖ / ‖T‖ */
  readonly relRms: number;
  /** The largest |E-T|. */
  readonly maxAbs: number;
}

/**
 * How far an emulated tensor is from the right one. Places where either is not finite are left out: that a precision
 * overflows earns nothing.
 * @param right T, or our float32 where an error of 2^-13 of the emulation's does not matter
 */
export function distance(emulated: Values['data'], right: Values['data']): Distance {
  if (emulated.length !== right.length)
    throw new RangeError(
      `distance: expected two tensors of one size, got ${emulated.length} and ${right.length} elements`,
    );
  let ee = 0,
    tt = 0,
    maxAbs = 0;
  for (let i = 0; i < right.length; i++) {
    const e = emulated[i] - right[i];
    if (!Number.isFinite(e)) continue;
    ee += e * e;
    tt += right[i] * right[i];
    if (Math.abs(e) > maxAbs) maxAbs = Math.abs(e);
  }
  return { relRms: ee === 0 ? 0 : Math.sqrt(ee / tt), maxAbs };
}

/** Runs the network and shows every module's output; `emulate` says how. */
export type Pass = (emulate: Emulation | undefined, each: (name: string, values: Values) => void) => Promise<void>;

/**
 * The errors that a claim earns on one input: per module, one distance for each of the claim's variants.
 * @param right what is right for every module that counts; others are passed over
 */
export async function earned(claim: Claim, pass: Pass, right: Spill): Promise<Map<string, Distance[]>> {
  const found = new Map<string, Distance[]>();
  for (const { emulation } of VARIANTS[claim]) {
    await pass(emulation, (name, values) => {
      if (!right.has(name)) return;
      found.set(name, [...(found.get(name) ?? []), distance(values.data, right.read(name).data)]);
    });
  }
  return found;
}

/** The pass of a free-running network. */
export function freePass(model: CLIP, image: Tensor, signal?: AbortSignal): Pass {
  return async (emulate, each) => {
    await model.encodeImage(image, {
      emulate,
      signal,
      tap: (name, output) => {
        each(name, valuesOf(output));
      },
    });
  };
}

/**
 * How much more than in emulation a backend may be off. Measured with PyTorch 1.13 on the CPU
 * (tools/pytorch/low_precision.py), as multiples of the largest variant: its own bfloat16 is at most 1.49 on all layers
 * of RN50 and ViT-B/32 (the most in an attention), and 1.43 on the tiny models with five seeds of weights and images;
 * 1.95 where it multiplies a single row by a matrix, for which it sums in bfloat16. float16, tf32 and int8 weights
 * emulated in PyTorch:
 * at most 1.16. Sums in float16, which no claim allows: up to 6.6.
 */
export const MARGIN = { pass: 2, plausible: 4 } as const;

/** ‖B-T‖ / ‖T‖ up to which a layer passes, by what the claim earned there. */
export const allowedRelRms = (distances: readonly Distance[]): number =>
  MARGIN.pass * Math.max(0, ...distances.map(({ relRms }) => relRms));

/**
 * Limits of rho for a layer. They are never below those of a float32 backend.
 * @param allowed from allowedRelRms
 * @param measures of the backend's layer, which know what rho is in units of
 */
export function claimLimits(
  allowed: number,
  { rho, relRms, referenceRelRms }: Pick<Measures, 'rho' | 'relRms' | 'referenceRelRms'>,
): Limits {
  const noise = rho > 0 && Number.isFinite(rho) ? relRms / rho : referenceRelRms;
  const pass = noise > 0 ? allowed / noise : 0;
  return {
    pass: Math.max(FLOAT32_LIMITS.pass, pass),
    plausible: Math.max(FLOAT32_LIMITS.plausible, pass * (MARGIN.plausible / MARGIN.pass)),
  };
}
