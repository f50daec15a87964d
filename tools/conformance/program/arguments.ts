// The program's arguments: models=tiny-rn,RN50 paths=plain,simd sweep=257 without="RN50 plain64,RN50 plain". Plain
// texts, because shells have no library for them.

import { ARTEFACTS, type ArtefactName } from './artefact.ts';
import { PATHS, type PathName } from './paths.ts';
import type { Options } from './run.ts';

/** The step of the sweeps for engines that compile. */
export const SWEEP = 257;

/** @throws RangeError for what is not known */
export function parseArguments(args: readonly string[]): Options {
  const options: { -readonly [K in keyof Options]: Options[K] } = {
    models: ARTEFACTS,
    paths: PATHS.map(({ name }) => name),
    sweep: SWEEP,
    without: [],
  };
  for (const argument of args) {
    const [name, value] = splitAtFirst(argument, '=');
    if (name === 'models') options.models = listOf(argument, value, ARTEFACTS);
    else if (name === 'paths')
      options.paths = listOf<PathName>(
        argument,
        value,
        PATHS.map((path) => path.name),
      );
    else if (name === 'without')
      options.without = listOf(
        argument,
        value,
        ARTEFACTS.flatMap((model: ArtefactName) => PATHS.map((path) => `${model} ${path.name}`)),
      );
    else if (name === 'sweep' && /^\d{1,7}$/.test(value)) options.sweep = Number(value);
    else throw new RangeError(`expected models=…, paths=…, without=… or sweep=N, got ${JSON.stringify(argument)}`);
  }
  return options;
}

function splitAtFirst(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function listOf<T extends string>(argument: string, value: string, allowed: readonly T[]): T[] {
  const items = value === '' ? [] : value.split(',');
  const unknown = items.find((item) => !(allowed as readonly string[]).includes(item));
  if (unknown !== undefined)
    throw new RangeError(`${argument}: expected some of ${allowed.join(', ')}, got ${JSON.stringify(unknown)}`);
  return items as T[];
}
