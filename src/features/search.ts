// The nearest of a collection by cosine, in float64: how far apart two features are is not a question of the encoder's
// precision.

import type { FloatArray } from '../ops/tensor.ts';

/** A row that was found. */
export interface Hit {
  /** The row, counted through the whole collection. */
  index: number;
  /** From -1 to 1. */
  cosine: number;
}

/** Keeps the nearest of all rows that are added; of equal cosines the earlier row ranks higher. */
export class CosineSearch {
  readonly #query: Float64Array;
  readonly #top: number;
  #hits: Hit[] = [];
  #rows = 0;
  #skipped = 0;

  /** @throws RangeError for a query of length 0, or with an element that is not finite: it has no direction */
  constructor(query: FloatArray, top: number) {
    const length = Math.sqrt(dot(query, query, 0));
    if (!(length > 0 && length < Infinity))
      throw new RangeError(`search: "query" expected finite numbers that are not all 0, got a length of ${length}`);
    this.#query = Float64Array.from(query, (value) => value / length);
    this.#top = top;
  }

  /**
   * @param features rows one after the other, normalised or not. Rows without a direction (NaN where an image failed)
   * are counted and passed over.
   */
  add(features: FloatArray): void {
    const E = this.#query.length;
    for (let at = 0; at < features.length; at += E, this.#rows++) {
      let square = 0;
      for (let i = at; i < at + E; i++) square += features[i] * features[i];
      const cosine = dot(this.#query, features, at) / Math.sqrt(square);
      // Rounding can take the cosine of parallel vectors past 1.
      if (Number.isFinite(cosine)) this.#hits.push({ index: this.#rows, cosine: Math.max(-1, Math.min(1, cosine)) });
      else this.#skipped++;
    }
    // From time to time, so that a collection of millions does not stay in memory.
    if (this.#hits.length > 4 * this.#top + 100_000) this.#shorten();
  }

  /** How many rows there were. */
  get rows(): number {
    return this.#rows;
  }

  /** How many of them had no direction. */
  get skipped(): number {
    return this.#skipped;
  }

  /** The best, the nearest first. */
  best(): Hit[] {
    this.#shorten();
    return this.#hits;
  }

  #shorten(): void {
    this.#hits = this.#hits.sort((a, b) => b.cosine - a.cosine || a.index - b.index).slice(0, this.#top);
  }
}

/** a · b[at…], one product after the other. */
function dot(a: FloatArray, b: FloatArray, at: number): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[at + i];
  return sum;
}
