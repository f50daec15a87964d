// log2 from + - * / alone: what the oracle prints is the same on every engine, as the numbers that it judges are.

const BITS = new DataView(new ArrayBuffer(8));
const LN2 = 0.6931471805599453;
const SQRT_HALF = 0.7071067811865476;
const TWO_54 = 18014398509481984;

/**
 * The binary logarithm, within 2^-52 of the true value relatively (powers of two: exact).
 * x = m·2^e with m in [√½, √2), and ln m = 2·artanh(s) = 2·(s + s³/3 + s⁵/5 + …) with s = (m-1)/(m+1), |s| < 0.1716;
 * the first term left out is below 2^-58.
 * @returns -Infinity for 0, NaN for negative numbers and NaN
 */
export function log2(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return Infinity;
  if (x < 2.2250738585072014e-308) return log2(x * TWO_54) - 54; // subnormal
  BITS.setFloat64(0, x);
  const high = BITS.getUint32(0);
  let e = (high >>> 20) - 1023;
  BITS.setUint32(0, (high & 0x000fffff) | 0x3fe00000); // the significand in [½, 1)
  let m = BITS.getFloat64(0);
  if (m < SQRT_HALF) m *= 2;
  else e += 1;
  const s = (m - 1) / (m + 1);
  const s2 = s * s;
  let sum = 0;
  for (let k = 21; k >= 3; k -= 2) sum = s2 * (sum + 1 / k);
  return e + (2 * (s + s * sum)) / LN2;
}
