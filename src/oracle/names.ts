// Which tensor of a dump is which module's output: by PyTorch's path, with what tools put before it, or by the user's
// own list.

import { INPUTS } from '../formats/dump/input-names.ts';

/** What checkpoints, wrappers and exporters put before a module's path. */
const PREFIX = /^(?:model|module|clip|clip_model|net|network)\./;
/** What programs call the features. */
const FEATURES = ['features', 'image_features', 'image_embeds', 'visual_projection'];
/** Hugging Face transformers' names (modeling_clip.py), after `vision_model.`. */
const HUGGING_FACE: readonly (readonly [RegExp, string])[] = [
  [/^embeddings\.patch_embedding$/, 'visual.conv1'],
  [/^pre_layrnorm$/, 'visual.ln_pre'],
  [/^encoder\.layers\.(\d+)$/, 'visual.transformer.resblocks.$1'],
  [/^encoder\.layers\.(\d+)\.layer_norm([12])$/, 'visual.transformer.resblocks.$1.ln_$2'],
  [/^encoder\.layers\.(\d+)\.self_attn$/, 'visual.transformer.resblocks.$1.attn'],
  [/^encoder\.layers\.(\d+)\.mlp$/, 'visual.transformer.resblocks.$1.mlp'],
  [/^encoder\.layers\.(\d+)\.mlp\.fc1$/, 'visual.transformer.resblocks.$1.mlp.c_fc'],
  [/^encoder\.layers\.(\d+)\.mlp\.activation_fn$/, 'visual.transformer.resblocks.$1.mlp.gelu'],
  [/^encoder\.layers\.(\d+)\.mlp\.fc2$/, 'visual.transformer.resblocks.$1.mlp.c_proj'],
  [/^encoder$/, 'visual.transformer'],
  [/^post_layernorm$/, 'visual.ln_post'],
];
export interface Names {
  /** The dump's name of each module's output. */
  readonly byModule: ReadonlyMap<string, string>;
  /** The dump's name of the input, null if it has none. */
  readonly image: string | null;
  /** Modules that the dump does not have, in the network's order. */
  readonly missing: readonly string[];
  /** Tensors of the dump that are no module's. */
  readonly unknown: readonly string[];
}

/**
 * @param tensors the dump's names
 * @param modules the model's, in the network's order
 * @param map the dump's names to ours (`image` for the input); what it does not have is found by name
 * @param origin names the dump in messages
 * @throws RangeError if the map names a module that the model does not have, or two tensors of the dump claim one
 *   module; Error if nothing fits
 */
export function matchNames(
  tensors: readonly string[],
  modules: readonly string[],
  map: Readonly<Record<string, string>>,
  origin: string,
): Names {
  const known = new Set([...modules, 'image']);
  for (const [theirs, ours] of Object.entries(map)) {
    if (typeof ours !== 'string')
      throw new TypeError(
        `map: "${theirs}" expected a module's path, got ${ours === null ? 'null' : typeof ours}; write {"their ` +
          'name": "our path"}',
      );
    if (!known.has(ours))
      throw new RangeError(
        `map: "${theirs}" expected a module of the model such as ${modules[0]}, got "${ours}"; \`clip-oracle ` +
          `trace --hash\` lists them`,
      );
  }
  // Text towers have paths like the image tower's but for `visual.`: that is added only where no name has it.
  const plain = tensors.map((name) => withoutPrefix(name));
  const hasVisual = plain.some((name) => name.startsWith('visual.'));
  const claims = new Map<string, { theirs: string; rank: number }>();
  const unknown: string[] = [];
  tensors.forEach((theirs, i) => {
    const found = Object.hasOwn(map, theirs)
      ? { ours: map[theirs], rank: 0 }
      : byName(theirs, plain[i], known, hasVisual);
    if (found === null) {
      unknown.push(theirs);
      return;
    }
    const other = claims.get(found.ours);
    if (other === undefined || found.rank < other.rank) claims.set(found.ours, { theirs, rank: found.rank });
    if (other === undefined) return;
    if (other.rank === found.rank)
      throw new RangeError(
        `"${origin}": both "${other.theirs}" and "${theirs}" are ${found.ours}; keep one, or say in a mapping ` +
          'file which is which',
      );
    unknown.push(found.rank < other.rank ? other.theirs : theirs);
  });
  const image = claims.get('image')?.theirs ?? null;
  claims.delete('image');
  if (claims.size === 0) throw new Error(nothingFits(origin, unknown, modules));
  return {
    byModule: new Map([...claims].map(([ours, { theirs }]) => [ours, theirs])),
    image,
    missing: modules.filter((name) => !claims.has(name)),
    unknown,
  };
}

/** Rank: how far-fetched it is. The exact name wins over the same with a prefix, and that over other words for it. */
function byName(
  theirs: string,
  plain: string,
  known: ReadonlySet<string>,
  hasVisual: boolean,
): { ours: string; rank: number } | null {
  if (known.has(theirs)) return { ours: theirs, rank: 1 };
  if (known.has(plain)) return { ours: plain, rank: 2 };
  if (!hasVisual && known.has(`visual.${plain}`)) return { ours: `visual.${plain}`, rank: 3 };
  const feature = FEATURES.indexOf(plain);
  if (feature >= 0) return { ours: 'visual', rank: 4 + feature };
  const vision = plain.startsWith('vision_model.') ? plain.slice('vision_model.'.length) : null;
  const their = vision === null ? undefined : HUGGING_FACE.find(([pattern]) => pattern.test(vision));
  if (their !== undefined) {
    const ours = vision!.replace(...their);
    return known.has(ours) ? { ours, rank: 4 } : null;
  }
  const image = INPUTS.indexOf(plain);
  return image >= 0 ? { ours: 'image', rank: 4 + image } : null;
}

function withoutPrefix(name: string): string {
  let plain = name;
  while (PREFIX.test(plain)) plain = plain.replace(PREFIX, '');
  return plain;
}

function nothingFits(origin: string, unknown: readonly string[], modules: readonly string[]): string {
  const some =
    unknown.length === 0
      ? 'no tensor but the input'
      : `${unknown.slice(0, 3).join(', ')}${unknown.length > 3 ? `, … (${unknown.length} tensors)` : ''}`;
  return (
    `"${origin}" expected outputs of modules such as ${modules[0]} or visual, got ${some}; name them by ` +
    `PyTorch's paths, or give a mapping file {"their name": "our path"}`
  );
}
