// Golden heads and small sets of samples for these tests.

import { readFileSync } from 'node:fs';
import ndarray from 'ndarray';
import type { Tensor } from '../../../src/ops/tensor.ts';
import { unitNumbers } from '../../support/arbitraries.ts';
import { readGolden } from '../../support/golden.ts';

export interface HeadCase {
  name: string;
  features: string;
  labels: (string | number)[];
  C: number;
  weights: number[] | null;
  balanced: boolean;
  /** Of scikit-learn's solution, and how far it is from the optimum at most. */
  objective: number;
  distance: number;
}

interface GoldenLists {
  heads: HeadCase[];
  precisions: { truth: number[]; scores: number[]; averagePrecision: number; accuracy: number; accuracyOf: number[] }[];
  macro: { truth: number[]; scores: number[][]; averagePrecision: number; accuracy: number }[];
  log1p: [t: number, value: number][];
}

export const lists = JSON.parse(
  readFileSync(new URL('../../../fixtures/training/golden.json', import.meta.url), 'utf8'),
) as GoldenLists;
const golden = readGolden('fixtures/training/golden.safetensors');
const mini = readGolden('fixtures/features/mini.safetensors');

export const featuresOf = (name: string): Tensor => (name.startsWith('image_features') ? mini : golden).tensor(name);
export const weightOf = ({ name }: HeadCase): Tensor => golden.tensor(`${name}/weight`);
export const biasOf = ({ name }: HeadCase): Tensor => golden.tensor(`${name}/bias`);

export interface Clouds {
  features: Tensor<Float64Array>;
  labels: number[];
}

/** Overlapping clouds: class k lies around a point of its own, less far off than it is wide. Every class occurs. */
export function clouds(N: number, E: number, classes: number, seed: number): Clouds {
  const next = unitNumbers(seed);
  const centres = Array.from({ length: classes * E }, () => next() / 2);
  const labels = Array.from({ length: N }, (_, n) => (n < classes ? n : Math.floor(((next() + 1) / 2) * classes)));
  const data = Float64Array.from(
    { length: N * E },
    (_, i) => next() + centres[labels[Math.floor(i / E)] * E + (i % E)],
  );
  return { features: ndarray(data, [N, E]), labels };
}

/** The largest difference of two lists. */
export function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`expected ${b.length} numbers, got ${a.length}`);
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (!(difference <= most)) most = difference;
  }
  return most;
}
