// The architecture that a set of tensors belongs to, read off their names and shapes as OpenAI's build_model does it,
// and the other way round: the names and shapes that an architecture has.
// Source: openai/CLIP, clip/model.py, build_model and the constructors of CLIP, ModifiedResNet, VisionTransformer.

import type {
  Architecture,
  ModifiedResNetArchitecture,
  TextArchitecture,
  TransformerSizes,
  VisionTransformerArchitecture,
} from './architecture.ts';
import { headWidth } from './head-counts.ts';
import { MODELS } from './models.ts';
import type { WeightUse } from '../executors/executor.ts';
import type { Checkpoint } from './weights/checkpoint.ts';
import { isFloat, type TensorInfo } from '../formats/element-types.ts';

type Tensors = ReadonlyMap<string, Pick<TensorInfo, 'shape'>>;

/**
 * Reads the architecture off the shapes. Differs from build_model in one way: a file without text tower is accepted
 * (`text` null).
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
  let vision: VisionTransformerArchitecture | ModifiedResNetArchitecture;
  let embed: number;
  if (tensors.has('visual.proj')) {
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
    };
    embed = shapeOf('visual.proj', 2)[1];
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
  } else {
    throw new Error(
      'the weights have neither "visual.proj" (VisionTransformer) nor "visual.attnpool.positional_embedding" ' +
        '(ModifiedResNet); the file is incomplete or no CLIP model',
    );
  }
  // [2] the text tower, if there is one
  const TEXT_KEYS = ['text_projection', 'positional_embedding', 'token_embedding.weight', 'ln_final.weight'];
  let text: TextArchitecture | null = null;
  if (TEXT_KEYS.some((name) => tensors.has(name))) {
    embed = shapeOf('text_projection', 2)[1];
    const [width] = shapeOf('ln_final.weight', 1);
    text = {
      context: shapeOf('positional_embedding', 2)[0],
      vocabulary: shapeOf('token_embedding.weight', 2)[0],
      width,
      layers: blocks(/^transformer\.resblocks\.([^.]+)\./),
      heads: configuredHeads(configured, 'text', width) ?? width / 64,
      mlp: mlpOf('transformer', width),
    };
  }
  return { embed, vision, text };
}

/** The number of heads that a configuration gives a tower of this width; null if it is silent or for another width. */
function configuredHeads(
  configured: Readonly<Record<string, string | undefined>>,
  tower: 'vision' | 'text',
  width: number,
): number | null {
  const heads = Number(configured[`${tower}_heads`]);
  return Number(configured[`${tower}_width`]) === width && Number.isInteger(heads) && heads > 0 ? heads : null;
}

export interface Parameter {
  readonly shape: readonly number[];
  /** How the layers use it, which decides how an executor stores it. */
  readonly use: WeightUse;
}

type Parameters = Map<string, Parameter>;

/**
 * Every parameter and BatchNorm statistic with its shape and use, in the order of the state dict. `logit_scale` comes
 * with the text tower.
 * @param towers which towers; both by default (the text tower only if the architecture has one)
 */
export function parameterShapes(
  architecture: Architecture,
  towers: { vision?: boolean; text?: boolean } = {},
): Parameters {
  const { vision, text, embed } = architecture;
  const shapes: Parameters = new Map();
  const withText = text !== null && towers.text !== false;
  if (withText) {
    shapes.set('positional_embedding', { shape: [text.context, text.width], use: 'table' });
    shapes.set('text_projection', { shape: [text.width, embed], use: 'matrix' });
    shapes.set('logit_scale', { shape: [], use: 'vector' });
  }
  if (towers.vision !== false) {
    if (vision.kind === 'VisionTransformer') visionTransformerShapes(shapes, vision, embed);
    else resNetShapes(shapes, vision, embed);
  }
  if (withText) {
    transformerShapes(shapes, 'transformer', text);
    shapes.set('token_embedding.weight', { shape: [text.vocabulary, text.width], use: 'table' });
    affine(shapes, 'ln_final', text.width);
  }
  return shapes;
}

/** How a tower's parameters are used, by name: what `readWeights` of an executor takes. */
export const parameterUses = (
  architecture: Architecture,
  towers: { vision?: boolean; text?: boolean } = {},
): Map<string, WeightUse> => new Map([...parameterShapes(architecture, towers)].map(([name, { use }]) => [name, use]));

function affine(shapes: Parameters, name: string, width: number): void {
  shapes.set(`${name}.weight`, { shape: [width], use: 'vector' });
  shapes.set(`${name}.bias`, { shape: [width], use: 'vector' });
}

function linear(shapes: Parameters, name: string, outputs: number, inputs: number): void {
  shapes.set(`${name}.weight`, { shape: [outputs, inputs], use: 'linear' });
  shapes.set(`${name}.bias`, { shape: [outputs], use: 'vector' });
}

function batchNorm(shapes: Parameters, name: string, channels: number): void {
  affine(shapes, name, channels);
  shapes.set(`${name}.running_mean`, { shape: [channels], use: 'vector' });
  shapes.set(`${name}.running_var`, { shape: [channels], use: 'vector' });
}

function transformerShapes(shapes: Parameters, prefix: string, { width, layers, mlp }: TransformerSizes): void {
  for (let i = 0; i < layers; i++) {
    const block = `${prefix}.resblocks.${i}`;
    shapes.set(`${block}.attn.in_proj_weight`, { shape: [3 * width, width], use: 'linear' });
    shapes.set(`${block}.attn.in_proj_bias`, { shape: [3 * width], use: 'vector' });
    linear(shapes, `${block}.attn.out_proj`, width, width);
    affine(shapes, `${block}.ln_1`, width);
    linear(shapes, `${block}.mlp.c_fc`, mlp, width);
    linear(shapes, `${block}.mlp.c_proj`, width, mlp);
    affine(shapes, `${block}.ln_2`, width);
  }
}

function visionTransformerShapes(shapes: Parameters, vision: VisionTransformerArchitecture, embed: number): void {
  const { resolution, patch, width } = vision;
  const grid = Math.floor(resolution / patch);
  shapes.set('visual.class_embedding', { shape: [width], use: 'vector' });
  shapes.set('visual.positional_embedding', { shape: [grid * grid + 1, width], use: 'table' });
  shapes.set('visual.proj', { shape: [width, embed], use: 'matrix' });
  shapes.set('visual.conv1.weight', { shape: [width, 3, patch, patch], use: 'convolution' });
  affine(shapes, 'visual.ln_pre', width);
  transformerShapes(shapes, 'visual.transformer', vision);
  affine(shapes, 'visual.ln_post', width);
}

function resNetShapes(
  shapes: Parameters,
  { resolution, width, layers }: ModifiedResNetArchitecture,
  embed: number,
): void {
  const stem: [number, number][] = [
    [width / 2, 3],
    [width / 2, width / 2],
    [width, width / 2],
  ];
  stem.forEach(([outputs, inputs], i) => {
    shapes.set(`visual.conv${i + 1}.weight`, { shape: [outputs, inputs, 3, 3], use: 'convolution' });
    batchNorm(shapes, `visual.bn${i + 1}`, outputs);
  });
  let inputs = width;
  layers.forEach((count, stage) => {
    const planes = width * [1, 2, 4, 8][stage];
    for (let i = 0; i < count; i++) {
      const block = `visual.layer${stage + 1}.${i}`;
      shapes.set(`${block}.conv1.weight`, { shape: [planes, inputs, 1, 1], use: 'convolution' });
      batchNorm(shapes, `${block}.bn1`, planes);
      shapes.set(`${block}.conv2.weight`, { shape: [planes, planes, 3, 3], use: 'convolution' });
      batchNorm(shapes, `${block}.bn2`, planes);
      shapes.set(`${block}.conv3.weight`, { shape: [4 * planes, planes, 1, 1], use: 'convolution' });
      batchNorm(shapes, `${block}.bn3`, 4 * planes);
      if (i === 0) {
        shapes.set(`${block}.downsample.0.weight`, { shape: [4 * planes, inputs, 1, 1], use: 'convolution' });
        batchNorm(shapes, `${block}.downsample.1`, 4 * planes);
      }
      inputs = 4 * planes;
    }
  });
  const grid = Math.floor(resolution / 32);
  shapes.set('visual.attnpool.positional_embedding', { shape: [grid * grid + 1, 32 * width], use: 'table' });
  for (const name of ['k_proj', 'q_proj', 'v_proj']) linear(shapes, `visual.attnpool.${name}`, 32 * width, 32 * width);
  linear(shapes, 'visual.attnpool.c_proj', embed, 32 * width);
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
  // A temperature left over in a file without text tower does no harm.
  const extra = [...tensors.keys()].filter(
    (name) => !expected.has(name) && !(name === 'logit_scale' && architecture.text === null),
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
    { name: 'image', heads: vision.heads, width: vision.kind === 'ModifiedResNet' ? 32 * vision.width : vision.width },
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
  const { vision } = architecture;
  return (
    `a ${vision.kind} of width ${vision.width} with ` +
    `${vision.kind === 'ModifiedResNet' ? vision.layers.join('+') : vision.layers} layers`
  );
};

/** Which of MODELS has this architecture; an image tower without text tower is recognised too. null if none. */
export const modelNameFor = (architecture: Architecture): string | null =>
  MODELS.find((model) => sameImageTower(model, architecture) && sameTextTower(model, architecture))?.name ?? null;

export const sameImageTower = (a: Architecture, b: Architecture): boolean =>
  a.embed === b.embed && sameFields(a.vision, b.vision);

/** Whether `found` has the text tower of `model`, or none. */
export const sameTextTower = ({ text }: Architecture, found: Architecture): boolean =>
  found.text === null || (text !== null && sameFields(text, found.text));

const sameFields = (a: object, b: object): boolean => {
  const fields = (of: object): string => JSON.stringify(Object.entries(of).sort(([x], [y]) => (x < y ? -1 : 1)));
  return fields(a) === fields(b);
};
