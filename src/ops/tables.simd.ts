// The tables of the elementwise kernels in the kernels' memory: made once for a model, read by all threads.
//
// Byte offsets from the address that steps carry as `tables`:
//     EXACT   64 pairs (TH[j], TL[j]) of exp-core.ts, TH + TL = 2^(j/64)
//     FAST    512 words: the bits of 2^(j/512) less j·2^43, so that adding k·2^43 gives the bits of 2^(k/512)
//             (fast-exp.simd.ts)
//     ERF     33 rows of 13 binary64 coefficients of erf-core.ts (erf-core.simd.ts says which), then HEAD, the head
//             of 2/√π

import { erfTables } from './erf-core.ts';
import { TH, TL } from './exp-core.ts';
import { ONE, squareRoot, toDouble } from './fixed-point.ts';
import type { Machine } from '../wasm/machine.ts';

export const EXACT = 0;
export const FAST = EXACT + 64 * 16;
export const FAST_SIZE = 512;
export const ERF = FAST + FAST_SIZE * 8;
const ERF_ROWS = 33;
export const ERF_COEFFICIENTS = 13;
export const HEAD = ERF + ERF_ROWS * ERF_COEFFICIENTS * 8;

/** The bytes that the tables take, a multiple of 16. */
export const TABLES_BYTES = (ERF + ERF_ROWS * ERF_COEFFICIENTS * 8 + 8 + 15) & ~15;

/**
 * Writes the tables.
 * @param address a multiple of 16
 */
export function writeTables(machine: Machine, address: number): void {
  const f64 = machine.f64.subarray(address / 8, (address + TABLES_BYTES) / 8);
  for (let j = 0; j < 64; j++) {
    f64[EXACT / 8 + 2 * j] = TH[j];
    f64[EXACT / 8 + 2 * j + 1] = TL[j];
  }
  let root = 2n * ONE;
  for (let size = 1; size < FAST_SIZE; size *= 2) root = squareRoot(root); // 2^(1/512)
  const words = new BigInt64Array(machine.memory.buffer, address + FAST, FAST_SIZE);
  let power = ONE;
  for (let j = 0; j < FAST_SIZE; j++) {
    f64[FAST / 8 + j] = toDouble(power);
    words[j] -= BigInt(j) << 43n;
    power = (power * root) / ONE;
  }
  writeErf(f64.subarray(ERF / 8));
}

/**
 * Rows 0 and 1, |x| < 1/4: tail, odd[1] … odd[8] for powers of x². Rows 2 to 31: the Taylor coefficients about (i +
 * 1/2)/8. Row 32: 1.
 */
function writeErf(rows: Float64Array): void {
  const { head, tail, odd, taylor } = erfTables();
  rows.fill(0);
  for (const row of [0, 1]) {
    rows[row * ERF_COEFFICIENTS] = tail;
    for (let n = 1; n < odd.length; n++) rows[row * ERF_COEFFICIENTS + n] = odd[n];
  }
  for (let i = 2 * ERF_COEFFICIENTS; i < 32 * ERF_COEFFICIENTS; i++) rows[i] = taylor[i];
  rows[32 * ERF_COEFFICIENTS] = 1;
  rows[33 * ERF_COEFFICIENTS] = head;
}
