// How far a backend's tensor is from the truth: the measures of docs/numerics.md ("What a tolerance may be"), in
// float64. The one definition.

import { log2 } from './log2.ts';

type Numbers = Float32Array | Float64Array;

/**
 * RelRMS of rounding numbers to float32: 0.39·2^-24 where significands are spread as in data that spans several powers
 * of two (the error is uniform within one ulp, u²/3 on [1, 2); the mean of x² there is 1.5/ln 2).
 */
export const ROUNDING = 0.39 / 16777216;

/** The largest relative error of rounding to float32. */
const HALF_ULP = 1 / 16777216;

/** How far a backend's tensor (B) is from our float32 (R) and the float64 truth (T). */
export interface Measures {
  /**
   * ‖B-T‖ / ‖R-T‖, where ‖R-T‖ is at least what one rounding of T to float32 costs. Infinity where B has a NaN or an
   * infinity that T has not.
   */
  readonly rho: number;
  /** 24 - log2(rho), at most 24. */
  readonly effectiveBits: number;
  /** ‖B-T‖ / ‖T‖ */
  readonly relRms: number;
  /** relRms² */
  readonly nmse: number;
  /** The largest |B-T|. */
  readonly maxAbs: number;
  /** ½‖b/|b| - t/|t|‖² */
  readonly cosineDistance: number;
  /** Share of elements whose bits equal R's. */
  readonly equalBits: number;
  /** ‖R-T‖ / ‖T‖: what our float32 loses itself. */
  readonly referenceRelRms: number;
  /** Elements of B that are NaN or infinite where T is not. */
  readonly nonFinite: number;
}

/**
 * All measures of one tensor in one pass.
 *
 * Elements where the truth itself is not finite count only if the backend has something else there. Where the backend
 * is not finite and the truth is (unless our float32 overflows at the same place), rho and all errors are
 * Infinity, whatever the other elements are.
 * @param backend B
 * @param reference R, our float32
 * @param truth T, float64
 * @throws RangeError if the three do not have the same number of elements
 */
export function measure(backend: Numbers, reference: Numbers, truth: Numbers): Measures {
  const n = truth.length;
  if (backend.length !== n || reference.length !== n) {
    throw new RangeError(
      `measures: expected three tensors of one size, got ${backend.length}, ${reference.length} and ${n} elements`,
    );
  }
  let tt = 0,
    ee = 0,
    te = 0,
    rr = 0,
    largest = 0,
    equal = 0,
    nonFinite = 0,
    mismatched = 0;
  for (let i = 0; i < n; i++) {
    const b = backend[i];
    const r = reference[i];
    const t = truth[i];
    // NaNs are equal, zeros of two signs are not
    if (b === r ? b !== 0 || Object.is(b, r) : b !== b && r !== r) equal++;
    const e = b - t;
    const d = r - t;
    if (!(e - e === 0 && d - d === 0)) {
      // NaN or infinite somewhere
      if (Number.isFinite(b) && Number.isFinite(t)) {
        // then R overflows, and B does better
        tt += t * t;
        ee += e * e;
        te += t * e;
      } else if (!Object.is(b, t) && !Object.is(b, r)) {
        mismatched++;
        if (!Number.isFinite(b) && Number.isFinite(t)) nonFinite++;
      }
      continue;
    }
    tt += t * t;
    ee += e * e;
    te += t * e;
    rr += d * d;
    const size = e < 0 ? -e : e;
    if (size > largest) largest = size;
  }
  const norm = Math.sqrt(tt);
  const noise =
    Math.sqrt(rr) >= HALF_ULP * norm
      ? Math.sqrt(rr)
      : Math.max(Math.sqrt(rr), roundingCost(backend, reference, truth), ROUNDING * norm);
  const rho = mismatched > 0 ? Infinity : ratio(Math.sqrt(ee), noise);
  const relRms = mismatched > 0 ? Infinity : ratio(Math.sqrt(ee), norm);
  return {
    rho,
    effectiveBits: rho <= 1 ? 24 : 24 - log2(rho),
    relRms,
    nmse: relRms * relRms,
    maxAbs: mismatched > 0 ? Infinity : largest,
    cosineDistance: mismatched > 0 ? Infinity : cosineDistance(tt, ee, te),
    equalBits: n === 0 ? 1 : equal / n,
    referenceRelRms: ratio(Math.sqrt(rr), norm),
    nonFinite,
  };
}

/**
 * ‖RN32(T) - T‖ over the elements that count. Never more than HALF_ULP·‖T‖, so that it is not asked for where the noise
 * is larger.
 */
function roundingCost(backend: Numbers, reference: Numbers, truth: Numbers): number {
  let cost = 0;
  for (let i = 0; i < truth.length; i++) {
    const t = truth[i];
    const rounding = Math.fround(t) - t;
    const finite = backend[i] - t + (reference[i] - t);
    if (finite - finite === 0) cost += rounding * rounding;
  }
  return Math.sqrt(cost);
}

/** 0/0 is no error; anything else over 0 is infinitely wrong. */
function ratio(error: number, size: number): number {
  return error === 0 ? 0 : error / size;
}

/**
 * ½‖b/|b| - t/|t|‖² = (|e|² - (|b| - |t|)²) / (2·|b|·|t|) with e = b - t, and |b| - |t| = (2·t·e + |e|²) / (|b| + |t|):
 * small differences are never taken of large numbers, as 1 - cos would.
 */
function cosineDistance(tt: number, ee: number, te: number): number {
  if (ee === 0) return 0;
  const bb = Math.max(0, tt + 2 * te + ee);
  if (tt === 0 || bb === 0) return 1; // no direction: as far as a right angle
  const [b, t] = [Math.sqrt(bb), Math.sqrt(tt)];
  const longer = (2 * te + ee) / (b + t);
  return Math.max(0, (ee - longer * longer) / (2 * b * t));
}
