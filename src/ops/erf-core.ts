// The error function of one number in binary64, good enough that its rounding to binary32 is the correctly rounded erf
// of every binary32 input.
//
// Method (numerics contract):
//     |x| < 1/4: odd Taylor series about 0 to x^17, the leading coefficient 2/√π split in two so that x times its head
//         is exact for a binary32 x
//     else: Taylor expansion of degree 12 about (i + 1/2)/8, i = floor(8·|x|);   ±1 from a bound on
// Special cases: NaN gives NaN, ±Infinity gives ±1, ±0 gives ±0.
// Accuracy: float32 after one rounding: correct for all 2^32 inputs (test/ops/sweep.slow.test.ts compares the hash).
// Only + - * of binary64 and integers: the same bits in every engine.

import { FRACTION_BITS, ONE, scaled, squareRoot, toDouble } from './fixed-point.ts';

const DEGREE = 12;
const ODD_TERMS = 9; // x, x^3, …, x^17

/** From here on erf rounds to 1 in binary32 (1 - erf = 2.6e-8 < 2^-25). In float32 mode the core is 1 from here on. */
const ONE_FROM_32 = 3.9375;
/** From here on erf rounds to 1 in binary64 (1 - erf = 2.2e-17 < 2^-54). */
const ONE_FROM_64 = 6;

export interface Tables {
  /** 2/√π: HEAD has 29 bits, HEAD + TAIL is 2/√π to 82 bits. */
  head: number;
  tail: number;
  /** odd[n] multiplies x^(2n+1), n >= 1. */
  odd: Float64Array;
  /** taylor[i·13 + n] multiplies (|x| - (i + 1/2)/8)^n. */
  taylor: Float64Array;
}

/** The coefficients, made at the first use. */
export function erfTables(): Tables {
  return (tables ??= makeTables());
}

let tables: Tables | undefined; // made at the first call: 6 ms that most users of the package never need

/** erf(x) in binary64 as float32 mode has it: RN32 of it is erff(x) for every binary32 x. ±1 from 3.9375 on. */
export function erfCore32(x: number): number {
  return erfTo(x, ONE_FROM_32);
}

/** erf(x) in binary64 to its own precision: the same expansions, continued to 6, where erf rounds to 1 in binary64. */
export function erfCore64(x: number): number {
  return erfTo(x, ONE_FROM_64);
}

function erfTo(x: number, oneFrom: number): number {
  const { head, tail, odd, taylor } = erfTables();
  // [1] a = |x|: the odd series below 1/4, ±1 where erf rounds to it
  const a = Math.abs(x);
  if (a < 0.25) {
    const z = x * x;
    let p = odd[ODD_TERMS - 1];
    for (let n = ODD_TERMS - 2; n >= 1; n--) p = odd[n] + z * p;
    return x * head + x * (tail + z * p); // -0 stays -0, because tail > 0
  }
  if (a >= oneFrom) return x < 0 ? -1 : 1;
  if (x !== x) return x;
  // [2] p = the Taylor polynomial about the middle of the interval, by Horner
  const i = Math.floor(8 * a);
  const t = a - (i + 0.5) / 8;
  const at = i * (DEGREE + 1);
  let p = taylor[at + DEGREE];
  for (let n = DEGREE - 1; n >= 0; n--) p = taylor[at + n] + t * p;
  // [3] erf(x), with the sign of x
  return x < 0 ? -p : p;
}

/** All coefficients from exact integer arithmetic, each rounded once. */
function makeTables(): Tables {
  const twoOverRootPi = (2n * ONE * ONE) / squareRoot(pi());
  const head = toDouble((twoOverRootPi >> (FRACTION_BITS - 28n)) << (FRACTION_BITS - 28n));
  const odd = new Float64Array(ODD_TERMS);
  let factorial = 1n;
  for (let n = 0n; n < BigInt(ODD_TERMS); n++) {
    if (n > 0n) factorial *= -n; // (-1)^n · n!
    odd[Number(n)] = toDouble(twoOverRootPi / (factorial * (2n * n + 1n)));
  }
  const intervals = 8 * ONE_FROM_64;
  const taylor = new Float64Array(intervals * (DEGREE + 1));
  for (let i = 0; i < intervals; i++) {
    const c = BigInt(2 * i + 1) * (ONE / 16n);
    const a = erfDerivatives(c, twoOverRootPi);
    for (let n = 0; n <= DEGREE; n++) taylor[i * (DEGREE + 1) + n] = toDouble(a[n]);
  }
  return { head, tail: toDouble(twoOverRootPi - scaled(head)), odd, taylor };
}

/** π = 16·atan(1/5) - 4·atan(1/239) (Machin). */
function pi(): bigint {
  const atanOfInverse = (q: bigint): bigint => {
    let sum = 0n;
    let power = ONE / q;
    for (let n = 1n; power !== 0n; n += 2n, power /= -q * q) sum += power / n;
    return sum;
  };
  return 16n * atanOfInverse(5n) - 4n * atanOfInverse(239n);
}

/** The Taylor coefficients of erf about c, degree 0 to 12: erf(c), then 2/√π·e^(-c²), then by y″ = -2x·y′. */
function erfDerivatives(c: bigint, twoOverRootPi: bigint): bigint[] {
  const square = (c * c) / ONE;
  // e^(-c²) = Σ (-c²)^n / n!,   erf(c) = 2/√π · Σ c·(-c²)^n / (n!·(2n+1)). For c = 6 terms reach 2^52, which costs 52
  // of the 256 bits.
  let gauss = 0n;
  let integral = 0n;
  let term = ONE;
  for (let n = 1n; term !== 0n; n++) {
    gauss += term;
    integral += term / (2n * n - 1n);
    term = (-term * square) / (n * ONE);
  }
  const a = [(((twoOverRootPi * c) / ONE) * integral) / ONE, (twoOverRootPi * gauss) / ONE];
  for (let n = 0; n + 2 <= DEGREE; n++) {
    const m = BigInt(n);
    a.push((-2n * ((c * (m + 1n) * a[n + 1]) / ONE + m * a[n])) / ((m + 1n) * (m + 2n)));
  }
  return a;
}
