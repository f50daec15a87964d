// Whether a dump is a trace of this model at all: its shapes, its input, its batch.

import { visionOf, type Architecture } from '../clip/architecture.ts';
import type { Tensor } from '../ops/tensor.ts';
import { arranged, IMAGES, layoutsFor } from './layout.ts';
import type { Matched } from './candidate-models.ts';
import { moduleShapes } from './module-shapes.ts';
import type { Dump } from '../formats/dump/dump.ts';
import { tensorOf, valuesOf } from '../formats/values.ts';

/** What a dump is examined for: a loaded model, or what is known of one before it is loaded. */
export interface ModelDescription {
  readonly name: string;
  readonly architecture: Architecture;
}

/**
 * The dump's input, as (N,3,R,R) in float32.
 * @param name the dump's name of the input, null if there is no input
 * @param given is taken instead if it is there
 * @param candidates the models that the dump can be of
 * @throws Error if the dump has no input, or one that this model does not take
 */
export function inputImage(
  model: ModelDescription,
  dump: Dump,
  name: string | null,
  given: Tensor | undefined,
  candidates: () => readonly string[],
): Tensor {
  const R = visionOf(model.architecture, 'verify').resolution;
  if (given !== undefined) return checkedImage(given, model);
  if (name === null) {
    throw new Error(
      `"${dump.path}" has no input: expected the pixels (N, 3, ${R}, ${R}) that the backend was given as ` +
        '"image"; put them into the dump, or name them (--image, --input, option "image")',
    );
  }
  const { shape } = dump.tensors.get(name)!;
  const batched = shape.length === 3 ? [1, ...shape] : [...shape];
  const N = batched[0];
  const layout = IMAGES.find(({ order }) => order.map((axis) => [N, 3, R, R][axis]).join() === batched.join());
  if (layout === undefined || N < 1) {
    const others = candidates();
    const of =
      others.length > 0 && !others.includes(model.name)
        ? `it is a dump of ${others.join(' or ')}, so compare it with that (--model ${others[0]})`
        : 'dump the pixels that the backend was given';
    throw new Error(
      `"${dump.path}": its input "${name}" has shape (${shape.join(', ')}), but ${model.name} takes (N, 3, ` +
        `${R}, ${R}); ${of}`,
    );
  }
  const { data } = arranged(dump.read(name), [N, 3, R, R], layout);
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new Error(
      `"${dump.path}": element ${bad} of its input "${name}" is ${data[bad]}; nothing can be computed from ` +
        'that, so dump the pixels again',
    );
  return tensorOf({ shape: [N, 3, R, R], data: data instanceof Float32Array ? data : Float32Array.from(data) });
}

/**
 * An image that was given, in float32.
 * @throws TypeError for another kind of value; RangeError for a shape that this model does not take
 */
export function checkedImage(given: Tensor, { name, architecture }: ModelDescription): Tensor {
  const R = visionOf(architecture, 'verify').resolution;
  if (!(given?.data instanceof Float32Array || given?.data instanceof Float64Array) || !Array.isArray(given.shape)) {
    throw new TypeError(
      'verify: "image" expected an ndarray over Float32Array, got something else; make it with preprocess(image)',
    );
  }
  if (
    given.shape.length !== 4 ||
    given.shape[0] < 1 ||
    given.shape[1] !== 3 ||
    given.shape[2] !== R ||
    given.shape[3] !== R
  ) {
    throw new RangeError(
      `verify: "image" expected shape (N, 3, ${R}, ${R}) for ${name}, got (${given.shape.join(', ')}); make it ` +
        `with this model's preprocess`,
    );
  }
  if (given.data instanceof Float32Array) return given;
  const { shape, data } = valuesOf(given);
  return tensorOf({ shape, data: Float32Array.from(data) });
}

/**
 * The layouts that each tensor of the dump can have: none for one whose shape is not a shape of the module, which is
 * then that layer's fault. Ambiguous ones are settled by the others.
 * @param candidates the models that the dump can be of
 * @throws Error if most of the dump does not fit: it is of another model, of another batch than its input, or not a
 *   trace of a network at all
 */
export function checkLayouts(
  model: ModelDescription,
  dump: Dump,
  { names: { byModule, unknown }, shapes, layouts: possible }: Matched,
  candidates: () => readonly string[],
): Matched['layouts'] {
  const layouts = settled(possible, shapes);
  const misfits = [...shapes.keys()].filter((name) => layouts.get(name)?.length === 0);
  if (misfits.length === 0 && !unknown.some((name) => name.startsWith('visual.'))) return layouts;
  const others = candidates();
  if (others.length > 0 && !others.includes(model.name)) {
    throw new Error(
      `"${dump.path}" is a dump of ${others.join(' or ')}, not of ${model.name}; compare it with that model ` +
        `(--model ${others[0]})`,
    );
  }
  if (2 * misfits.length <= layouts.size && layouts.size > 1) return layouts;
  const images = imagesIn(model, dump, byModule);
  const N = [...shapes.values()].at(-1)![0];
  if (images !== null && images !== N) {
    throw new Error(
      `"${dump.path}": its tensors are of ${count(images)}, its input is of ${count(N)}; dump both from the same call`,
    );
  }
  const [theirs, expected] = [byModule.get(misfits[0])!, shapes.get(misfits[0])!];
  const { shape } = dump.tensors.get(theirs)!;
  throw new Error(
    `"${dump.path}": "${theirs}" expected shape (${expected.join(', ')}) for ${misfits[0]} of ${model.name}, ` +
      `in this or another usual order, got (${shape.join(', ')})` +
      `${misfits.length > 1 ? `, and ${misfits.length - 1} more of ${layouts.size} do not fit` : ''}; is it a ` +
      'dump of this model?',
  );
}

const count = (images: number): string => `${images} ${images === 1 ? 'image' : 'images'}`;

/** The batch that all tensors of the dump can be of; null if there is none up to 64. */
function imagesIn(
  { architecture }: ModelDescription,
  dump: Dump,
  byModule: ReadonlyMap<string, string>,
): number | null {
  for (let N = 1; N <= 64; N++) {
    const shapes = moduleShapes(architecture, N);
    if (
      [...byModule].every(
        ([ours, theirs]) => layoutsFor(ours, shapes.get(ours)!, dump.tensors.get(theirs)!.shape).length > 0,
      )
    )
      return N;
  }
  return null;
}

/** Where a shape allows several layouts and all others of its kind have the same one, that is taken. */
function settled(layouts: Matched['layouts'], shapes: Matched['shapes']): Matched['layouts'] {
  const kindOf = (name: string): string => `${shapes.get(name)!.length} ${name.endsWith('ln_pre')}`;
  const seen = new Map<string, Set<string>>();
  for (const [name, possible] of layouts) {
    if (possible.length === 1) seen.set(kindOf(name), (seen.get(kindOf(name)) ?? new Set()).add(possible[0].label));
  }
  return new Map(
    [...layouts].map(([name, possible]) => {
      const others = seen.get(kindOf(name));
      const same = others?.size === 1 ? possible.filter(({ label }) => others.has(label)) : [];
      return [name, possible.length > 1 && same.length > 0 ? same : possible];
    }),
  );
}
