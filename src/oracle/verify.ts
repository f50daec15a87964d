// verify: compares another backend's dump with our float32 and the float64 truth, layer by layer.

import type { CLIP } from '../clip/clip.ts';
import type { Tensor } from '../ops/tensor.ts';
import { findCauses } from './causes/index.ts';
import { compareLayers, type Comparison } from './compare-layers.ts';
import { examine, examinedFor, type ExaminedDump } from './examine.ts';
import type { Limits } from './layer-result.ts';
import { ownVerdicts } from './teacher-forced.ts';
import type { OtherImage } from './other-crops.ts';
import { CLAIMS, type Claim, type LayerDetail, type VerifyResult } from './types.ts';
import type { Dump } from '../formats/dump/dump.ts';
import { CONTRACT, packageVersion } from './version.ts';

/** How far one stage of verify is: `done` of `total`. */
export interface VerifyProgress {
  /**
   * `layers`: all passes over the network that are certain. Then, where the verdicts require them: `own
   * inputs`, the layers that were only plausible once more, on the backend's own inputs; `causes`, one fault after the
   * other, whose total may grow.
   */
  readonly stage: 'layers' | 'own inputs' | 'causes';
  /** The module that was computed; in the search for causes the first wrong one. */
  readonly layer: string;
  readonly done: number;
  readonly total: number;
}

export interface VerifyOptions {
  /** The precision that the backend claims. Default 'float32'. */
  claim?: Claim;
  /**
   * Each layer is given the backend's own tensors where the dump has them, so that each verdict is the layer's own.
   * Default false.
   */
  teacherForced?: boolean;
  /**
   * The dump's names to PyTorch's paths, where they differ by more than a prefix. `image` is the input. Of an examined
   * dump they are known already.
   */
  map?: Readonly<Record<string, string>>;
  /** (N,3,R,R), what the backend was given. Default: the dump's `image`. */
  image?: Tensor;
  /** Whether to search for causes if a layer is wrong. Default true. */
  causes?: boolean;
  /**
   * Other tensors that the backend may have been given instead of the image, tried as causes (`otherCrops`). Called
   * only if a layer is wrong.
   */
  otherImages?: () => Promise<readonly OtherImage[]>;
  /** Called with every layer and its tensors, in the network's order. */
  onLayer?: (detail: LayerDetail) => void;
  /** Called after every module that has been computed and every cause that has been tried. */
  onProgress?: (progress: VerifyProgress) => void;
  /** Cancels: the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
  /**
   * relRms that the claim allows each module, from a table made before (`tolerances`). Default: it is emulated on this
   * very image, which is more exact.
   */
  tolerances?: ReadonlyMap<string, number>;
  /** Limits of rho per module, instead of the claim's own. */
  limits?: (name: string) => Limits;
}

/**
 * Finds the first wrong layer of a backend, and likely causes.
 *
 * Two passes: float32 (kept on disk if it is large), then float64, where each layer is compared as it appears. Both end
 * at the last module that the dump has.
 * Between them, for a claim other than float32, that precision is emulated to find the error that it earns: one pass
 * for each of its variants.
 * @param dump another backend's, or the result of `examine`
 * @throws TypeError or RangeError for wrong options; Error in a sentence for a dump that is no trace of this model:
 *   names, shapes, batch, missing input
 */
export async function verify(
  model: CLIP,
  dump: Dump | ExaminedDump,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  const { claim = 'float32', teacherForced = false, signal } = options;
  if (!CLAIMS.includes(claim))
    throw new RangeError(`verify: "claim" expected one of ${CLAIMS.join(', ')}, got ${String(claim)}`);
  signal?.throwIfAborted();
  const { map, image } = options;
  const examined = examinedFor(model, 'dump' in dump ? dump : examine(dump, { model, map, image }), image);
  const { names } = examined;
  const comparison: Comparison = {
    model,
    dump: examined.dump,
    image: examined.image,
    shapes: examined.shapes,
    theirs: names.byModule,
    layouts: examined.layouts,
    claim,
    tolerances: options.tolerances,
    limits: options.limits,
    signal,
  };
  const during =
    (stage: VerifyProgress['stage']) =>
    (progress: Omit<VerifyProgress, 'stage'>): void =>
      options.onProgress?.({ stage, ...progress });
  const free = await compareLayers(comparison, {
    teacherForced,
    onLayer: options.onLayer,
    onProgress: during('layers'),
  });
  const layers = teacherForced ? free.layers : await ownVerdicts(comparison, free.layers, during('own inputs'));
  const at = layers.findIndex(({ verdict }) => verdict === 'wrong');
  const firstWrong = at < 0 ? null : layers[at].name;
  const causes =
    firstWrong === null || options.causes === false
      ? []
      : await findCauses({
          model,
          target: firstWrong,
          backend: free.backend,
          signal,
          threads: model.threads,
          right: layers.slice(0, at).map(({ name }) => name),
          limits: layers[at].limits,
          otherImages: await options.otherImages?.(),
          onProgress: (done, total) => {
            during('causes')({ layer: firstWrong, done, total });
          },
        });
  return {
    verdict: firstWrong === null ? 'pass' : 'fail',
    firstWrong,
    causes,
    layers,
    model: model.name,
    weights: model.weights,
    claim,
    teacherForced,
    missing: names.missing,
    unknown: names.unknown,
    notes: free.notes,
    version: packageVersion(),
    contract: CONTRACT,
  };
}
