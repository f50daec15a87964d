// Near duplicates in a collection: all pairs of rows whose cosine reaches a threshold, in float64.

import type { FloatArray } from '../ops/tensor.ts';

/** Two rows, the earlier one first. */
export interface DuplicatePair {
  a: number;
  b: number;
  cosine: number;
}

/** Rows that are compared with each other while they are in the cache. */
const BLOCK = 64;

/**
 * Pairs of rows with a cosine of at least `threshold`, ordered by the first row, then the second. All N·(N-1)/2 pairs
 * are compared, which for 10,000 rows of 512 takes about half a minute.
 * @param features N rows of E, one after the other, normalised or not. Rows without a direction (NaN where an image
 *   failed) have no pairs
 * @param threshold above -1, at most 1
 * @throws RangeError for a threshold outside of that, or features that are not whole rows
 */
export function* nearDuplicates(features: FloatArray, E: number, threshold: number): Generator<DuplicatePair> {
  if (!(threshold > -1 && threshold <= 1))
    throw new RangeError(`nearDuplicates: "threshold" expected a cosine above -1, at most 1, got ${threshold}`);
  if (!Number.isInteger(E) || E < 1 || features.length % E !== 0)
    throw new RangeError(`nearDuplicates: "features" expected rows of ${E} numbers, got ${features.length} numbers`);
  const N = features.length / E;
  const lengths = Float64Array.from({ length: N }, (_, row) => Math.sqrt(dot(features, row * E, row * E, E)));
  for (let first = 0; first < N; first += BLOCK) {
    const last = Math.min(N, first + BLOCK);
    const found: DuplicatePair[] = [];
    for (let from = first; from < N; from += BLOCK) {
      for (let a = first; a < last; a++) {
        for (let b = Math.max(from, a + 1); b < Math.min(N, from + BLOCK); b++) {
          const rounded = dot(features, a * E, b * E, E) / (lengths[a] * lengths[b]);
          // Equal rows have a cosine of 1, whichever way it is rounded; no others have more.
          const cosine = rounded > 1 - 1e-9 && isSame(features, a * E, b * E, E) ? 1 : Math.min(1, rounded);
          if (cosine >= threshold) found.push({ a, b, cosine });
        }
      }
    }
    yield* found.sort((x, y) => x.a - y.a || x.b - y.b);
  }
}

function dot(features: FloatArray, a: number, b: number, E: number): number {
  let sum = 0;
  for (let i = 0; i < E; i++) sum += features[a + i] * features[b + i];
  return sum;
}

function isSame(features: FloatArray, a: number, b: number, E: number): boolean {
  for (let i = 0; i < E; i++) if (features[a + i] !== features[b + i]) return false;
  return true;
}
