// Everything that is hashed, on every path that the engine has.

import { ARTEFACTS, Subject, type ArtefactName } from './artefact.ts';
import { dots, foldDots } from './dots.ts';
import type { Folded } from './hash.ts';
import { executorOf, PATHS, refusal, type Path, type PathName } from './paths.ts';
import { bySimd, FUNCTIONS, plainly, sweep } from './sweeps.ts';

export interface Options {
  readonly models: readonly ArtefactName[];
  readonly paths: readonly PathName[];
  /** Every which of the 2^32 patterns the sweeps take; 0: no sweeps. */
  readonly sweep: number;
  /** Pairs of model and path that are left out, as "MODEL PATH": for engines on which they would take hours. */
  readonly without: readonly string[];
}

export interface Result {
  readonly options: Options;
  /** SHA-256 by what it is of and the path: "tiny-rn simd", "sweep exp plain", "dots simd64". */
  readonly hashes: Record<string, string>;
  /**
   * Of each of these, the first digits of its parts' own hashes, in order: tensors, ranges of patterns, kinds of
   * numbers.
   */
  readonly parts: Record<string, Readonly<Record<string, string>>>;
  /** FNV-1a of the sweeps, for comparison with other implementations. */
  readonly fnv: Record<string, string>;
  /** Paths that this engine does not have, with the reason. */
  readonly refused: Partial<Record<PathName, string>>;
  readonly seconds: Record<string, number>;
}

/** @param workers why there can be no threads here, or null */
export async function runProgram(
  options: Options,
  workers: string | null,
  progress: (text: string) => void,
): Promise<Result> {
  const result: Result = { options, hashes: {}, parts: {}, fnv: {}, refused: {}, seconds: {} };
  const paths = PATHS.filter((path: Path) => {
    if (!options.paths.includes(path.name)) return false;
    const reason = refusal(path, workers);
    if (reason !== null) result.refused[path.name] = reason;
    return reason === null;
  });
  const timed = async (what: string, compute: () => Promise<void> | void): Promise<void> => {
    const start = Date.now();
    await compute();
    result.seconds[what] = (Date.now() - start) / 1000;
    progress(`${what}: ${result.seconds[what]} s`);
  };
  if (options.sweep > 0) await sweeps(options.sweep, paths, result, timed);
  for (const path of paths) {
    await timed(`dots ${path.name}`, async () => {
      const executor = executorOf(path);
      note(result, `dots ${path.name}`, foldDots(await dots(executor)));
      await executor.close();
    });
  }
  for (const name of ARTEFACTS) {
    const taken = paths.filter((path) => !options.without.includes(`${name} ${path.name}`));
    if (!options.models.includes(name) || taken.length === 0) continue;
    const subject = new Subject(name);
    await timed(`${name} weights`, () => subject.prepare());
    for (const path of taken) {
      const key = `${name} ${path.name}`;
      await timed(key, async () => {
        note(result, key, await subject.compute(executorOf(path)));
      });
    }
  }
  return result;
}

function note(result: Result, key: string, { hash, parts }: Folded): void {
  result.hashes[key] = hash;
  result.parts[key] = parts;
}

type Timed = (what: string, compute: () => void) => Promise<void>;

/** By plain loops and by SIMD, on one thread, in float32: the functions have no other path. */
async function sweeps(step: number, paths: readonly Path[], result: Result, timed: Timed): Promise<void> {
  for (const { name } of paths) {
    if (name !== 'plain' && name !== 'simd') continue;
    const computeOf = name === 'plain' ? plainly : bySimd();
    for (const of of FUNCTIONS) {
      const key = `sweep ${of} ${name}`;
      await timed(key, () => {
        const { fnv, ...folded } = sweep(computeOf(of), step);
        note(result, key, folded);
        result.fnv[key] = fnv;
      });
    }
  }
}
