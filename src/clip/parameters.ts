// The architecture that a set of tensors belongs to, read off their names and shapes as OpenAI's build_model does it,
// and whether a checkpoint holds exactly the tensors of its architecture.
// Source: openai/CLIP, clip/model.py, build_model and the constructors of CLIP, ModifiedResNet, VisionTransformer.

import type { Architecture, TextArchitecture, VisionArchitecture, WithVision } from './architecture.ts';
import { headWidth, textHeadWidth } from './head-counts.ts';
import { MODELS } from './models.ts';
import type { Checkpoint } from './weights/checkpoint.ts';
import { parameterShapes } from './parameter-shapes.ts';
import { isFloat, type TensorInfo } from '../formats/element-types.ts';

export { parameterShapes, parameterUses, type Parameter } from './parameter-shapes.ts';

type Tensors = ReadonlyMap<string, Pick<TensorInfo, 'shape'>>;

/**
 * Reads the architecture off the shapes. Differs from build_model in one way: a file without text tower is accepted
 * (`text` null), and one without image tower (`vision` null).
 * @param tensors under OpenAI's names
 * @param configured a checkpoint's metadata: the widths and numbers of heads that the configuration beside the weights
 *   names (weights/config.ts), which no shape shows
 * @throws Error if a tensor that decides is missing or has a shape that no CLIP has
 */
export function architectureFrom(
  tensors: Tensors,
  configured: Readonly<Record<string, string | undefined>> = {},
): Architecture {
  const shapeOf = (name: string, rank: number): readonly number[] => {
    const shape = tensors.get(name)?.shape;
    if (shape === undefined)
      throw new Error(
        `the weights have no "${name}", which decides about the architecture; the file is incomplete or no CLIP model`,
      );
    if (shape.length !== rank || shape.some((extent) => extent < 1))
      throw new Error(`"${name}" expected ${rank} axes, got shape (${shape.join(', ')}); the file is no CLIP model`);
    return shape;
  };
  const mlpOf = (prefix: string, width: number): number =>
    tensors.has(`${prefix}.resblocks.0.mlp.c_fc.weight`)
      ? shapeOf(`${prefix}.resblocks.0.mlp.c_fc.weight`, 2)[0]
      : 4 * width;
  const blocks = (pattern: RegExp): number =>
    new Set([...tensors.keys()].map((name) => pattern.exec(name)?.[1]).filter((index) => index !== undefined)).size;
  // [1] the image tower
  let vision: VisionArchitecture | null = null;
  let embed = 0;
  const projected = configured.vision_projection !== 'none';
  if (tensors.has('visual.proj') || !projected) {
    const [width, , , patch] = shapeOf('visual.conv1.weight', 4);
    const grid = Math.round(Math.sqrt(shapeOf('visual.positional_embedding', 2)[0] - 1));
    const layers = blocks(/^visual\.(.*)\.attn\.in_proj_weight$/);
    vision = {
      kind: 'VisionTransformer',
      resolution: patch * grid,
      patch,
      width,
      layers,
      heads: configuredHeads(configured, 'vision', width) ?? width / headWidth(width, layers),
      mlp: mlpOf('visual.transformer', width),
      ...(!projected && { projection: false }),
      ...(tensors.has('visual.attn_pool.query') && {
        pool: { queries: shapeOf('visual.attn_pool.query', 2)[0], heads: POOL_HEADS },
      }),
    };
    embed = projected ? shapeOf('visual.proj', 2)[1] : width;
  } else if (tensors.has('visual.attnpool.positional_embedding')) {
    const layers = [1, 2, 3, 4].map((stage) => blocks(new RegExp(`^visual\\.layer${stage}\\.([^.]+)\\.`))) as [
      number,
      number,
      number,
      number,
    ];
    const [width] = shapeOf('visual.layer1.0.conv1.weight', 4);
    const [positions] = shapeOf('visual.attnpool.positional_embedding', 2);
    const grid = Math.round(Math.sqrt(positions - 1));
    if (grid * grid + 1 !== positions)
      throw new Error(
        `"visual.attnpool.positional_embedding" expected a square plus one rows, got ${positions}; the file is ` +
          'no CLIP model',
      );
    const heads = configuredHeads(configured, 'vision', width) ?? (32 * width) / 64;
    vision = { kind: 'ModifiedResNet', resolution: 32 * grid, width, layers, heads };
    [embed] = shapeOf('visual.attnpool.c_proj.weight', 2);
  } else if (!isText(tensors) || [...tensors.keys()].some((name) => name.startsWith('visual.'))) {
    throw new Error(
      'the weights have neither "visual.proj" (VisionTransformer) nor "visual.attnpool.positional_embedding" ' +
        '(ModifiedResNet); the file is incomplete or no CLIP model',
    );
  }
  // [2] the text tower, if there is one
  let text: TextArchitecture | null = null;
  if (isText(tensors)) {
    const [width] = shapeOf('ln_final.weight', 1);
    const layers = blocks(/^transformer\.resblocks\.([^.]+)\./);
    const ends = configured.text_projection !== 'none';
    embed = ends ? shapeOf('text_projection', 2)[1] : width;
    text = {
      context: shapeOf('positional_embedding', 2)[0],
      vocabulary: shapeOf('token_embedding.weight', 2)[0],
      width,
      layers,
      heads: configuredHeads(configured, 'text', width) ?? width / textHeadWidth(width, layers),
      mlp: mlpOf('transformer', width),
      ...(!ends && { projection: false }),
    };
  }
  return { embed, vision, text };
}

/** Heads of CoCa's pooler in both of its published configurations (attn_pooler_heads of open_clip). */
const POOL_HEADS = 8;

const isText = (tensors: Tensors): boolean =>
  ['text_projection', 'positional_embedding', 'token_embedding.weight', 'ln_final.weight'].some((name) =>
    tensors.has(name),
  );

/** The number of heads that a configuration gives a tower of this width; null if it is silent or for another width. */
function configuredHeads(
  configured: Readonly<Record<string, string | undefined>>,
  tower: 'vision' | 'text',
  width: number,
): number | null {
  const heads = Number(configured[`${tower}_heads`]);
  return Number(configured[`${tower}_width`]) === width && Number.isInteger(heads) && heads > 0 ? heads : null;
}

/**
 * Checks that the checkpoint holds exactly the tensors of the architecture, in floating point and with the right
 * shapes.
 * @throws Error with the first few names, how many there are, and the remedy
 */
export function checkParameters(checkpoint: Pick<Checkpoint, 'origin' | 'tensors'>, architecture: Architecture): void {
  const { origin, tensors } = checkpoint;
  checkHeads(origin, architecture);
  const expected = parameterShapes(architecture);
  const missing = [...expected.keys()].filter((name) => !tensors.has(name));
  if (missing.length > 0)
    throw new Error(
      `"${origin}" lacks ${listed(missing)} of ${nameOf(architecture)}; the file is incomplete: take the whole ` +
        'checkpoint',
    );
  // A temperature left over in a file with one tower does no harm.
  const extra = [...tensors.keys()].filter(
    (name) =>
      !expected.has(name) && !(name === 'logit_scale' && (architecture.text === null || architecture.vision === null)),
  );
  if (extra.length > 0)
    throw new Error(
      `"${origin}" has ${listed(extra)} that ${nameOf(architecture)} does not have; remove them, or take plain ` +
        'CLIP weights',
    );
  const wrong = [...expected].filter(([name, { shape }]) => tensors.get(name)!.shape.join() !== shape.join());
  if (wrong.length > 0) {
    const [name, { shape }] = wrong[0];
    throw new Error(
      `"${origin}": "${name}" expected shape (${shape.join(', ')}) for ${nameOf(architecture)}, got ` +
        `(${tensors.get(name)!.shape.join(', ')})` +
        `${wrong.length > 1 ? ` (and ${wrong.length - 1} more)` : ''}; take weights of one model, unaltered`,
    );
  }
  const integer = [...tensors].find(([, info]) => !isFloat(info.dtype));
  if (integer !== undefined)
    throw new Error(
      `"${origin}": "${integer[0]}" expected F32, F16, BF16 or F64, got ${integer[1].dtype}; take weights that ` +
        'are not quantised',
    );
}

function checkHeads(origin: string, { vision, text }: Architecture): void {
  const towers = [
    ...(vision === null
      ? []
      : [
          {
            name: 'image',
            heads: vision.heads,
            width: vision.kind === 'ModifiedResNet' ? 32 * vision.width : vision.width,
          },
        ]),
    ...(text === null ? [] : [{ name: 'text', heads: text.heads, width: text.width }]),
  ];
  for (const { name, heads, width } of towers) {
    if (Number.isInteger(heads) && width % heads === 0) continue;
    throw new Error(
      `"${origin}": the ${name} tower expected a width that its heads divide, got ${width} columns for ` +
        `${Number.isInteger(heads) ? `${heads} heads` : 'heads of 64'}; name the number of heads in config.json or ` +
        'open_clip_config.json beside the weights',
    );
  }
}

function listed(names: string[]): string {
  return `${names.length === 1 ? 'the tensor' : `${names.length} tensors`} ${names
    .slice(0, 3)
    .map((name) => `"${name.slice(0, 100)}"`)
    .join(', ')}${names.length > 3 ? ', …' : ''}`;
}

const nameOf = (architecture: Architecture): string => {
  const name = modelNameFor(architecture);
  if (name !== null) return name;
  const { vision, text } = architecture;
  if (vision === null) return `a text tower of width ${text!.width} with ${text!.layers} layers`;
  return (
    `a ${vision.kind} of width ${vision.width} with ` +
    `${vision.kind === 'ModifiedResNet' ? vision.layers.join('+') : vision.layers} layers`
  );
};

/** Which of MODELS has this architecture; an image tower without text tower is recognised too. null if none. */
export const modelNameFor = (architecture: Architecture): string | null =>
  architecture.vision === null
    ? null
    : (MODELS.find((model) => sameImageTower(model, architecture) && sameTextTower(model, architecture))?.name ?? null);

/** Whether `found` has the image tower of `model`, or none. */
export const sameImageTower = (model: WithVision, found: Architecture): boolean =>
  model.embed === found.embed && (found.vision === null || sameFields(model.vision, found.vision));

/** Whether `found` has the text tower of `model`, or none. */
export const sameTextTower = ({ text }: Architecture, found: Architecture): boolean =>
  found.text === null || (text !== null && sameFields(text, found.text));

const sameFields = (a: object, b: object): boolean => {
  const fields = (of: object): string => JSON.stringify(Object.entries(of).sort(([x], [y]) => (x < y ? -1 : 1)));
  return fields(a) === fields(b);
};
