// Small reductions (numerics contract, item 3): float64, in four stripes.
//
//     s[j] sums the elements i = j mod 4 in ascending order;   total = (s0 + s1) + (s2 + s3)
//
// Four independent chains of additions are as many as a processor needs to add without waiting, and a fixed order makes
// the bits a function of the data alone.

import type { FloatArray } from './tensor.ts';

/** The sum of x[at … at + n - 1]. */
export function total(x: FloatArray, at: number, n: number): number {
  // [1] s0 … s3 = +0
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let i = 0;
  // [2] four elements at a time, one to each stripe
  for (; i + 4 <= n; i += 4) {
    s0 += x[at + i];
    s1 += x[at + i + 1];
    s2 += x[at + i + 2];
    s3 += x[at + i + 3];
  }
  // [3] the last elements
  if (i < n) s0 += x[at + i];
  if (i + 1 < n) s1 += x[at + i + 1];
  if (i + 2 < n) s2 += x[at + i + 2];
  // [4] (s0 + s1) + (s2 + s3)
  return s0 + s1 + (s2 + s3);
}

/**
 * The sum of (x - centre)²: with the mean as centre a variance's numerator, with 0 the square of the L2 norm. Same as
 * `total`, term by term.
 */
export function totalOfSquares(x: FloatArray, at: number, n: number, centre: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const d0 = x[at + i] - centre;
    const d1 = x[at + i + 1] - centre;
    const d2 = x[at + i + 2] - centre;
    const d3 = x[at + i + 3] - centre;
    s0 += d0 * d0;
    s1 += d1 * d1;
    s2 += d2 * d2;
    s3 += d3 * d3;
  }
  if (i < n) s0 += (x[at + i] - centre) * (x[at + i] - centre);
  if (i + 1 < n) s1 += (x[at + i + 1] - centre) * (x[at + i + 1] - centre);
  if (i + 2 < n) s2 += (x[at + i + 2] - centre) * (x[at + i + 2] - centre);
  return s0 + s1 + (s2 + s3);
}
