// Verifications made up from tensors, so that the report can be tested by itself: measures in plain loops, faults put
// in by hand.

import type { LayerDetail, LayerResult, VerifyResult } from '../../../src/oracle/types.ts';
import type { Values } from '../../../src/formats/values.ts';

/** A layer's result from its three tensors, float32's limits. */
export function measured(name: string, backend: Values, reference: Values, truth: Values): LayerDetail {
  const [B, R, T] = [backend.data, reference.data, truth.data];
  let [error, own, size, maxAbs, equal, nonFinite] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < T.length; i++) {
    error += (B[i] - T[i]) ** 2;
    own += (R[i] - T[i]) ** 2;
    size += T[i] ** 2;
    maxAbs = Math.max(maxAbs, Math.abs(B[i] - T[i]));
    if (B[i] === R[i]) equal++;
    if (!Number.isFinite(B[i]) && Number.isFinite(T[i])) nonFinite++;
  }
  const floor = Math.max(own, size * 2 ** -52);
  const rho = nonFinite > 0 ? Infinity : Math.sqrt(error / floor);
  const relRms = Math.sqrt(error / size);
  const result: LayerResult = {
    name,
    shape: truth.shape,
    rho,
    effectiveBits: Math.min(24, 24 - Math.log2(rho)),
    relRms,
    nmse: relRms ** 2,
    maxAbs,
    cosineDistance: relRms ** 2 / 2,
    equalBits: equal / T.length,
    referenceRelRms: Math.sqrt(own / size),
    worst: truth.shape.length === 4 ? { kind: 'channel', index: 3, relRms } : null,
    limits: { pass: 4, plausible: 16 },
    verdict: rho <= 4 ? 'pass' : rho <= 16 ? 'plausible' : 'wrong',
    nonFinite,
  };
  return { result, backend, reference, truth };
}

export function resultOf(details: readonly LayerDetail[], more: Partial<VerifyResult> = {}): VerifyResult {
  const layers = details.map((detail) => detail.result);
  const firstWrong = layers.find((layer) => layer.verdict === 'wrong')?.name ?? null;
  return {
    verdict: firstWrong === null ? 'pass' : 'fail',
    firstWrong,
    causes: [],
    layers,
    model: 'tiny-rn',
    weights: 'synthetic:0',
    claim: 'float32',
    teacherForced: false,
    missing: [],
    unknown: [],
    version: '0.2.0',
    contract: '1',
    ...more,
  };
}

/** Deterministic noise between -1 and 1. */
export function noise(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}
