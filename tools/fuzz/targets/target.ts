// What a target is: a parser with its seeds, mutators and the memory that one input may ask for.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { packageFile } from '../../../src/clip/package-file.ts';
import type { Mutator } from '../mutate/havoc.ts';

export interface Target {
  readonly name: string;
  /** Files of src that it is about, by the beginning of their paths: their counters are in the summary. */
  readonly sources: readonly string[];
  seeds(): Uint8Array[];
  readonly mutators: readonly Mutator[];
  /** Bytes that an input of this size may have allocated, all together. */
  limit(size: number): number;
  /** Returns, or throws an Error with one sentence. */
  run(input: Uint8Array): Promise<unknown>;
  /** Its share of the runs; 1 unless it says otherwise. */
  readonly weight?: number;
}

export const KB = 1024;
export const MB = 1024 * 1024;

/** Larger files are no seeds: runs would be slow. */
const MAX_SEED = 8192;

const SHARED = process.env.CLIP_ORACLE_SHARED ?? packageFile('../shared');

/**
 * Files below the repository's fixtures, and below the golden and conformance data of CLIP_ORACLE_SHARED if that is
 * there.
 */
export function seedFiles(folders: readonly string[], endings: readonly string[]): Uint8Array[] {
  const found: Uint8Array[] = [];
  const visit = (path: string): void => {
    if (!existsSync(path)) return;
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort()) visit(join(path, name));
    } else if (endings.includes(extname(path)) && statSync(path).size <= MAX_SEED)
      found.push(new Uint8Array(readFileSync(path)));
  };
  for (const folder of folders) visit(packageFile(join('fixtures', folder)));
  for (const folder of ['golden', 'conformance']) visit(join(SHARED, folder));
  return found;
}

let folder: string | null = null;

/** A folder for inputs that must be files; gone when the process ends. In memory where the system has such a place. */
export function scratch(): string {
  if (folder === null) {
    const made = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'clip-oracle-fuzz-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return folder;
}

/** The input as a file of that name in the scratch folder. */
export function asFile(name: string, input: Uint8Array): string {
  const path = join(scratch(), name);
  writeFileSync(path, input);
  return path;
}
