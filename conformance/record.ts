// What is kept of a run on one engine, and the file that holds the latest run of each: engines that take hours are run one by one.

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
  if (!Array.isArray(records)) throw new Error(`"${file}" expected a list of records, as --json writes it; name another file`);
  return records as EngineRecord[];
}

/** Puts new records in the place of those of the same engines; others stay. */
export function mergeRecords(old: readonly EngineRecord[], fresh: readonly EngineRecord[]): EngineRecord[] {
  const byName = new Map(old.map((record) => [record.name, record]));
  for (const record of fresh) byName.set(record.name, record);
  return [...byName.values()];
}

export function writeRecords(file: string, records: readonly EngineRecord[]): void {
  writeFileSync(file, `${JSON.stringify(records)}\n`);
}
