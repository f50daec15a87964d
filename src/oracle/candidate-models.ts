// Which model a dump is of, told by its names and shapes.

import { MODELS, type ModelEntry } from '../clip/models.ts';
import { layoutsFor } from './layout.ts';
import { moduleShapes } from './module-shapes.ts';
import { matchNames, type Names } from './names.ts';
import type { Dump } from '../formats/dump/dump.ts';

const BLOCK = /\bvisual\.(?:layer\d\.\d+|transformer\.resblocks\.\d+)(?=\.|$)/;

/**
 * The models that a dump can be of: all its tensors that are named like modules are theirs, in their shapes. Of
 * several, those with the most modules in common.
 * @param map the dump's names to ours
 */
export function modelsOf(dump: Dump, map: Readonly<Record<string, string>> = {}): string[] {
  const fits: { name: string; modules: number }[] = [];
  for (const entry of MODELS) {
    const names = namesIn(dump, entry, map);
    if (names !== null && fit(dump, entry, names)) fits.push({ name: entry.name, modules: names.byModule.size });
  }
  const most = Math.max(0, ...fits.map(({ modules }) => modules));
  return fits.filter(({ modules }) => modules === most).map(({ name }) => name);
}

function namesIn(dump: Dump, entry: ModelEntry, map: Readonly<Record<string, string>>): Names | null {
  try {
    return matchNames([...dump.tensors.keys()], [...moduleShapes(entry).keys()], map, dump.path);
  } catch {
    return null;
  }
}

function fit(dump: Dump, entry: ModelEntry, { byModule, image, unknown }: Names): boolean {
  const modules = moduleShapes(entry);
  // A block that this model does not have. Other strange names may be a tool's own.
  if (unknown.some((name) => !modules.has(BLOCK.exec(name)?.[0] ?? 'visual'))) return false;
  const input = image === null ? null : dump.tensors.get(image)!.shape;
  const R = entry.vision.resolution;
  if (input !== null && input.filter((extent) => extent === R).length < 2) return false;
  const features = byModule.get('visual');
  const outcome = features === undefined ? null : dump.tensors.get(features)!.shape;
  const N = input?.length === 4 ? input[0] : outcome !== null && outcome.length >= 2 ? outcome[0] : 1;
  const shapes = moduleShapes(entry, Math.max(1, N));
  return [...byModule].every(
    ([ours, theirs]) => layoutsFor(ours, shapes.get(ours)!, dump.tensors.get(theirs)!.shape).length > 0,
  );
}
