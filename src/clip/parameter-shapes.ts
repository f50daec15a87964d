// The names, shapes and uses of the parameters that an architecture has.
// Source: openai/CLIP, clip/model.py, the constructors of CLIP, ModifiedResNet, VisionTransformer.

import type { WeightUse } from '../executors/executor.ts';
import type {
  Architecture,
  ModifiedResNetArchitecture,
  TransformerSizes,
  VisionTransformerArchitecture,
} from './architecture.ts';

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
    if (text.projection !== false) shapes.set('text_projection', { shape: [text.width, embed], use: 'matrix' });
    // without an image tower there is nothing to compare with
    if (vision !== null) shapes.set('logit_scale', { shape: [], use: 'vector' });
  }
  if (vision !== null && towers.vision !== false) {
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
  const pooled = vision.pool === undefined ? width : embed;
  if (vision.projection !== false) shapes.set('visual.proj', { shape: [pooled, embed], use: 'matrix' });
  shapes.set('visual.conv1.weight', { shape: [width, 3, patch, patch], use: 'convolution' });
  affine(shapes, 'visual.ln_pre', width);
  transformerShapes(shapes, 'visual.transformer', vision);
  if (vision.pool !== undefined) poolShapes(shapes, 'visual.attn_pool', vision.pool.queries, width, embed);
  affine(shapes, 'visual.ln_post', pooled);
}

/** open_clip's AttentionalPooler: nn.MultiheadAttention with keys and values of another width than its queries. */
function poolShapes(shapes: Parameters, name: string, queries: number, width: number, embed: number): void {
  shapes.set(`${name}.query`, { shape: [queries, embed], use: 'table' });
  shapes.set(`${name}.attn.q_proj_weight`, { shape: [embed, embed], use: 'linear' });
  shapes.set(`${name}.attn.k_proj_weight`, { shape: [embed, width], use: 'linear' });
  shapes.set(`${name}.attn.v_proj_weight`, { shape: [embed, width], use: 'linear' });
  shapes.set(`${name}.attn.in_proj_bias`, { shape: [3 * embed], use: 'vector' });
  linear(shapes, `${name}.attn.out_proj`, embed, embed);
  affine(shapes, `${name}.ln_q`, embed);
  affine(shapes, `${name}.ln_k`, width);
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
