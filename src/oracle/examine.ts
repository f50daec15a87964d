// What a dump is, by its headers and its input alone: which model it is of, which tensor is which module's output, how
// it is stored, and how many images went in. Nothing is computed and no weights are read, so that a dump that cannot be
// compared is refused at once.

import { visionOf } from '../clip/architecture.ts';
import { MODELS } from '../clip/models.ts';
import type { Dump } from '../formats/dump/dump.ts';
import type { Tensor } from '../ops/tensor.ts';
import { candidateModels, layoutsOf, type Candidate, type Matched } from './candidate-models.ts';
import { checkedImage, checkLayouts, inputImage, type ModelDescription } from './dump-shapes.ts';
import { moduleShapes } from './module-shapes.ts';
import { matchNames } from './names.ts';

export interface ExamineOptions {
  /** The model to compare with. Default: the one that the dump names, else the one that its shapes fit. */
  model?: ModelDescription;
  /** The dump's names to PyTorch's paths, where they differ by more than a prefix. `image` is the input. */
  map?: Readonly<Record<string, string>>;
  /**
   * (N,3,R,R), what the backend was given; 'later' if it will be one image that is given to `verify`. Default: the
   * dump's `image`.
   */
  image?: Tensor | 'later';
}

/** A dump that is a trace of `model`, ready to be compared with it. */
export interface ExaminedDump extends Matched {
  readonly dump: Dump;
  readonly model: ModelDescription;
  /** (N,3,R,R) float32; null if it is given to `verify`, N = 1. */
  readonly image: Tensor | null;
}

/** The dump does not name its model, and its shapes do not fit exactly one. */
export class UnknownModelError extends RangeError {
  /** Names of the models that its shapes fit. */
  readonly candidates: readonly string[];

  constructor(path: string, candidates: readonly string[]) {
    const fit =
      candidates.length > 0 ? `and could be of ${candidates.slice(0, 4).join(', ')}` : 'and fits none by shape';
    super(`"${path}" does not say which model it is of ${fit}; name it with --model (option "model")`);
    this.candidates = candidates;
  }
}

/**
 * Checks that a dump is a trace of a model, from its headers and its input.
 * @returns what `verify` takes in place of the dump
 * @throws UnknownModelError if no model is given and the dump does not tell it; Error in a sentence that says what is
 *   wrong with the dump
 */
export function examine(dump: Dump, { model, map = {}, image: given }: ExamineOptions = {}): ExaminedDump {
  let found: readonly Candidate[] | undefined;
  const candidates = (): readonly Candidate[] => (found ??= candidateModels(dump, map));
  const is = model ?? modelOf(dump, candidates);
  const known = found?.find((candidate) => candidate.model.name === is.name);
  const names =
    known?.names ?? matchNames([...dump.tensors.keys()], [...moduleShapes(is.architecture).keys()], map, dump.path);
  const others = (): readonly string[] => candidates().map((candidate) => candidate.model.name);
  const image = given === 'later' ? null : inputImage(is, dump, names.image, given, others);
  const N = image?.shape[0] ?? 1;
  const matched =
    known !== undefined && known.shapes.get('visual')![0] === N
      ? known
      : withShapes(dump, names, moduleShapes(is.architecture, N));
  return {
    dump,
    model: { name: is.name, architecture: is.architecture },
    image,
    names,
    shapes: matched.shapes,
    layouts: checkLayouts(is, dump, matched, others),
  };
}

const withShapes = (dump: Dump, names: Matched['names'], shapes: Matched['shapes']): Matched => ({
  names,
  shapes,
  layouts: layoutsOf(dump, names, shapes),
});

function modelOf(dump: Dump, candidates: () => readonly Candidate[]): ModelDescription {
  const named = modelNamed(dump);
  if (named !== undefined) return named;
  const possible = candidates();
  if (possible.length === 1) return { name: possible[0].model.name, architecture: possible[0].model };
  throw new UnknownModelError(
    dump.path,
    possible.map(({ model }) => model.name),
  );
}

/** The model that the dump's metadata name; undefined if they name none, or one that is not known by name. */
export function modelNamed({ metadata }: Dump): ModelDescription | undefined {
  const entry = MODELS.find(({ name }) => name === metadata.model);
  return entry === undefined ? undefined : { name: entry.name, architecture: entry };
}

/**
 * The examined dump for a model that has been loaded, with the image that is compared.
 * @param given the image, if it was not known before or another is meant
 * @throws RangeError if the dump was examined for another model, or the image has another batch
 */
export function examinedFor(
  model: ModelDescription,
  examined: ExaminedDump,
  given: Tensor | undefined,
): ExaminedDump & { readonly image: Tensor } {
  const [is, was] = [model, examined.model].map(({ architecture }) => {
    const vision = visionOf(architecture, 'verify');
    return [architecture.embed, vision.kind, vision.resolution, vision.width, ...[vision.layers].flat()];
  });
  if (is.join() !== was.join())
    throw new RangeError(
      `verify: "dump" expected one that was examined for ${model.name}, got one for ${examined.model.name}; give ` +
        'examine this model',
    );
  const image = given === undefined ? examined.image : checkedImage(given, model);
  const N = examined.shapes.get('visual')![0];
  if (image === null)
    throw new TypeError(
      'verify: "image" expected the pixels that were announced to examine as \'later\', got nothing; give them',
    );
  if (image.shape[0] !== N)
    throw new RangeError(
      `verify: "image" expected a batch of ${N} as the dump was examined for, got ${image.shape[0]}; give examine ` +
        'this image',
    );
  return { ...examined, image };
}
