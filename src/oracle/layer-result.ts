// One layer of a backend, compared with our float32 and the truth.

import { sizeOf } from '../ops/tensor.ts';
import { measure, type Measures } from './measures.ts';
import type { LayerResult, LayerVerdict } from './types.ts';
import type { Values } from '../formats/values.ts';

export interface Limits {
  readonly pass: number;
  readonly plausible: number;
}

/** Limits of rho for a float32 backend, on every layer (docs/numerics.md, "What a tolerance may be"). */
export const FLOAT32_LIMITS: Limits = { pass: 4, plausible: 16 };

/**
 * A channel or token that is nearly zero has a large relative error of its own: its error is relative to at least this
 * share of the mean channel's norm.
 */
const QUIET = 1 / 4096;

/**
 * All measures and the verdict of one layer.
 * @param limits of rho, or how they follow from what was measured
 * @param backend B, in PyTorch's layout
 * @param reference R, our float32
 * @param truth T, float64
 * @throws RangeError if the shapes differ
 */
export function layerResult(
  name: string,
  backend: Values,
  reference: Values,
  truth: Values,
  limits: Limits | ((measures: Measures) => Limits) = FLOAT32_LIMITS,
): LayerResult {
  for (const { shape } of [backend, reference]) {
    if (shape.join() !== truth.shape.join())
      throw new RangeError(
        `${name}: expected shape (${truth.shape.join(', ')}), got (${shape.join(', ')}); bring it to PyTorch's ` +
          'layout first',
      );
  }
  const measures = measure(backend.data, reference.data, truth.data);
  const own = typeof limits === 'function' ? limits(measures) : limits;
  return {
    name,
    shape: truth.shape,
    ...measures,
    worst: worst(name, backend, truth),
    limits: own,
    verdict: verdictOf(measures.rho, own),
  };
}

/**
 * A layer whose output has a shape that the module's cannot have: wrong, and there is nothing to measure.
 * @param stored the backend's shape
 */
export function misshapen(
  name: string,
  stored: readonly number[],
  reference: Values,
  truth: Values,
  limits: Limits,
): LayerResult {
  const { referenceRelRms } = measure(reference.data, reference.data, truth.data);
  return {
    name,
    shape: truth.shape,
    storedShape: [...stored],
    rho: Infinity,
    effectiveBits: -Infinity,
    relRms: Infinity,
    nmse: Infinity,
    maxAbs: Infinity,
    cosineDistance: Infinity,
    equalBits: 0,
    referenceRelRms,
    worst: null,
    limits,
    verdict: 'wrong',
    nonFinite: 0,
  };
}

function verdictOf(rho: number, limits: Limits): LayerVerdict {
  return rho <= limits.pass ? 'pass' : rho <= limits.plausible ? 'plausible' : 'wrong';
}

type Worst = NonNullable<LayerResult['worst']>;

/**
 * Which axis of a module's output is looked at one by one: channels of (N,C,H,W), tokens of (T,N,D) or, before the
 * transformer, (N,T,D), images of (N,E).
 */
export function groupsOf(name: string, shape: readonly number[]): { kind: Worst['kind']; axis: number } | null {
  if (shape.length === 4) return { kind: 'channel', axis: 1 };
  if (shape.length === 3) return { kind: 'token', axis: name.endsWith('ln_pre') ? 1 : 0 };
  return shape.length === 2 ? { kind: 'image', axis: 0 } : null;
}

function worst(name: string, backend: Values, truth: Values): Worst | null {
  const { shape } = truth;
  const groups = groupsOf(name, shape);
  if (groups === null || truth.data.length === 0) return null;
  const { kind, axis } = groups;
  const G = shape[axis];
  const inner = sizeOf(shape.slice(axis + 1));
  const error = new Float64Array(G);
  const size = new Float64Array(G);
  const [b, t] = [backend.data, truth.data];
  for (let at = 0, g = 0; at < t.length; g = g + 1 === G ? 0 : g + 1) {
    let ee = 0,
      tt = 0;
    for (const end = at + inner; at < end; at++) {
      const e = b[at] - t[at];
      ee += e * e;
      tt += t[at] * t[at];
    }
    error[g] += ee;
    size[g] += tt;
  }
  const least = (size.reduce((sum, one) => sum + (Number.isFinite(one) ? one : 0), 0) / G) * QUIET * QUIET;
  let index = 0,
    largest = -1;
  for (let g = 0; g < G; g++) {
    const own = error[g] === 0 ? 0 : Number.isFinite(error[g]) ? error[g] / Math.max(size[g], least) : Infinity;
    if (own > largest) [index, largest] = [g, own];
  }
  return { kind, index, relRms: Math.sqrt(largest) };
}
