// CLIP-LoRA's layout (github.com/MaxZanella/CLIP-LoRA, lora.py and loralib/utils.py): torch.save({ weights: { layer_0:
// { q_proj: { w_lora_A, w_lora_B }, … }, … }, metadata: { r, alpha, encoder, params, position } }). Layers count the
// adapted blocks, the text tower's first. The scale is alpha / sqrt(r) in this code, whatever the paper says.

import type { Architecture } from '../architecture.ts';
import type { Found } from './peft.ts';

const KEY = /^(?:weights\.)?layer_(\d+)\.(q_proj|k_proj|v_proj|proj)\.w_lora_([AB])$/;

export const isClipLora = (keys: readonly string[]): boolean => keys.some((key) => KEY.test(key));

const range = (begin: number, end: number): number[] => Array.from({ length: end - begin }, (_, i) => begin + i);

/**
 * Which blocks a position means, as the tables of the code have it; blocks that a tower does not have are left out.
 * Several where versions differ.
 */
const POSITIONS: Readonly<Record<string, readonly (readonly number[])[]>> = {
  top: [[11]],
  top1: [[11]],
  top2: [[10, 11]],
  top3: [[9, 10, 11]],
  bottom: [range(0, 4)],
  mid: [range(4, 8)],
  up: [range(8, 12)],
  'half-up': [range(6, 12), range(12, 24)],
  'half-bottom': [range(0, 6), range(0, 12)],
  all: [range(0, 24), range(0, 21)],
};

/**
 * @param metadata the file's, every value as text
 * @throws Error if the file does not say which blocks it adapts, or says what does not fit
 */
export function clipLoraModules(
  keys: readonly string[],
  metadata: Readonly<Record<string, string>>,
  architecture: Architecture,
  where: string,
): Found[] {
  const { alpha: alphaText, encoder, position } = metadata;
  const alpha = Number(alphaText);
  if (alphaText === undefined || !Number.isFinite(alpha))
    throw new Error(
      `"${where}" expected a number as metadata.alpha, got ${alphaText ?? 'none'}; save the adapter with ` +
        `CLIP-LoRA's save_lora`,
    );
  if (!['text', 'vision', 'both'].includes(encoder))
    throw new Error(
      `"${where}" expected metadata.encoder text, vision or both, got ${encoder ?? 'none'}; save the adapter ` +
        `with CLIP-LoRA's save_lora`,
    );
  if (!Object.hasOwn(POSITIONS, position ?? ''))
    throw new Error(
      `"${where}" expected metadata.position ${Object.keys(POSITIONS).join(', ')}, got ${position ?? 'none'}; ` +
        `save the adapter with CLIP-LoRA's save_lora`,
    );
  const parsed = keys.map((key) => {
    const match = KEY.exec(key);
    if (match === null)
      throw new Error(
        `"${where}" has "${key.slice(0, 120)}" among CLIP-LoRA's weights, which is not one of them; save the ` +
          `adapter with CLIP-LoRA's save_lora`,
      );
    return { key, layer: Number(match[1]), projection: match[2], letter: match[3] };
  });
  const blocks = adaptedBlocks(
    1 + parsed.reduce((most, { layer }) => Math.max(most, layer), -1),
    encoder,
    position,
    architecture,
    where,
  );
  return parsed
    .filter(({ letter }) => letter === 'A')
    .map(({ key, layer, projection }) => ({
      module: `${blocks[layer]}.attn.${projection}`,
      A: key,
      B: key.replace(/A$/, 'B'),
      scale: (rank) => alpha / Math.sqrt(rank),
    }));
}

/** The path of each adapted block, by the layer's number. */
function adaptedBlocks(
  count: number,
  encoder: string,
  position: string,
  { vision, text }: Architecture,
  where: string,
): string[] {
  if (encoder !== 'text' && vision?.kind !== 'VisionTransformer')
    throw new Error(
      `"${where}" adapts the blocks of a VisionTransformer, but the ` +
        `${vision === null ? 'model has no image tower' : "model's image tower is a ModifiedResNet"}; take an ` +
        'adapter of this model',
    );
  if (encoder !== 'vision' && text === null)
    throw new Error(`"${where}" adapts a text tower, which the model does not have; take an adapter of this model`);
  const within = (layers: number): number[][] => POSITIONS[position].map((blocks) => blocks.filter((i) => i < layers));
  // The text tower has one table for all models: the first.
  const texts = encoder === 'vision' ? [] : within(text!.layers)[0].map((i) => `transformer.resblocks.${i}`);
  const visions = encoder === 'text' ? [[]] : within(vision!.layers as number);
  const fits = visions.find((blocks) => texts.length + blocks.length === count);
  if (fits === undefined) {
    throw new Error(
      `"${where}" holds ${count} layers, but the position "${position}" of ` +
        `${encoder === 'both' ? 'both towers' : `the ${encoder} tower`} of this model means ` +
        `${[...new Set(visions.map((blocks) => texts.length + blocks.length))].join(' or ')}; take an adapter of ` +
        'this model',
    );
  }
  return [...texts, ...fits.map((i) => `visual.transformer.resblocks.${i}`)];
}
