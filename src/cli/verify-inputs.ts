// What `verify` reads besides the dump: the model that it is of, a table of tolerances, a map of names.

import { MODELS } from '../clip/models.ts';
import type { ExaminedDump } from '../oracle/examine.ts';
import type { Claim, VerifyResult } from '../oracle/types.ts';
import type { VerifyOptions } from '../oracle/verify.ts';
import type { Dump } from '../formats/dump/dump.ts';
import { textOfFile } from '../formats/text-of-file.ts';
import type { Tensor } from '../ops/tensor.ts';
import { CommandError, messageOf } from './errors.ts';

/** The options that decide about them. */
interface DumpOptions {
  model?: string;
  weights?: string;
  claims: Claim;
  /** A table of `clip-oracle tolerances`. */
  tolerances?: string;
}

/** What is loaded, and the dump: examined, where the model's architecture is known before it is loaded. */
export interface Wanted {
  model: string;
  weights: string | undefined;
  dump: Dump | ExaminedDump;
}

/**
 * Finds the model and weights that the options name; else those that the dump says it is of; else the model that its
 * shapes fit. What is wrong with the dump is said before a gigabyte of weights is read.
 */
export async function examined(
  dump: Dump,
  options: DumpOptions,
  map: Record<string, string>,
  image: Tensor | 'later' | undefined,
): Promise<Wanted> {
  const { examine, modelNamed, UnknownModelError } = await import('../oracle/examine.ts');
  const says = modelNamed(dump)?.name;
  const entry = MODELS.find(({ name }) => name === options.model);
  if (entry !== undefined && says !== undefined && says !== entry.name) {
    throw new CommandError(
      `"${dump.path}" says that it is a dump of ${says}, but --model is ${entry.name}; leave --model out, or give ` +
        `the dump of ${entry.name}`,
    );
  }
  // Only a seed or a bundled model means the same everywhere.
  const portable = /^synthetic:\d+$/.test(dump.metadata.weights ?? '') ? dump.metadata.weights : undefined;
  const weightsOf = (model: string): string | undefined => options.weights ?? (says === model ? portable : undefined);
  if (options.model !== undefined && entry === undefined)
    return { model: options.model, weights: weightsOf(options.model), dump };
  try {
    const model = entry && { name: entry.name, architecture: entry };
    const found = examine(dump, { model, map, image });
    return { model: found.model.name, weights: weightsOf(found.model.name), dump: found };
  } catch (error) {
    const unknown = error instanceof UnknownModelError && error.candidates.length === 0;
    if (unknown && options.weights !== undefined) return { model: options.weights, weights: undefined, dump };
    throw error;
  }
}

/** Whether the dump was made with the same weights, where it says so and something is wrong. */
export async function aboutWeights(dump: Dump, { model, weights }: Wanted, result: VerifyResult): Promise<string[]> {
  const theirs = dump.metadata.weights_sha256;
  if (result.verdict === 'pass' || theirs === undefined) return [];
  const { weightsFingerprint } = await import('../oracle/fingerprint.ts');
  const ours = await weightsFingerprint(model, weights);
  if (ours === theirs) return [];
  return [
    `the dump was made with other weights (SHA-256 ${theirs.slice(0, 8)}… of ` +
      `${dump.metadata.weights ?? 'unknown origin'}; these have ${ours.slice(0, 8)}…): compare it with those it ` +
      'was made with (--weights)',
  ];
}

const textOf = (path: string, option: string, remedy: string): Promise<string> =>
  textOfFile(path).catch((error: Error) => {
    throw new CommandError(
      `${option}: "${path}" cannot be read ` +
        `(${(error.cause as NodeJS.ErrnoException | undefined)?.code ?? messageOf(error)}); ${remedy}`,
    );
  });

/**
 * The table that --tolerances names. @throws CommandError if there is none, or it is of another model or lacks the
 * claim
 */
export async function tolerancesIn(
  { tolerances: path, claims }: DumpOptions,
  model: string,
): Promise<VerifyOptions['tolerances']> {
  if (path === undefined || claims === 'float32') return undefined;
  const text = await textOf(path, '--tolerances', 'make it with clip-oracle tolerances --out FILE');
  try {
    return (await import('../oracle/tolerances.ts')).readTolerances(text, claims, model);
  } catch (error) {
    throw new CommandError(`--tolerances: "${path}": ${messageOf(error)}`);
  }
}

/** @throws CommandError if the file is not a JSON object of strings */
export async function readMap(path: string): Promise<Record<string, string>> {
  const text = await textOf(path, '--map', 'name a JSON file {"their name": "our path"}');
  let map: unknown;
  try {
    map = JSON.parse(text);
  } catch {
    // What the engine says about it is another sentence in every engine.
    throw new CommandError(`--map: "${path}" is no JSON; write {"their name": "our path"}`);
  }
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw new CommandError(
      `--map: "${path}" expected an object {"their name": "our path"}, got ` +
        `${Array.isArray(map) ? 'a list' : String(map)}`,
    );
  const odd = Object.entries(map).find(([, ours]) => typeof ours !== 'string');
  if (odd !== undefined)
    throw new CommandError(
      `--map: "${path}" expected a path as a string for "${odd[0].slice(0, 80)}", got ` +
        `${odd[1] === null ? 'null' : typeof odd[1]}; write {"their name": "our path"}`,
    );
  return map as Record<string, string>;
}
