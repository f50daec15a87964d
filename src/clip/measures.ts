// How far one tensor is from another: the measures of the numerics contract ("What a tolerance may be"), in float64.

type Numbers = ArrayLike<number>;

function sameLength(a: Numbers, b: Numbers): void {
  if (a.length !== b.length) throw new RangeError(`measures: expected two tensors of one size, got ${a.length} and ${b.length} elements`);
}

/** The largest absolute difference. */
export function maxAbs(a: Numbers, b: Numbers): number {
  sameLength(a, b);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (Number.isNaN(difference)) return NaN; // comparisons would pass it over
    if (difference > largest) largest = difference;
  }
  return largest;
}

/** The Euclidean norm of a - b. */
export function distance(a: Numbers, b: Numbers): number {
  sameLength(a, b);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return Math.sqrt(sum);
}

/** ‖a - truth‖ / ‖truth‖ */
export function relRms(a: Numbers, truth: Numbers): number {
  let sum = 0;
  for (let i = 0; i < truth.length; i++) sum += truth[i] * truth[i];
  return distance(a, truth) / Math.sqrt(sum);
}

/** rho = ‖a - truth‖ / ‖reference - truth‖: above 1, a is further from the truth than the reference is. */
export function noiseRatio(a: Numbers, reference: Numbers, truth: Numbers): number {
  return distance(a, truth) / distance(reference, truth);
}
