// Whether a dump is a trace of this model at all: its shapes, its input, its batch. Said before anything is computed.

import ndarray from 'ndarray';
import type { CLIP } from '../clip/clip.ts';
import { MODELS } from '../clip/models.ts';
import type { Tensor } from '../ops/tensor.ts';
import { arranged, layoutsFor, type Layout } from './layout.ts';
import { moduleShapes } from './module-shapes.ts';
import type { Names } from './names.ts';
import type { Dump } from './types.ts';

/**
 * What went in, as (N,3,R,R) in float32.
 * @param name the dump's name of it, null if it has none
 * @param given is taken instead if it is there
 * @throws Error if there is none, or it is none for this model
 */
export function inputImage(model: CLIP, dump: Dump, name: string | null, given: Tensor | undefined): Tensor {
  if (given !== undefined) return given;
  const R = model.architecture.vision.resolution;
  if (name === null) {
    throw new Error(`"${dump.path}" has no input: expected the pixels (N, 3, ${R}, ${R}) that the backend was given as "image"; put them into the dump, or name them (--image, --input, option "image")`);
  }
  const { shape } = dump.tensors.get(name)!;
  const batched = shape.length === 3 ? [1, ...shape] : [...shape];
  const layout = [[1, 2, 3], [2, 3, 1]].findIndex(([c, h, w]) => batched.length === 4 && batched[c] === 3 && batched[h] === R && batched[w] === R);
  if (layout < 0 || batched[0] < 1) {
    throw new Error(`"${dump.path}": its input "${name}" has shape (${shape.join(', ')}), but ${model.name} takes (N, 3, ${R}, ${R}); is it a dump of another model?`);
  }
  const N = batched[0];
  const { data } = arranged(dump.read(name), [N, 3, R, R], layout === 0 ? { label: 'NCHW', order: [0, 1, 2, 3] } : { label: 'NHWC', order: [0, 2, 3, 1] });
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new Error(`"${dump.path}": element ${bad} of its input "${name}" is ${data[bad]}; nothing can be computed from that, so dump the pixels again`);
  return ndarray(data instanceof Float32Array ? data : Float32Array.from(data), [N, 3, R, R]) as Tensor;
}

/**
 * The layouts that each tensor of the dump may have.
 * @throws Error if one has a shape that the module cannot have
 */
export function checkShapes(model: CLIP, dump: Dump, { byModule, unknown }: Names, shapes: ReadonlyMap<string, readonly number[]>): Map<string, Layout[]> {
  const layouts = new Map([...byModule].map(([ours, theirs]) => [ours, layoutsFor(ours, shapes.get(ours)!, dump.tensors.get(theirs)!.shape)]));
  const misfit = [...shapes.keys()].find((name) => layouts.get(name)?.length === 0);
  const strange = unknown.filter((name) => name.startsWith('visual.'));
  if (misfit === undefined && strange.length === 0) return layouts;
  const other = modelOf(dump, byModule, strange);
  if (other !== null && other !== model.name) throw new Error(`"${dump.path}" is a trace of ${other}, not of ${model.name}; compare it with --model ${other}`);
  if (misfit === undefined) return layouts;
  const [theirs, expected] = [byModule.get(misfit)!, shapes.get(misfit)!];
  const { shape } = dump.tensors.get(theirs)!;
  const images = imagesIn(model, dump, byModule);
  const N = [...shapes.values()].at(-1)![0];
  if (images !== null && images !== N) {
    throw new Error(`"${dump.path}": its tensors are of ${count(images)}, its input is of ${count(N)}; dump both from the same call`);
  }
  throw new Error(`"${dump.path}": "${theirs}" expected shape (${expected.join(', ')}) for ${misfit} of ${model.name}, in this or another usual order, got (${shape.join(', ')}); `
    + 'is it this module\'s output, and of this model?');
}

const count = (images: number): string => `${images} ${images === 1 ? 'image' : 'images'}`;

/** The model whose modules all tensors of the dump can be, or null. */
function modelOf(dump: Dump, byModule: ReadonlyMap<string, string>, strange: readonly string[]): string | null {
  const tensors = [...byModule, ...strange.map((name) => [name, name] as const)];
  for (const entry of MODELS) {
    const image = tensors.length > 0 ? batchOf(dump, byModule) : 1;
    const shapes = moduleShapes(entry, image);
    if (tensors.every(([ours, theirs]) => shapes.has(ours) && layoutsFor(ours, shapes.get(ours)!, dump.tensors.get(theirs)!.shape).length > 0)) return entry.name;
  }
  return null;
}

/** How many images the dump's features are of, as far as they tell; else 1. */
function batchOf(dump: Dump, byModule: ReadonlyMap<string, string>): number {
  const features = byModule.get('visual');
  const shape = features === undefined ? [] : dump.tensors.get(features)!.shape;
  return shape.length >= 2 && shape[0] > 0 ? shape[0] : 1;
}

/** Of how many images all tensors of the dump can be; null if of no number up to 64. */
function imagesIn(model: CLIP, dump: Dump, byModule: ReadonlyMap<string, string>): number | null {
  for (let N = 1; N <= 64; N++) {
    const shapes = moduleShapes(model.architecture, N);
    if ([...byModule].every(([ours, theirs]) => layoutsFor(ours, shapes.get(ours)!, dump.tensors.get(theirs)!.shape).length > 0)) return N;
  }
  return null;
}

