// Which family a file belongs to, and what is said about it.

import type { StoredTensor } from '../../formats/stored-tensor.ts';
import { FAMILIES, OTHERS, type Family } from './families.ts';
import { signsOf } from './signs.ts';
import type { Tower } from './towers.ts';

/** For each tower the family in which it cannot be computed here, or null. */
export interface Refusals {
  readonly vision: Family | null;
  readonly text: Family | null;
}

/** What of these tensors cannot be computed here. @param modelType `model_type` of config.json, or '' */
export function refusalsOf(raw: ReadonlyMap<string, StoredTensor>, modelType: string): Refusals {
  const signs = signsOf(raw, modelType);
  const fits = FAMILIES.filter((family) => family.shows(signs));
  const first = (tower: Tower): Family | null =>
    fits.find(({ foreign }) => foreign === tower || foreign === 'both') ?? null;
  return { vision: first('vision'), text: first('text') };
}

/** What is known about tensors in which there is no CLIP: `holds …; remedy`. null if nothing is. */
export function otherFamily(raw: ReadonlyMap<string, StoredTensor>): string | null {
  const signs = signsOf(raw, '');
  const other = OTHERS.find(({ shows }) => shows(signs));
  return other === undefined
    ? null
    : `holds ${other.name}, no CLIP model; ${other.remedy ?? "CLIP's weights are needed"}`;
}

/**
 * The sentence that refuses a tower.
 * @param family the one that refuses it
 * @param elsewhere the family that refuses the other tower, or null
 */
export function refusal(where: string, tower: Tower, family: Family, elsewhere: Family | null): string {
  const { name, because, remedy } = family;
  return (
    `"${where}" holds ${name}, whose ${tower === 'vision' ? 'image' : 'text'} tower cannot be computed here: ` +
    `${because}; ${remedy ?? remedyOf(tower, elsewhere)}`
  );
}

function remedyOf(tower: Tower, elsewhere: Family | null): string {
  if (tower === 'text')
    return elsewhere === null
      ? 'its image tower alone loads with tower: vision (--tower vision)'
      : 'take a CLIP with the text tower of OpenAI';
  const another = 'take a CLIP whose image tower is a VisionTransformer or ModifiedResNet';
  return elsewhere === null ? `${another}; the text tower alone loads with tower: text (--tower text)` : another;
}
