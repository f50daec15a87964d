// A golden pack: what another project checks into its repository to test its CLIP without this program, without a
// download and without PyTorch.
// pack.json (this type), samples.safetensors (the truth at some places of every layer), README.md (how to use them, in
// any language).

import { join } from 'node:path';
import { isObject } from '../../formats/json.ts';
import { textOfFile } from '../../formats/text-of-file.ts';
import { CLAIMS, type Claim } from '../types.ts';

export const KIND = 'clip-oracle golden pack';
export const PACK_FILE = 'pack.json';
export const SAMPLES_FILE = 'samples.safetensors';
export const README_FILE = 'README.md';

export interface GoldenModule {
  /** PyTorch's module path. */
  readonly name: string;
  /** Of its output for one image. */
  readonly shape: readonly number[];
  /** SHA-256 of the float32 output that the numerics contract gives (hash.ts). */
  readonly sha256: string;
  /** ‖T‖, T the output in float64. */
  readonly norm: number;
  /** ‖B-T‖/‖T‖ that each claim allows a backend's output B. */
  readonly tolerances: Readonly<Partial<Record<Claim, number>>>;
}

export interface GoldenPack {
  readonly kind: typeof KIND;
  readonly model: string;
  /** `synthetic:SEED` */
  readonly weights: string;
  /** SHA-256 over the image tower's parameters (fingerprint.ts): whoever gets the same has the same weights. */
  readonly weightsSha256: string;
  readonly seed: number;
  readonly image: { readonly shape: readonly number[]; readonly sha256: string };
  /** In the network's order; `visual` is the last. */
  readonly modules: readonly GoldenModule[];
  /** One hash over those of the image and all modules (hash.ts), as `clip-oracle trace --hash` prints it. */
  readonly allSha256: string;
  /** At most this many places of each module are in samples.safetensors; the features are there whole. */
  readonly samples: number;
  readonly version: string;
  readonly contract: string;
}

/** 2^32 divided by the golden ratio, made odd: its multiples spread evenly (Knuth, TAOCP 6.4). */
const STEP = 2654435761n;

/**
 * Where a tensor of n elements is sampled: all of it if n <= most; else element ((k·2654435761 mod 2^32)·n) div 2^32
 * for k = 0 … most - 1.
 * @returns places in row-major order of the elements, in the order of k
 */
export function samplePlaces(n: number, most: number): number[] {
  if (n <= most) return Array.from({ length: n }, (_, k) => k);
  return Array.from({ length: most }, (_, k) => Number((BigInt.asUintN(32, BigInt(k) * STEP) * BigInt(n)) >> 32n));
}

/**
 * Reads pack.json.
 * @param folder the pack
 * @throws Error in a sentence if it is no pack
 */
export async function readPack(folder: string): Promise<GoldenPack> {
  const path = join(folder, PACK_FILE);
  const text = await textOfFile(path);
  let pack: GoldenPack;
  try {
    pack = JSON.parse(text) as GoldenPack;
  } catch (error) {
    throw new Error(`"${path}" is not valid JSON; copy the pack again`, { cause: error });
  }
  const { kind, model, samples, image, modules } = (pack ?? {}) as Partial<GoldenPack>;
  const whole =
    kind === KIND &&
    typeof model === 'string' &&
    Number.isSafeInteger(samples) &&
    isObject(image) &&
    typeof image.sha256 === 'string' &&
    isShape(image.shape) &&
    Array.isArray(modules) &&
    modules.length > 0 &&
    modules.every(
      (module) =>
        isObject(module) &&
        typeof module.name === 'string' &&
        isShape(module.shape) &&
        typeof module.sha256 === 'string' &&
        typeof module.norm === 'number' &&
        isObject(module.tolerances) &&
        Object.values(module.tolerances).every((tolerance) => typeof tolerance === 'number'),
    );
  if (!whole)
    throw new Error(
      `"${path}" expected a golden pack as \`clip-oracle golden\` writes it, got other JSON; name the folder ` +
        'of a pack, or make it again',
    );
  return pack;
}

const isShape = (shape: unknown): boolean =>
  Array.isArray(shape) && shape.length <= 32 && shape.every((extent) => Number.isSafeInteger(extent) && extent > 0);

/** @throws RangeError if a pack lacks the claim's tolerances */
export function toleranceOf(pack: GoldenPack, module: GoldenModule, claim: Claim): number {
  const tolerance = module.tolerances[claim];
  if (tolerance !== undefined) return tolerance;
  const has = CLAIMS.filter((known) => known in module.tolerances);
  throw new RangeError(
    `the pack of ${pack.model} has no tolerances for ${claim}, ` +
      `${has.length === 0 ? 'nor for any other claim' : `it has those for ${has.join(', ')}`}; make it with ` +
      `--claims ${claim}`,
  );
}
