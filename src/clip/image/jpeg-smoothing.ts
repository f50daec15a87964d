// What libjpeg-turbo (2.1 and later) does about a progressive JPEG whose coefficients are not all there: the first nine
// of each block that are still zero are estimated from the means of the 5 x 5 blocks around it (its jdcoefct.c, "block
// smoothing"; ITU-T T.81, K.8 for 3 x 3 blocks).

import type { Component } from './jpeg-scan.ts';
import { ZIGZAG } from './jpeg-scan.ts';

/** How many of the zigzag order's first coefficients are looked at: the mean and the nine that can be estimated. */
const LOOKED_AT = 10;

/** What is known of a component's coefficients: bits that are missing, by zigzag order; -1 for all of them. */
export interface Accuracy {
  /** Since the last scan. */
  now: Int8Array;
  /** Before the last scan of the component. */
  before: Int8Array;
}

export const unknownAccuracy = (): Accuracy => ({
  now: new Int8Array(64).fill(-1),
  before: new Int8Array(64).fill(-1),
});

/** Notes a scan of coefficients from … to, down to bit `low`. @param first whether it is the file's first scan */
export function noteScan({ now, before }: Accuracy, from: number, to: number, low: number, first: boolean): void {
  for (let k = Math.min(from, 1); k <= Math.max(to, LOOKED_AT - 1); k++) before[k] = first ? 0 : now[k];
  now.fill(low, from, to + 1);
}

/** Weights of the 25 means around a block, row by row, for each estimated coefficient in zigzag order. */
// prettier-ignore
const FROM_MEANS: readonly (readonly number[])[] = [
  [-2, -6, -8, -6, -2,  -6, 6, 42, 6, -6,  -8, 42, 152, 42, -8,  -6, 6, 42, 6, -6,  -2, -6, -8, -6, -2],
  [-1, -1, 0, 1, 1,  -3, 13, 0, -13, 3,  -3, 38, 0, -38, 3,  -3, 13, 0, -13, 3,  -1, -1, 0, 1, 1],
  [-1, -3, -3, -3, -1,  -1, 13, 38, 13, -1,  0, 0, 0, 0, 0,  1, -13, -38, -13, 1,  1, 3, 3, 3, 1],
  [0, 0, 1, 0, 0,  0, 2, 7, 2, 0,  0, -5, -14, -5, 0,  0, 2, 7, 2, 0,  0, 0, 1, 0, 0],
  [-1, 0, 0, 0, 1,  0, 9, 0, -9, 0,  0, 0, 0, 0, 0,  0, -9, 0, 9, 0,  1, 0, 0, 0, -1],
  [0, 0, 0, 0, 0,  0, 2, -5, 2, 0,  1, 7, -14, 7, 1,  0, 2, -5, 2, 0,  0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0,  0, 1, 0, -1, 0,  0, 2, 0, -2, 0,  0, 1, 0, -1, 0,  0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0,  0, 1, -3, 1, 0,  0, 0, 0, 0, 0,  0, -1, 3, -1, 0,  0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0,  0, 1, 0, -1, 0,  0, -3, 0, 3, 0,  0, 1, 0, -1, 0,  0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0,  0, 1, 2, 1, 0,  0, 0, 0, 0, 0,  0, -1, -2, -1, 0,  0, 0, 0, 0, 0],
];
/** The same where some coefficient of the nine is known: the first five only. */
// prettier-ignore
const FROM_MEANS_ALONE: readonly (readonly number[])[] = [
  [],
  [0, 0, 0, 0, 0,  0, 0, 0, 0, 0,  -7, 50, 0, -50, 7,  0, 0, 0, 0, 0,  0, 0, 0, 0, 0],
  [0, 0, -7, 0, 0,  0, 0, 50, 0, 0,  0, 0, 0, 0, 0,  0, 0, -50, 0, 0,  0, 0, 7, 0, 0],
  [0, 0, -1, 0, 0,  0, 0, 13, 0, 0,  0, 0, -24, 0, 0,  0, 0, 13, 0, 0,  0, 0, -1, 0, 0],
  [0, -1, 0, 1, 0,  -1, 10, 0, -10, 1,  0, 0, 0, 0, 0,  1, -10, 0, 10, -1,  0, 1, 0, -1, 0],
  [0, 0, 0, 0, 0,  0, 0, 0, 0, 0,  -1, 13, -24, 13, -1,  0, 0, 0, 0, 0,  0, 0, 0, 0, 0],
];

/**
 * Whether libjpeg-turbo smooths: the means of all components are known at least in part, some of the nine are not.
 * @param tables a component's quantisation table in zigzag order
 */
export function isSmoothed(accuracies: readonly Accuracy[], tables: readonly (Uint16Array | undefined)[]): boolean {
  const sound = tables.every((table) => table?.subarray(0, LOOKED_AT).every((q) => q !== 0));
  return (
    sound &&
    accuracies.every(({ now }) => now[0] >= 0) &&
    accuracies.some(({ now }) => now.subarray(1, LOOKED_AT).some((missing) => missing !== 0))
  );
}

/**
 * Estimates in place.
 * @param goodRows rows of MCUs up to which the last scan reached; below, what was known before it counts
 */
export function smooth(component: Component, table: Uint16Array, accuracy: Accuracy, goodRows: number): void {
  const { v, blocksAcross, blocksDown, stride, coefficients } = component;
  // Rows of whole MCUs: those below the picture count for the row of MCUs before the last, as in libjpeg-turbo.
  const inMemory = coefficients.length / 64 / stride;
  const means = new Int32Array(blocksAcross * inMemory);
  for (let row = 0; row < inMemory; row++)
    for (let column = 0; column < blocksAcross; column++)
      means[row * blocksAcross + column] = coefficients[(row * stride + column) * 64];
  const around = new Int32Array(25);
  for (let row = 0; row < blocksDown; row++) {
    const missing = row < goodRows * v ? accuracy.now : accuracy.before;
    const rows = row < inMemory - v ? inMemory : blocksDown;
    const nothing = missing.subarray(1, LOOKED_AT).every((bits) => bits === -1);
    const weights = nothing ? FROM_MEANS : FROM_MEANS_ALONE;
    for (let column = 0; column < blocksAcross; column++) {
      for (let i = 0; i < 25; i++) {
        const y = Math.min(Math.max(row + Math.floor(i / 5) - 2, 0), rows - 1),
          x = Math.min(Math.max(column + (i % 5) - 2, 0), blocksAcross - 1);
        around[i] = means[y * blocksAcross + x];
      }
      const at = (row * stride + column) * 64;
      for (let k = nothing ? 0 : 1; k < weights.length; k++) {
        if (k > 0 && (missing[k] === 0 || coefficients[at + ZIGZAG[k]] !== 0)) continue;
        const sum = table[0] * weights[k].reduce((total, weight, i) => total + weight * around[i], 0);
        let size = Math.floor((table[k] * 128 + Math.abs(sum)) / (table[k] * 256));
        if (k > 0 && missing[k] > 0) size = Math.min(size, (1 << missing[k]) - 1);
        coefficients[at + ZIGZAG[k]] = sum >= 0 ? size : -size;
      }
    }
  }
}
