// Engines, their libraries and their runs live outside the project and are kept from run to run.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

/** The folder that engines are installed into: CLIP_ORACLE_ENGINES, default `~/.cache/clip-oracle-engines`. */
export function enginesFolder(environment: Record<string, string | undefined> = process.env): string {
  const given = environment.CLIP_ORACLE_ENGINES;
  return given ? resolve(given) : join(homedir(), '.cache', 'clip-oracle-engines');
}

/** Absolute path of a program on the search path, or undefined. An absolute name is only looked at. */
export function findOnPath(program: string, path = process.env.PATH ?? ''): string | undefined {
  const candidates = program.startsWith('/')
    ? [program]
    : path
        .split(delimiter)
        .filter(Boolean)
        .map((folder) => join(folder, program));
  return candidates.find((file) => existsSync(file));
}
