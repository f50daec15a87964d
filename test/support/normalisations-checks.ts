// What the checks of the operations with small reductions share.

import fc from 'fast-check';
import type { Tensor } from '../../src/ops/index.ts';
import { elements } from './bits.ts';

export const RUNS = { numRuns: 50 };

export const HUGE = 2 ** 100;

export const width = fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 64, 130);

export function rowsOf(x: Tensor): number[][] {
  const D = x.shape[x.shape.length - 1];
  const all = Array.from(elements(x));
  return Array.from({ length: D === 0 ? 0 : all.length / D }, (_, r) => all.slice(r * D, (r + 1) * D));
}

/**
 * Pairs of positions that tell stripes, their order and how they are joined apart from any other sum of 11 elements.
 */
export function stripePairs(): [number, number][] {
  const pairs: [number, number][] = [];
  for (let i = 0; i < 11; i++) for (let j = i + 1; j < 11; j++) pairs.push([i, j]);
  return pairs;
}
