// A dump beside a golden pack: no model is needed, only hashes and samples are compared. Coarser than verify, and free.

import { join } from 'node:path';
import { sizeOf } from '../../ops/tensor.ts';
import { openDump } from '../../formats/dump/open.ts';
import { hashValues } from '../hash.ts';
import { arranged, layoutsFor } from '../layout.ts';
import { matchNames } from '../names.ts';
import type { Claim } from '../types.ts';
import type { Dump } from '../../formats/dump/dump.ts';
import type { Values } from '../../formats/values.ts';
import { readPack, SAMPLES_FILE, samplePlaces, toleranceOf, type GoldenModule, type GoldenPack } from './pack.ts';

/**
 * How much more than the tolerance the samples may be off, because some thirty places tell the error of a whole tensor
 * roughly: float32 and the emulations of all claims, two tiny and two small architectures, five seeds, gave estimates
 * of 0.35 to 2.33 times the whole's error, and tolerances leave a factor of two or four.
 */
const SAMPLING = 2;

export interface PackLayer {
  readonly name: string;
  /** Whether every bit is the contract's. */
  readonly equal: boolean;
  /** ‖B-T‖/‖T‖, estimated from the samples. */
  readonly relRms: number;
  /** What the claim allows. */
  readonly tolerance: number;
  readonly verdict: 'equal' | 'pass' | 'wrong';
}

export interface PackResult {
  readonly verdict: 'pass' | 'fail';
  readonly firstWrong: string | null;
  readonly model: string;
  readonly claim: Claim;
  /** In the network's order; only those that the dump has. */
  readonly layers: readonly PackLayer[];
  readonly missing: readonly string[];
  readonly unknown: readonly string[];
}

/**
 * Compares a dump of one image with a pack.
 * @param folder the pack
 * @param map the dump's names to PyTorch's paths, where they differ
 * @throws Error in a sentence if the dump has another input, another model's shapes or nothing in common with the pack
 */
export async function checkGoldenPack(
  dump: Dump,
  folder: string,
  options: { claim?: Claim; map?: Readonly<Record<string, string>> } = {},
): Promise<PackResult> {
  const { claim = 'float32', map = {} } = options;
  const pack = await readPack(folder);
  const names = matchNames(
    [...dump.tensors.keys()],
    pack.modules.map(({ name }) => name),
    map,
    dump.path,
  );
  if (names.image !== null) checkImage(dump, names.image, pack);
  const samples = await openDump(join(folder, SAMPLES_FILE));
  try {
    const layers: PackLayer[] = [];
    for (const module of pack.modules) {
      const theirs = names.byModule.get(module.name);
      if (theirs !== undefined) layers.push(layer(module, dump, theirs, samples.read(module.name), pack, claim));
    }
    const firstWrong = layers.find(({ verdict }) => verdict === 'wrong')?.name ?? null;
    return {
      verdict: firstWrong === null ? 'pass' : 'fail',
      firstWrong,
      model: pack.model,
      claim,
      layers,
      missing: names.missing,
      unknown: names.unknown,
    };
  } finally {
    await samples.close();
  }
}

function layer(
  module: GoldenModule,
  dump: Dump,
  theirs: string,
  truth: Values,
  pack: GoldenPack,
  claim: Claim,
): PackLayer {
  const { name, shape, sha256, norm } = module;
  const stored = dump.read(theirs);
  const layouts = layoutsFor(name, shape, stored.shape);
  if (layouts.length === 0)
    throw new Error(
      `"${dump.path}": "${theirs}" expected shape (${shape.join(', ')}) for ${name} of ${pack.model}, in this ` +
        `or another usual order, got (${stored.shape.join(', ')}); dump one image, through this model`,
    );
  const n = sizeOf(shape);
  const places = samplePlaces(n, truth.data.length);
  let equal = false,
    relRms = Infinity;
  for (const layout of layouts) {
    const { data } = arranged(stored, shape, layout);
    let sum = 0;
    places.forEach((place, k) => {
      sum += (data[place] - truth.data[k]) * (data[place] - truth.data[k]);
    });
    const estimate = Math.sqrt(sum / places.length) / (norm / Math.sqrt(n));
    if (estimate < relRms) relRms = estimate;
    equal ||= data instanceof Float32Array && hashValues({ data }) === sha256;
  }
  const tolerance = toleranceOf(pack, module, claim);
  return {
    name,
    equal,
    relRms,
    tolerance,
    verdict: equal ? 'equal' : relRms <= SAMPLING * tolerance ? 'pass' : 'wrong',
  };
}

function checkImage(dump: Dump, name: string, pack: GoldenPack): void {
  const stored = dump.read(name);
  const { shape, sha256 } = pack.image;
  const same = layoutsFor('image', shape, stored.shape).some(
    (layout) => hashValues({ data: Float32Array.from(arranged(stored, shape, layout).data) }) === sha256,
  );
  if (!same)
    throw new Error(
      `"${dump.path}": its input "${name}" is not the pack's (SHA-256 ${sha256.slice(0, 12)}…, shape ` +
        `${shape.join(' x ')}); feed the backend the image that the pack's README describes`,
    );
}
