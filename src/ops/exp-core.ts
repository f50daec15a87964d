// The exponential of one number in binary64, good enough that its rounding to binary32 is the correctly rounded
// exponential of every binary32 input.
//
// Method (numerics contract; after Tang, "Table-driven implementation of the exponential function in IEEE
// floating-point arithmetic", ACM TOMS 15(2) 1989):
//     x = k·(ln 2 / 64) + r,  |r| <= ln 2 / 128;   eˣ = 2^(k div 64) · 2^(j/64) · eʳ,  j = k mod 64
// Special cases: NaN gives NaN, +Infinity gives Infinity, -Infinity gives 0, ±0 gives 1.
// Accuracy: float32 after one rounding: correct for all 2^32 inputs (test/ops/sweep.slow.test.ts compares the hashes);
// float64: below 1 ulp in the normal range.
// Only + - * of binary64 and integers: the same bits in every engine. Math.exp's bits depend on the engine.

import { ONE, scaled, squareRoot, toDouble } from './fixed-point.ts';

export const INV = 92.33248261689366; // 64 / ln 2
/** 1.5·2^52: adding and subtracting it rounds a binary64 below 2^51 to the nearest integer, ties to even. */
export const MAGIC = 6755399441055744;
export const LHI = 0.010830424696223417; // ln 2 / 64, the first 36 bits: k·LHI is exact for |k| < 2^17
export const LLO = 2.572804622327669e-14; // ln 2 / 64 - LHI

// Beyond these the result is Infinity, or 0, in binary64: 1024·ln 2 = 709.78…, -1075·ln 2 = -745.13…
const OVERFLOW = 709.8;
const UNDERFLOW = -745.2;

// TH[j] + TL[j] = 2^(j/64) to 107 bits.
export const TH = new Float64Array(64);
export const TL = new Float64Array(64);
// TWO[e + BIAS] = 2^e for half of any exponent that occurs.
const BIAS = 540;
const TWO = new Float64Array(2 * BIAS + 1);
fillTables();

function fillTables(): void {
  let root = 2n * ONE;
  for (let i = 0; i < 6; i++) root = squareRoot(root); // 2^(1/64)
  let power = ONE;
  for (let j = 0; j < 64; j++) {
    TH[j] = toDouble(power);
    TL[j] = toDouble(power - scaled(TH[j]));
    power = (power * root) / ONE;
  }
  TWO[BIAS] = 1;
  for (let e = 1; e <= BIAS; e++) {
    TWO[BIAS + e] = TWO[BIAS + e - 1] * 2;
    TWO[BIAS - e] = TWO[BIAS - e + 1] / 2;
  }
}

/** eˣ in binary64. RN32 of it is expf(x) for every binary32 x. */
export function expCore(x: number): number {
  if (x > OVERFLOW) return Infinity;
  if (x < UNDERFLOW) return 0;
  if (x !== x) return x;
  // [1] reduce
  const k = x * INV + MAGIC - MAGIC;
  const r = x - k * LHI - k * LLO;
  // [2] eʳ - 1
  const p = r + r * r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r / 720))));
  // [3] 2^(j/64)·eʳ
  const j = k & 63;
  const y = TH[j] + (TL[j] + TH[j] * p);
  // [4] times 2^(k div 64)
  // In two halves because 2^1024 is no binary64 and 2^-1074 no normal one; the first product is exact
  const e = k >> 6;
  const half = e >> 1;
  return y * TWO[BIAS + half] * TWO[BIAS + e - half];
}
