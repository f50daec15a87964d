// exp, sigmoid and erf to 300 bits in whole-number arithmetic, rounded once to binary32 or binary64: the judge of
// "correctly rounded".
// Plain power series without tables or argument tricks; nothing here is shared with src.

const F = 300n;
const ONE = 1n << F;

/** A finite number as (integer, exponent): x = m·2^e. */
function split(x: number): [bigint, number] {
  let e = 0;
  let m = x;
  while (!Number.isInteger(m)) {
    m *= 2;
    e--;
  }
  return [BigInt(m), e];
}

function fixed(x: number): bigint {
  const [m, e] = split(x);
  const shift = F + BigInt(e);
  // only numbers below 2^-247 lose bits, and they are treated apart below
  return shift >= 0n ? m << shift : m >> -shift;
}

/** e^v by Σ v^n/n! after halving v 12 times, as (mantissa, power of two): the value is mantissa / 2^300 · 2^power. */
function exponential(v: bigint): [bigint, number] {
  // e^v = 2^n · e^(v - n·ln 2), ln 2 by Σ 1/(n·2^n)
  let ln2 = 0n;
  for (let n = 1n; n <= F + 8n; n++) ln2 += ONE / (n << n);
  let n = v / ln2;
  if (v < 0n) n -= 1n;
  const r = v - n * ln2;
  let sum = 0n;
  let term = ONE;
  for (let i = 1n; term !== 0n; i++) {
    sum += term;
    term = (term * r) / (i << F);
  }
  return [sum, Number(n)];
}

/**
 * value / 2^300 · 2^power, rounded to nearest, ties to even, to `digits` bits and the exponent range of binary32 or
 * binary64.
 */
function rounded(value: bigint, power: number, digits: 24 | 53): number {
  if (value === 0n) return 0;
  const negative = value < 0n;
  const v = negative ? -value : value;
  const top = v.toString(2).length - 300 + power; // 2^(top-1) <= value < 2^top
  const lowest = digits === 24 ? -149 : -1074;
  const last = Math.max(top - digits, lowest); // exponent of the last kept bit
  const shift = BigInt(last + 300 - power);
  let kept = v >> shift;
  const rest = v - (kept << shift);
  const half = 1n << (shift - 1n);
  if (rest > half || (rest === half && (kept & 1n) === 1n)) kept += 1n;
  let x = Number(kept);
  for (let i = 0; i < Math.abs(last); i++) x = last > 0 ? x * 2 : x / 2; // exact: kept has at most 53 bits
  if (digits === 24 && x >= 2 ** 128) x = Infinity;
  return negative ? -x : x;
}

/** The correctly rounded e^x. */
export function exactExp(x: number, digits: 24 | 53 = 24): number {
  if (Math.abs(x) < 2 ** -60) return 1;
  if (x > 1000 || x < -1000) return x > 0 ? Infinity : 0;
  const [m, power] = exponential(fixed(x));
  return rounded(m, power, digits);
}

/** The correctly rounded 1 / (1 + e^-x). */
export function exactSigmoid(x: number): number {
  if (Math.abs(x) < 2 ** -60) return 0.5;
  if (x > 1000 || x < -1000) return x > 0 ? 1 : 0;
  const [m, power] = exponential(fixed(-x));
  const denominator = (power >= 0 ? m << BigInt(power) : m >> BigInt(-power)) + ONE;
  return rounded((ONE * (ONE << 200n)) / denominator, -200, 24);
}

/**
 * The correctly rounded erf(x), |x| > 2^-100, by 2/√π·Σ (-1)^n x^(2n+1) / (n!·(2n+1)); π by Gauss and Legendre's
 * arithmetic-geometric mean.
 */
export function exactErf(x: number, digits: 24 | 53 = 24): number {
  if (Math.abs(x) > 6.5) return Math.sign(x);
  const v = fixed(x);
  const square = (v * v) >> F;
  let sum = 0n;
  let term = v;
  for (let n = 1n; term !== 0n; n++) {
    sum += term / (2n * n - 1n);
    term = -(term * square) / (n << F);
  }
  return rounded((2n * sum * ONE) / root(pi()), 0, digits);
}

function root(v: bigint): bigint {
  const n = v << F;
  let s = ONE << 4n;
  while (s * s > n) s = (s + n / s) >> 1n;
  return s;
}

let piMemo = 0n;
function pi(): bigint {
  if (piMemo !== 0n) return piMemo;
  let [a, b, t, p] = [ONE, root(ONE / 2n), ONE / 4n, 1n];
  for (let i = 0; i < 9; i++) {
    const next = (a + b) / 2n;
    b = root((a * b) >> F);
    t -= (p * (a - next) * (a - next)) >> F;
    p *= 2n;
    a = next;
  }
  piMemo = ((a + b) * (a + b)) / (4n * t);
  return piMemo;
}
