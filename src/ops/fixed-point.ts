// Exact arithmetic for the tables of exp and erf: a bigint v stands for v / 2^256. Whole-number arithmetic has the same
// result in every engine.

export const FRACTION_BITS = 256n;
/** 1 in fixed point. */
export const ONE = 1n << FRACTION_BITS;

const TWO_TO_MINUS_256 = 8.636168555094445e-78; // exactly 2^-256 = 0x1p-256

/**
 * The nearest binary64. Number(bigint) rounds to nearest, ties to even, by ECMA-262; the multiplication by a power of
 * two is exact.
 */
export function toDouble(v: bigint): number {
  return Number(v) * TWO_TO_MINUS_256;
}

/** A binary64 of magnitude 0 or 2^-200 to 2^200 in fixed point, exactly. */
export function scaled(x: number): bigint {
  return BigInt(x / TWO_TO_MINUS_256);
}

/** floor(sqrt(v)) in fixed point, by Newton's method from above. */
export function squareRoot(v: bigint): bigint {
  const n = v << FRACTION_BITS;
  let s = 1n << BigInt((n.toString(16).length * 4) / 2 + 1);
  for (;;) {
    const next = (s + n / s) >> 1n;
    if (next >= s) return s;
    s = next;
  }
}
