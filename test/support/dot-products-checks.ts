// What the checks of matmul, linear and conv2d share: sizes, numbers, and the order of a sum.

import fc from 'fast-check';
import type { Tensor } from '../../src/ops/index.ts';
import { blockDepth, fill, rawNumbers, tensorOf, tileExtent, unitTensor } from './arbitraries.ts';
import { elements } from './bits.ts';
import { probe, revealingPairs, survivorsOfBlocks } from './sums.ts';

export const LARGE = 2 ** 40; // its neighbours lie 2^17 apart: hundreds of ones vanish beside it

export const K_PROBE = 389; // three blocks and a remainder of 5

export const RUNS = { numRuns: 40 };

// tileExtent again, so that K = O comes up: square weights hide nothing else than a transposition
export const depth = fc.oneof(blockDepth, tileExtent);

/**
 * Numbers of four kinds: as in networks (they show the order of summation), so small that products and sums are
 * subnormal, all finite bit patterns, all bit patterns.
 */
export const kind = fc.constantFrom('unit', 'tiny', 'finite', 'any');

export function numbers(shape: readonly number[], of: string, s: number): Tensor {
  if (of === 'tiny')
    return tensorOf(
      elements(unitTensor(shape, s)).map((v) => v * 2 ** -68),
      shape,
    );
  return of === 'unit' ? unitTensor(shape, s) : fill(shape, rawNumbers(s, of === 'any'));
}

/** Row m of a matrix as a list. */
export function row(x: Tensor, m: number): number[] {
  return Array.from({ length: x.shape[1] }, (_, k) => x.get(m, k));
}

/** Throws unless every probe's sum leaves the ones that the contract's order leaves. */
export function assertOrder(sum: (a: number[]) => ArrayLike<number>): void {
  for (const [i, j] of revealingPairs(K_PROBE)) {
    const sums = sum(probe(K_PROBE, i, j, LARGE));
    for (let o = 0; o < sums.length; o++) {
      const expected = survivorsOfBlocks(K_PROBE, i, j);
      if (sums[o] !== expected)
        throw new Error(`large at ${i} and ${j}, output ${o}: expected ${expected} ones to survive, got ${sums[o]}`);
    }
  }
}
