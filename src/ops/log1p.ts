// The logarithms of logistic regression from + - * / alone: Math.log1p's bits are the engine's own.

const LN2 = 0.6931471805599453;
const SQRT2 = 1.4142135623730951;

/**
 * ln(1 + t) for t >= 0.
 * Method: ln m = 2·artanh(s) = 2·(s + s³/3 + s⁵/5 + …), s = (m-1)/(m+1). Up to t = 1 with m = 1 + t, where s = t/(2+t)
 * <= 1/3 is exact but for one rounding; the first term left out is below 2^-58 of the sum. Above, 1 + t = m·2^e with m
 * in [√½, √2), and what was lost in rounding 1 + t is added as its derivative says.
 * Special cases: Infinity gives Infinity, NaN and negative numbers give NaN.
 * Accuracy: within 2 ulp (test/ops/log1p.test.ts).
 */
export function log1p(t: number): number {
  if (!(t >= 0)) return NaN;
  if (t <= 1) return twiceArtanh(t / (2 + t));
  if (t === Infinity) return t;
  const u = 1 + t;
  const lost = (t - (u - 1)) / u;
  let m = u,
    e = 0;
  for (; m >= SQRT2; e++) m /= 2;
  return e * LN2 + (twiceArtanh((m - 1) / (m + 1)) + lost);
}

/** @param s at most 1/3 */
function twiceArtanh(s: number): number {
  const s2 = s * s;
  let sum = 0;
  for (let k = 33; k >= 3; k -= 2) sum = s2 * (sum + 1 / k);
  return 2 * (s + s * sum);
}
