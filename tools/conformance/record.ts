// What is kept of a run on one engine, and the file that holds the latest run of each: engines that take hours are run
// one by one.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Result } from './program/run.ts';

export interface EngineRecord {
  readonly name: string;
  readonly processor: string;
  readonly note: string | null;
  /** As the engine says it. null where it did not get so far. */
  readonly version: string | null;
  /** YYYY-MM-DD */
  readonly date: string;
  /** null where the engine could not be run. */
  readonly result: Result | null;
  /** Why not. */
  readonly error: string | null;
}

/** Reads a file of records; none where there is no file. */
export function readRecords(file: string): EngineRecord[] {
  if (!existsSync(file)) return [];
  const records: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (!Array.isArray(records))
    throw new Error(`"${file}" expected a list of records, as --json writes it; name another file`);
  return records as EngineRecord[];
}

/**
 * Puts new records in the place of those of the same engines; others stay. A run of the same version adds to what was
 * computed before: paths of an interpreter take hours each.
 */
export function mergeRecords(old: readonly EngineRecord[], fresh: readonly EngineRecord[]): EngineRecord[] {
  const byName = new Map(old.map((record) => [record.name, record]));
  for (const record of fresh) {
    const before = byName.get(record.name);
    const adds = before?.result && record.result && before.version === record.version;
    byName.set(record.name, adds ? { ...record, result: union(before.result, record.result) } : record);
  }
  return [...byName.values()];
}

function union(before: Result, { options, ...after }: Result): Result {
  // Sweeps of another step do not belong to the same pins.
  const stays = (key: string): boolean =>
    options.sweep === 0 || options.sweep === before.options.sweep || !key.startsWith('sweep ');
  const both = <T>(a: Record<string, T>, b: Record<string, T>): Record<string, T> => ({
    ...Object.fromEntries(Object.entries(a).filter(([key]) => stays(key))),
    ...b,
  });
  const all = <T>(a: readonly T[], b: readonly T[]): T[] => [...new Set([...a, ...b])];
  return {
    options: {
      models: all(before.options.models, options.models),
      paths: all(before.options.paths, options.paths),
      sweep: options.sweep || before.options.sweep,
      without: [],
    },
    hashes: both(before.hashes, after.hashes),
    parts: both(before.parts, after.parts),
    fnv: both(before.fnv, after.fnv),
    seconds: both(before.seconds, after.seconds),
    refused: { ...before.refused, ...after.refused },
  };
}

export function writeRecords(file: string, records: readonly EngineRecord[]): void {
  writeFileSync(file, `${JSON.stringify(records)}\n`);
}
