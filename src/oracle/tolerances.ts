// Tolerances for test suites, in any language: what each module of a model may be off by under each claim, measured on
// synthetic images. It is the same measurement that verify makes on a dump's own image, kept in a file.
// schema/tolerances.json describes that file.

import { visionOf } from '../clip/architecture.ts';
import { syntheticImage } from '../clip/weights/synthetic.ts';
import type { CLIP } from '../clip/clip.ts';
import type { Tensor } from '../ops/tensor.ts';
import { VARIANTS } from './claims.ts';
import { distance, earned, freePass, MARGIN, type Distance } from './emulated-error.ts';
import { FLOAT32_LIMITS } from './layer-result.ts';
import { measure, ROUNDING } from './measures.ts';
import { moduleShapes } from './module-shapes.ts';
import { Spill } from './spill.ts';
import { CLAIMS, type Claim } from './types.ts';
import { valuesOf, type Values } from '../formats/values.ts';
import { CONTRACT, packageVersion } from './version.ts';

/** What one claim allows one module. */
export interface Tolerance {
  /**
   * The largest ‖E-T‖/‖T‖ of the claim's emulations, over its variants and the images. Of float32: of this project's
   * own.
   */
  readonly earned: number;
  /** ‖B-T‖/‖T‖ up to which a backend passes: twice what is earned; of float32 four times. */
  readonly relRms: number;
  /** Up to which it is plausible: four times; of float32 sixteen times. Beyond it is wrong. */
  readonly plausible: number;
  /** relRms as a noise ratio: in units of ‖R-T‖/‖T‖, R our float32. */
  readonly rho: number;
  /**
   * The largest |E-T| that was seen, as many times as relRms. A single element of another image may be further off:
   * relRms is the criterion.
   */
  readonly maxAbs: number;
}

export interface ModuleTolerances {
  /** PyTorch's module path. */
  readonly name: string;
  /** For one image. */
  readonly shape: readonly number[];
  /** ‖R-T‖/‖T‖ of our float32. */
  readonly reference: number;
  readonly claims: Readonly<Partial<Record<Claim, Tolerance>>>;
}

export interface Tolerances {
  readonly kind: 'clip-oracle tolerances';
  readonly model: string;
  readonly weights: string;
  /** Seeds of the synthetic images that were measured. */
  readonly images: readonly number[];
  /** In the network's order. */
  readonly modules: readonly ModuleTolerances[];
  readonly version: string;
  readonly contract: string;
}

export interface TolerancesOptions {
  /** Default: all. */
  claims?: readonly Claim[];
  /** Seeds of synthetic images. Default 0 and 1. */
  images?: readonly number[];
  /** Is told about every module that has been computed: `done` of `total`, over all passes. */
  onProgress?: (progress: { done: number; total: number }) => void;
  /**
   * Sees every module of each image as it is measured: the truth (`float64`), then our float32. For one who
   * needs them too; they are not computed twice.
   */
  onTensor?: (precision: 'float32' | 'float64', name: string, values: Values) => void;
  signal?: AbortSignal;
}

interface Seen {
  reference: Distance;
  claims: Partial<Record<Claim, { relRms: number; maxAbs: number; rho: number }>>;
}

/**
 * Measures what each claim earns on a model, module by module. For each image: the truth and float32 once, each claim
 * once for each of its variants.
 * @throws RangeError for an unknown claim or no image; the signal's reason
 */
export async function tolerances(model: CLIP, options: TolerancesOptions = {}): Promise<Tolerances> {
  const { claims = CLAIMS, images = [0, 1] } = options;
  for (const claim of claims)
    if (!CLAIMS.includes(claim))
      throw new RangeError(`tolerances: "claims" expected some of ${CLAIMS.join(', ')}, got ${String(claim)}`);
  if (images.length === 0) throw new RangeError('tolerances: "images" expected one seed at least, got none');
  const shapes = moduleShapes(model.architecture);
  const passes = 2 + claims.reduce((sum, claim) => sum + (claim === 'float32' ? 0 : VARIANTS[claim].length), 0);
  let done = 0;
  const total = images.length * passes * shapes.size;
  const seen = new Map<string, Seen>();
  for (const seed of images) {
    const image = syntheticImage(seed, 1, visionOf(model.architecture, 'tolerances').resolution);
    await measureImage(model, image, claims, seen, () => options.onProgress?.({ done: ++done, total }), options);
  }
  const modules = [...shapes].map(([name, shape]) => ({
    name,
    shape,
    reference: seen.get(name)!.reference.relRms,
    claims: allowed(seen.get(name)!, claims),
  }));
  return {
    kind: 'clip-oracle tolerances',
    model: model.name,
    weights: model.weights,
    images,
    modules,
    version: packageVersion(),
    contract: CONTRACT,
  };
}

async function measureImage(
  model: CLIP,
  image: Tensor,
  claims: readonly Claim[],
  seen: Map<string, Seen>,
  step: () => void,
  { onTensor, signal }: TolerancesOptions,
): Promise<void> {
  const truth = new Spill();
  const noise = new Map<string, number>();
  try {
    await model.encodeImage(image, {
      precision: 'float64',
      signal,
      tap: (name, output) => {
        const values = valuesOf(output);
        truth.add(name, values);
        onTensor?.('float64', name, values);
        step();
      },
    });
    await freePass(
      model,
      image,
      signal,
    )(undefined, (name, values) => {
      const { data } = values;
      onTensor?.('float32', name, values);
      const right = truth.read(name).data;
      const { rho, relRms } = measure(data, data, right);
      noise.set(name, rho > 0 ? relRms / rho : ROUNDING);
      const own = distance(data, right);
      const before = seen.get(name);
      seen.set(name, { claims: before?.claims ?? {}, reference: larger(own, before?.reference) });
      step();
    });
    const pass = freePass(model, image, signal);
    for (const claim of claims) {
      if (claim === 'float32') continue;
      const found = await earned(
        claim,
        (emulate, each) =>
          pass(emulate, (name, values) => {
            each(name, values);
            step();
          }),
        truth,
      );
      for (const [name, distances] of found) {
        const own = distances.reduce((a, b) => larger(a, b));
        const before = seen.get(name)!.claims[claim];
        seen.get(name)!.claims[claim] = {
          ...larger(own, before),
          rho: Math.max(own.relRms / noise.get(name)!, before?.rho ?? 0),
        };
      }
    }
  } finally {
    truth.close();
  }
}

const larger = (a: Distance, b: Distance | undefined): Distance =>
  b === undefined ? a : { relRms: Math.max(a.relRms, b.relRms), maxAbs: Math.max(a.maxAbs, b.maxAbs) };

/** A float32 backend is allowed what it is in units of this project's own noise; the others are never allowed less. */
function allowed({ reference, claims }: Seen, wanted: readonly Claim[]): Partial<Record<Claim, Tolerance>> {
  const noise = Math.max(reference.relRms, ROUNDING);
  const [pass, plausible] = [FLOAT32_LIMITS.pass * noise, FLOAT32_LIMITS.plausible * noise];
  return Object.fromEntries(
    wanted.map((claim) => {
      if (claim === 'float32')
        return [
          claim,
          {
            earned: reference.relRms,
            relRms: pass,
            plausible,
            rho: FLOAT32_LIMITS.pass,
            maxAbs: FLOAT32_LIMITS.pass * reference.maxAbs,
          },
        ];
      const { relRms, maxAbs, rho } = claims[claim]!;
      return [
        claim,
        {
          earned: relRms,
          relRms: Math.max(pass, MARGIN.pass * relRms),
          plausible: Math.max(plausible, MARGIN.plausible * relRms),
          rho: Math.max(FLOAT32_LIMITS.pass, MARGIN.pass * rho),
          maxAbs: Math.max(FLOAT32_LIMITS.pass * reference.maxAbs, MARGIN.pass * maxAbs),
        },
      ];
    }),
  );
}

/**
 * relRms that a claim allows each module, from a table in JSON: what verify takes as `tolerances`.
 * @param text contents of the file
 * @param model the name of the model that is verified
 * @throws Error in a sentence if it is no such table, or of another model, or lacks the claim
 */
export function readTolerances(text: string, claim: Claim, model: string): Map<string, number> {
  let table: Tolerances;
  try {
    table = JSON.parse(text) as Tolerances;
  } catch (error) {
    throw new Error(
      `expected a table in JSON, as \`clip-oracle tolerances --json\` writes it; it is not valid JSON ` +
        `(${error instanceof Error ? error.message : String(error)})`,
      { cause: error },
    );
  }
  if (table?.kind !== 'clip-oracle tolerances' || !Array.isArray(table.modules))
    throw new Error('expected a table as `clip-oracle tolerances --json` writes it, got other JSON; make it so');
  if (table.model !== model)
    throw new Error(
      `expected the tolerances of ${model}, got those of ${table.model}; make them with clip-oracle tolerances ` +
        `--model ${model}`,
    );
  const allowedBy = new Map<string, number>();
  for (const { name, claims } of table.modules) {
    const relRms = claims?.[claim]?.relRms;
    if (typeof name !== 'string' || typeof relRms !== 'number' || !(relRms > 0))
      throw new Error(`expected tolerances for ${claim}, got none for ${name}; make them with --claims ${claim}`);
    allowedBy.set(name, relRms);
  }
  return allowedBy;
}
