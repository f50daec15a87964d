// clip-oracle verify: which layer of another backend's dump is the first that is wrong, and by how much.

import { textOfFile } from '../../formats/text-of-file.ts';
import type { CLIP } from '../../clip/clip.ts';
import { MODELS } from '../../clip/models.ts';
import type { Tensor } from '../../ops/tensor.ts';
import type { Claim, VerifyResult } from '../../oracle/types.ts';
import type { Dump } from '../../formats/dump/dump.ts';
import type { ExaminedDump } from '../../oracle/examine.ts';
import type { VerifyOptions, VerifyProgress } from '../../oracle/verify.ts';
import { CommandError, messageOf, OK, SOME_FAILED } from '../errors.ts';
import { AtomicFile, standardOutput } from '../../formats/atomic-file.ts';
import { Progress } from '../terminal/progress.ts';
import { resultJson, resultTable } from '../verify-output.ts';

export interface VerifyCommandOptions {
  model?: string;
  weights?: string;
  claims: Claim;
  teacherForced?: boolean;
  /** A table of `clip-oracle tolerances`. */
  tolerances?: string;
  map?: string;
  html?: string;
  json?: boolean;
  image?: string;
  input?: string;
  pipeline: 'openai' | 'huggingface' | 'fake-detect';
  causes: boolean;
  threads?: number;
  executor: 'auto' | 'reference' | 'simd';
  quiet?: boolean;
}

/** @returns the exit code */
export async function verifyDump(path: string, options: VerifyCommandOptions): Promise<number> {
  if (options.image !== undefined && options.input !== undefined)
    throw new CommandError('expected either --image or --input, got both; leave one out');
  const map = options.map === undefined ? {} : await readMap(options.map);
  const { openDump } = await import('../../formats/dump/open.ts');
  const dump = await openDump(path);
  try {
    const pixels =
      options.input === undefined
        ? undefined
        : (await (await import('../../features/tensor-input.ts')).readTensorInput(options.input, 'float32')).x;
    const wanted = await examined(dump, options, map, options.image === undefined ? pixels : 'later');
    // The file before the model: a wrong name should not cost the reading of a gigabyte.
    const html = options.html === undefined ? null : await AtomicFile.create(options.html);
    try {
      const { load } = await import('../../clip/load.ts');
      const loaded = await load(wanted.model, {
        weights: wanted.weights,
        threads: options.threads,
        executor: options.executor,
      });
      try {
        const image =
          options.image === undefined ? pixels : await loaded.preprocess(options.image, { pipeline: options.pipeline });
        const collector = html === null ? null : (await import('../../oracle/report/collector.ts')).reportCollector();
        const found = await compared(
          loaded.model,
          wanted.dump,
          {
            claim: options.claims,
            tolerances: await tolerancesIn(options, wanted.model),
            teacherForced: options.teacherForced,
            causes: options.causes,
            map,
            image,
            otherImages: otherImages(options, loaded.model),
            onLayer: collector?.onLayer,
          },
          options.quiet,
        );
        const result: VerifyResult = {
          ...found,
          notes: [...(found.notes ?? []), ...(await aboutWeights(dump, wanted, found))],
        };
        if (html !== null) {
          await html.write((await import('../../oracle/report/html.ts')).reportHtml(result, collector!.data()));
          await html.finish();
        }
        await standardOutput.write(options.json ? resultJson(result) : resultTable(result, path, process.stdout));
        return result.verdict === 'pass' ? OK : SOME_FAILED;
      } finally {
        await loaded.model.close();
      }
    } catch (error) {
      await html?.discard();
      throw error;
    }
  } finally {
    await dump.close();
  }
}

/** What each stage counts. */
const UNITS: Readonly<Record<VerifyProgress['stage'], string>> = {
  layers: 'modules',
  'own inputs': "modules on the backend's own inputs",
  causes: 'causes tried',
};

async function compared(
  model: CLIP,
  dump: Dump | ExaminedDump,
  options: VerifyOptions,
  quiet: boolean | undefined,
): Promise<VerifyResult> {
  const { verify } = await import('../../oracle/verify.ts');
  const progress = await Progress.create({ unit: UNITS.layers, total: null, quiet });
  try {
    let during: VerifyProgress['stage'] = 'layers';
    return await verify(model, dump, {
      ...options,
      onProgress({ stage, done, total }) {
        if (stage !== during) progress.next(UNITS[(during = stage)]);
        progress.update(done, total);
      },
    });
  } finally {
    progress.stop();
  }
}

/** What else the picture of --image may have been made into. */
const otherImages = ({ image, pipeline }: VerifyCommandOptions, model: CLIP): VerifyOptions['otherImages'] =>
  image === undefined
    ? undefined
    : async () =>
        (await import('../../oracle/other-crops.ts')).otherCrops(image, model.architecture.vision.resolution, pipeline);

/** What is loaded, and the dump: examined, where the model's architecture is known before it is loaded. */
interface Wanted {
  model: string;
  weights: string | undefined;
  dump: Dump | ExaminedDump;
}

/**
 * Finds the model and weights that the options name; else those that the dump says it is of; else the model that its
 * shapes fit. What is wrong with the dump is said before a gigabyte of weights is read.
 */
async function examined(
  dump: Dump,
  options: VerifyCommandOptions,
  map: Record<string, string>,
  image: Tensor | 'later' | undefined,
): Promise<Wanted> {
  const { examine, modelNamed, UnknownModelError } = await import('../../oracle/examine.ts');
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
async function aboutWeights(dump: Dump, { model, weights }: Wanted, result: VerifyResult): Promise<string[]> {
  const theirs = dump.metadata.weights_sha256;
  if (result.verdict === 'pass' || theirs === undefined) return [];
  const { weightsFingerprint } = await import('../../oracle/fingerprint.ts');
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
async function tolerancesIn(
  { tolerances: path, claims }: VerifyCommandOptions,
  model: string,
): Promise<VerifyOptions['tolerances']> {
  if (path === undefined || claims === 'float32') return undefined;
  const text = await textOf(path, '--tolerances', 'make it with clip-oracle tolerances --out FILE');
  try {
    return (await import('../../oracle/tolerances.ts')).readTolerances(text, claims, model);
  } catch (error) {
    throw new CommandError(`--tolerances: "${path}": ${messageOf(error)}`);
  }
}

/** @throws CommandError if the file is no JSON object of strings */
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
