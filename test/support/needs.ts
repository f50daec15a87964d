// What slow suites need of the machine. A suite that lacks it fails with the remedy, because a suite that skips in
// silence looks like one that passed; who knows that the machine cannot have it says so in CLIP_ORACLE_SKIP.

import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { findBrowser } from './browsers.ts';

/** Names in CLIP_ORACLE_SKIP, separated by commas: of what is known to be missing. */
const SKIPPED = (process.env.CLIP_ORACLE_SKIP ?? '').split(',').map((name) => name.trim());

/**
 * Whether something is there. Where it is not, adds a test that fails with the remedy, or that is skipped if
 * CLIP_ORACLE_SKIP has its name.
 */
export function needs(name: string, isThere: boolean, remedy: string): boolean {
  if (isThere) return true;
  test.skipIf(SKIPPED.includes(name))(`${name} is there`, () => {
    expect.fail(`this suite needs ${name}: ${remedy}, or name it in CLIP_ORACLE_SKIP to leave out what needs it`);
  });
  return false;
}

/** A python3 that imports these packages; CLIP_ORACLE_PYTHON names another than the usual ones. */
export function pythonWith(...packages: readonly string[]): string | undefined {
  const named = process.env.CLIP_ORACLE_PYTHON;
  const candidates = named === undefined ? ['python3', '/usr/bin/python3'] : [named];
  return candidates.find((python) => spawnSync(python, ['-c', `import ${packages.join(', ')}`]).status === 0);
}

/** The program of a browser; adds a failing test where there is none. */
export function neededBrowser(name: 'chrome' | 'firefox'): string | undefined {
  const path = findBrowser(name);
  const [debian, variable] = name === 'chrome' ? ['chromium', 'CHROMIUM'] : ['firefox-esr', 'FIREFOX'];
  needs(name, path !== undefined, `install it (Debian: apt-get install ${debian}) or name its program in ${variable}`);
  return path;
}
