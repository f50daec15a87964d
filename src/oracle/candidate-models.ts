// Which models a dump can be of, told by its names and shapes.

import { MODELS, type ModelEntry } from '../clip/models.ts';
import type { Dump } from '../formats/dump/dump.ts';
import { layoutsFor, type Layout } from './layout.ts';
import { moduleShapes } from './module-shapes.ts';
import { matchNames, type Names } from './names.ts';

const BLOCK = /\bvisual\.(?:layer\d\.\d+|transformer\.resblocks\.\d+)(?=\.|$)/;

/** A model's modules in a dump: which tensor is which module's, their shapes, and how they can be stored. */
export interface Matched {
  readonly names: Names;
  /** All modules' shapes, in the network's order. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** The layouts that each tensor of the dump can have; none where its shape is not a shape of the module. */
  readonly layouts: ReadonlyMap<string, readonly Layout[]>;
}

/** A model that the dump can be of. */
export interface Candidate extends Matched {
  readonly model: ModelEntry;
}

/**
 * The models that a dump can be of: all its tensors that are named like modules have the shapes of the model's. Of
 * several models, those with the most modules in common.
 * @param map the dump's names to ours
 */
export function candidateModels(dump: Dump, map: Readonly<Record<string, string>> = {}): Candidate[] {
  const fits = MODELS.map((model) => candidate(dump, model, map)).filter((found) => found !== null);
  const most = Math.max(0, ...fits.map(({ names }) => names.byModule.size));
  return fits.filter(({ names }) => names.byModule.size === most);
}

/** The layouts of every tensor that is a module's. */
export function layoutsOf(dump: Dump, { byModule }: Names, shapes: Matched['shapes']): Map<string, Layout[]> {
  return new Map(
    [...byModule].map(([ours, theirs]) => [ours, layoutsFor(ours, shapes.get(ours)!, dump.tensors.get(theirs)!.shape)]),
  );
}

function candidate(dump: Dump, model: ModelEntry, map: Readonly<Record<string, string>>): Candidate | null {
  const names = namesIn(dump, model, map);
  if (names === null) return null;
  const { byModule, image, unknown } = names;
  const modules = moduleShapes(model);
  // A block that this model does not have. Other unknown names may be a tool's own.
  if (unknown.some((name) => !modules.has(BLOCK.exec(name)?.[0] ?? 'visual'))) return null;
  const input = image === null ? null : dump.tensors.get(image)!.shape;
  const R = model.vision.resolution;
  if (input !== null && input.filter((extent) => extent === R).length < 2) return null;
  const features = byModule.get('visual');
  const outcome = features === undefined ? null : dump.tensors.get(features)!.shape;
  const N = Math.max(1, input?.length === 4 ? input[0] : outcome !== null && outcome.length >= 2 ? outcome[0] : 1);
  const shapes = N === 1 ? modules : moduleShapes(model, N);
  const layouts = layoutsOf(dump, names, shapes);
  return [...layouts.values()].every((possible) => possible.length > 0) ? { model, names, shapes, layouts } : null;
}

function namesIn(dump: Dump, model: ModelEntry, map: Readonly<Record<string, string>>): Names | null {
  try {
    return matchNames([...dump.tensors.keys()], [...moduleShapes(model).keys()], map, dump.path);
  } catch {
    return null;
  }
}
