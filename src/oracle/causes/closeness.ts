// Whether the network with a fault in it gives the backend's numbers.

import { measure } from '../measures.ts';
import type { Limits } from '../layer-result.ts';
import type { FloatArray } from '../../ops/tensor.ts';

/** With a fault, the oracle must be at least this many times nearer to the backend than without it. */
const NEARER = 4;
/** Share of its numbers that a fault must know. */
const KNOWN = 0.2;
/** Emulated rounding: how much of the backend's error must be the same, as a correlation. */
const ALIKE = 0.5;

export interface Closeness {
  /** 0 to 1; 0: no match. */
  readonly confidence: number;
  /** Distance that is left, in units of float32's own noise. */
  readonly rho: number;
}

const NO_MATCH: Closeness = { confidence: 0, rho: Infinity };

/**
 * @param backend B
 * @param faulty32, faulty64 the network with the fault, in both precisions
 * @param rho0 rho of the backend against the network without
 */
export function closeness(
  backend: FloatArray,
  faulty32: FloatArray,
  faulty64: FloatArray,
  rho0: number,
  limits: Limits,
  partial: boolean,
): Closeness {
  const [b, r, t] = partial ? whereKnown(backend, faulty32, faulty64) : [backend, faulty32, faulty64];
  if (b.length < KNOWN * backend.length) return NO_MATCH;
  const { rho } = measure(b, r, t);
  return matched(rho, rho0, limits);
}

function matched(rho: number, rho0: number, limits: Limits): Closeness {
  // Any finite rho is better than an infinite rho0 (NaN where there should not be one).
  if (!(rho <= limits.plausible && rho * NEARER <= rho0)) return NO_MATCH;
  if (rho <= limits.pass) return { confidence: 1, rho };
  return { confidence: 1 - (0.5 * (rho - limits.pass)) / (limits.plausible - limits.pass), rho };
}

/**
 * Rounding is matched bit for bit where it can be; where an emulation rounds the same things in another order, the
 * errors are alike only.
 * @param truth, reference the network without the fault in float64 and float32
 */
export function roundingCloseness(
  backend: FloatArray,
  emulated: FloatArray,
  reference: FloatArray,
  truth: FloatArray,
  limits: Limits,
): Closeness {
  let ee = 0,
    dd = 0,
    ed = 0,
    rest = 0,
    noise = 0;
  for (let i = 0; i < truth.length; i++) {
    const e = backend[i] - truth[i];
    const d = emulated[i] - truth[i];
    ee += e * e;
    dd += d * d;
    ed += e * d;
    rest += (e - d) * (e - d);
    noise += (reference[i] - truth[i]) * (reference[i] - truth[i]);
  }
  const unit = Math.max(Math.sqrt(noise), 1e-300);
  const rho = Math.sqrt(rest) / unit;
  const exact = matched(rho, Math.sqrt(ee) / unit, limits);
  if (exact.confidence > 0) return exact;
  const alike = ed / Math.sqrt(ee * dd);
  const size = Math.sqrt(dd / ee);
  if (!(alike >= ALIKE && size > 0.5 && size < 2)) return NO_MATCH;
  return { confidence: Math.min(alike, 0.99), rho };
}

function whereKnown(...[b, r, t]: [FloatArray, FloatArray, FloatArray]): [FloatArray, FloatArray, FloatArray] {
  const known: number[] = [];
  for (let i = 0; i < t.length; i++) if (t[i] === t[i]) known.push(i);
  return [b, r, t].map((x) => Float64Array.from(known, (i) => x[i])) as [FloatArray, FloatArray, FloatArray];
}

/**
 * Whether it is worth a second look in float64: nearer to the backend than without the fault, or as near as rounding
 * allows.
 */
export function promising(backend: FloatArray, faulty: FloatArray, reference: FloatArray): boolean {
  let with_ = 0,
    without = 0;
  for (let i = 0; i < backend.length; i++) {
    const f = backend[i] - faulty[i];
    const r = backend[i] - reference[i];
    if (f === f) with_ += f * f;
    if (r === r) without += r * r;
  }
  return with_ * NEARER <= without || !Number.isFinite(without);
}
