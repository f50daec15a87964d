// What a run of benchmarks leaves behind (as JSON), and its summary: one row per engine, model, threads and batch.

import type { Result } from './measurement.ts';
import type { Environment } from './environment.ts';
import { median, minimum } from './measure.ts';

export interface Report {
  machine: Environment;
  /** Of every engine, with the size of its package on the disk. */
  packages: { name: string; version: string; megabytes: number }[];
  /** Every process that measured, in the order in which they ran. */
  results: Result[];
  /** Combinations that gave no result, and why. */
  failures: string[];
}

export interface Summary {
  engine: string;
  model: string;
  threads: number;
  batch: number;
  executor: string;
  weights: 'file' | 'synthetic';
  residency?: Result['residency'];
  /** Median over the processes, seconds. */
  load: number;
  first: number;
  toFirst: number;
  /** Over all forward passes after each process's first, seconds. */
  fastest: number;
  typical: number;
  /** Median over the processes, bytes. */
  peak: number;
  weightBytes: number;
  error: number;
  pytorchError: number;
}

/** In the order of first appearance. */
export function summarise(results: readonly Result[]): Summary[] {
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    const key = [
      result.model,
      result.threads,
      result.batch,
      result.engine,
      result.executor,
      result.weights,
      result.residency,
    ].join();
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()].map((group) => {
    const [{ engine, model, threads, batch, executor, weights, residency, weightBytes, pytorchError }] = group;
    const over = (value: (result: Result) => number): number => median(group.map(value));
    const steady = group.flatMap((result) => result.steady);
    return {
      engine,
      model,
      threads,
      batch,
      executor,
      weights: weights.startsWith('synthetic:') ? 'synthetic' : 'file',
      residency,
      weightBytes,
      pytorchError,
      load: over((r) => r.load),
      first: over((r) => r.first),
      toFirst: over((r) => r.toFirst),
      peak: over((r) => r.peak),
      fastest: minimum(steady),
      typical: median(steady),
      error: Math.max(...group.map((r) => r.error)),
    };
  });
}

/** Our row for the same work, to divide by. */
export function ours(rows: readonly Summary[], row: Summary): Summary | undefined {
  return rows.find(
    (r) =>
      r.engine === 'clip-oracle' &&
      r.weights === 'file' &&
      r.model === row.model &&
      r.threads === row.threads &&
      r.batch === row.batch,
  );
}
