// Makes a golden pack from a model with synthetic weights: the truth, float32, and what each claim earns, in passes one
// after the other.

import { visionOf } from '../../clip/architecture.ts';
import { mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { syntheticImage } from '../../clip/weights/synthetic.ts';
import { load } from '../../clip/load.ts';
import { sizeOf } from '../../ops/tensor.ts';
import { AtomicFileSync, statOf } from '../../formats/atomic-file.ts';
import { writeError } from '../../formats/errno.ts';
import { writeDump } from '../../formats/dump/write.ts';
import { weightsFingerprint } from '../fingerprint.ts';
import { TraceHashes } from '../hash.ts';
import { tolerances } from '../tolerances.ts';
import { CLAIMS, type Claim } from '../types.ts';
import { valuesOf, type Values } from '../../formats/values.ts';
import { CONTRACT, packageVersion } from '../version.ts';
import { KIND, PACK_FILE, README_FILE, SAMPLES_FILE, samplePlaces, type GoldenPack } from './pack.ts';
import { packReadme } from './readme.ts';

/** Places of each module that are sampled: RN50x64, which has the most modules, stays below half a megabyte. */
const SAMPLES = 32;
/** Images up to this resolution go into the pack whole; larger ones are half a megabyte and are made by the recipe. */
const SMALL = 64;

export interface GoldenOptions {
  model: string;
  /** Of the weights and of the image. Default 0. */
  seed?: number;
  /** Whose tolerances are measured. Default: all. */
  claims?: readonly Claim[];
  threads?: number;
  /** Told after every module that was computed. */
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}

/**
 * Computes a pack and writes it.
 * @param folder made if it is not there; a pack in it is replaced
 * @throws RangeError for an unknown model or a seed that is no whole number; Error if the folder holds something else
 *   or cannot be written
 */
export async function makeGoldenPack(folder: string, options: GoldenOptions): Promise<GoldenPack> {
  const { seed = 0, claims = CLAIMS, signal } = options;
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)
    throw new RangeError(`golden: "seed" expected a whole number from 0 to ${0xffffffff}, got ${seed}`);
  prepare(folder);
  const weights = `synthetic:${seed}`;
  const { model } = await load(options.model, { weights, threads: options.threads });
  try {
    const image = syntheticImage(seed, 1, visionOf(model.architecture, 'golden').resolution);
    const samples = new Map<string, Values>();
    const norms = new Map<string, number>();
    const hashes = new TraceHashes();
    const imageSha256 = hashes.add('image', valuesOf(image));
    let features: Values | null = null;
    // The truth and float32 that the tolerances are measured by are what the pack holds.
    const { modules: allowed } = await tolerances(model, {
      claims,
      images: [seed],
      onProgress: options.onProgress,
      signal,
      onTensor(precision, name, values) {
        if (precision === 'float64') {
          samples.set(name, name === 'visual' ? values : sampled(values));
          norms.set(name, norm(values.data));
          return;
        }
        hashes.add(name, values);
        if (name === 'visual') features = values;
      },
    });
    const pack: GoldenPack = {
      kind: KIND,
      model: model.name,
      weights,
      weightsSha256: await weightsFingerprint(options.model, weights, signal),
      seed,
      image: { shape: [...image.shape], sha256: imageSha256 },
      modules: allowed.map(({ name, shape, claims: earned }) => ({
        name,
        shape,
        sha256: hashes.tensors.get(name)!,
        norm: norms.get(name)!,
        tolerances: Object.fromEntries(claims.map((claim) => [claim, Number(earned[claim]!.relRms.toPrecision(3))])),
      })),
      allSha256: hashes.all(),
      samples: SAMPLES,
      version: packageVersion(),
      contract: CONTRACT,
    };
    await write(folder, pack, samples, features!, image.shape[2] <= SMALL ? valuesOf(image) : null);
    return pack;
  } finally {
    await model.close();
  }
}

function norm(data: Values['data']): number {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i] * data[i];
  return Math.sqrt(sum);
}

function sampled({ shape, data }: Values): Values {
  const places = samplePlaces(sizeOf(shape), SAMPLES);
  return { shape: [places.length], data: Float64Array.from(places, (place) => data[place]) };
}

/**
 * The folder and those above it. mkdir's own way of doing that says ENOENT where a file system is read-only (Node 20).
 */
function makeFolders(folder: string): void {
  const above = dirname(folder);
  if (above !== folder && statOf(above) === undefined) makeFolders(above);
  mkdirSync(folder);
}

/** Only a pack or an empty folder is written over. */
function prepare(folder: string): void {
  if (statOf(folder) === undefined) {
    try {
      makeFolders(folder);
    } catch (error) {
      throw writeError(folder, error);
    }
    return;
  }
  if (!statOf(folder)!.isDirectory()) throw new Error(`"${folder}" expected a folder, got a file; name another place`);
  const other = readdirSync(folder).find((file) => ![PACK_FILE, SAMPLES_FILE, README_FILE].includes(file));
  if (other !== undefined)
    throw new Error(`"${folder}" holds "${other}", which is not part of a golden pack; name a new folder`);
}

async function write(
  folder: string,
  pack: GoldenPack,
  samples: ReadonlyMap<string, Values>,
  features: Values,
  image: Values | null,
): Promise<void> {
  const path = join(folder, SAMPLES_FILE);
  const writer = await writeDump(path, { names: [...samples.keys()] });
  try {
    if (image !== null) writer.add('image', image);
    for (const [name, values] of samples) writer.add(name, values);
    writer.add('float32/visual', features);
    await writer.finish({
      model: pack.model,
      weights: pack.weights,
      contract: pack.contract,
      content: 'float64 truth at the places that README.md says; visual whole',
    });
  } catch (error) {
    await writer.discard();
    throw error;
  }
  writeText(join(folder, PACK_FILE), packText(pack));
  writeText(join(folder, README_FILE), packReadme(pack, image !== null));
}

/** A file that has its name only once it is whole. */
function writeText(path: string, text: string): void {
  const file = new AtomicFileSync(path);
  try {
    file.write(Buffer.from(text), 0);
    file.finish();
  } catch (error) {
    file.discard();
    throw error;
  }
}

/** A line per module, so that a change of one layer is one line in a repository's history. */
function packText({ modules, ...rest }: GoldenPack): string {
  const head = JSON.stringify(rest, null, 1).slice(0, -2);
  return `${head},\n "modules": [\n${modules.map((module) => `  ${JSON.stringify(module)}`).join(',\n')}\n ]\n}\n`;
}
