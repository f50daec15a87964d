// From a module's path, in the names of Hugging Face's CLIPModel or of OpenAI's (and open_clip's) CLIP, to the rows of
// a parameter.

import type { Architecture, TransformerSizes } from '../architecture.ts';
import type { Target } from './lora.ts';

const HUGGING_FACE =
  /(?:^|\.)(vision|text)_model\.encoder\.layers\.(\d+)\.(?:self_attn|mlp)\.(q_proj|k_proj|v_proj|out_proj|fc1|fc2)$/;
const OPENAI_LAYERS = 'in_proj|qkv|q_proj|k_proj|v_proj|out_proj|proj|c_fc|c_proj';
const OPENAI = new RegExp(
  `(?:^|\\.)(visual\\.|)transformer\\.resblocks\\.(\\d+)\\.(?:attn|mlp)(?:\\.(${OPENAI_LAYERS}))?$`,
);
const POOL = /(?:^|\.)visual\.attnpool\.(q_proj|k_proj|v_proj|c_proj)$/;
const PROJECTION = /(?:^|\.)(visual|text)_projection$/;

type Tower = 'vision' | 'text';

/**
 * @param module a path such as `vision_model.encoder.layers.0.self_attn.q_proj` or
 *   `visual.transformer.resblocks.0.mlp.c_fc`, with any prefix of a
 *   wrapper around the model; `…attn` alone is nn.MultiheadAttention's in_proj
 * @returns null if it is not a linear layer of CLIP
 * @throws Error if it is one, but the model has no such layer
 */
export function targetOf(module: string, architecture: Architecture): Target | null {
  const huggingFace = HUGGING_FACE.exec(module);
  if (huggingFace !== null)
    return inBlock(huggingFace[1] as Tower, Number(huggingFace[2]), huggingFace[3], module, architecture);
  const openAI = OPENAI.exec(module);
  if (openAI !== null) {
    if (openAI[3] === undefined && !module.endsWith('.attn')) return null;
    return inBlock(
      openAI[1] === '' ? 'text' : 'vision',
      Number(openAI[2]),
      openAI[3] ?? 'in_proj',
      module,
      architecture,
    );
  }
  const pool = POOL.exec(module);
  if (pool !== null) {
    const { vision } = architecture;
    if (vision?.kind !== 'ModifiedResNet')
      throw absent(module, vision === null ? NO_IMAGES : 'its image tower is a VisionTransformer');
    const width = 32 * vision.width;
    return whole(`visual.attnpool.${pool[1]}.weight`, pool[1] === 'c_proj' ? architecture.embed : width, width);
  }
  const projection = PROJECTION.exec(module);
  if (projection === null) return null;
  const vision = projection[1] === 'visual';
  const { width } = transformerOf(vision ? 'vision' : 'text', module, architecture);
  return { ...whole(vision ? 'visual.proj' : 'text_projection', architecture.embed, width), transposed: true };
}

/** A linear layer of block `index` of a transformer. */
function inBlock(tower: Tower, index: number, layer: string, module: string, architecture: Architecture): Target {
  const { width: W, layers, mlp } = transformerOf(tower, module, architecture);
  if (index >= layers) throw absent(module, `its ${NAMES[tower]} tower has ${layers} blocks`);
  const block = `${tower === 'vision' ? 'visual.' : ''}transformer.resblocks.${index}`;
  const attention = ['q_proj', 'k_proj', 'v_proj'].indexOf(layer);
  if (attention >= 0) return { ...whole(`${block}.attn.in_proj_weight`, 3 * W, W), begin: attention * W, count: W };
  if (layer === 'in_proj' || layer === 'qkv') return whole(`${block}.attn.in_proj_weight`, 3 * W, W);
  if (layer === 'out_proj' || layer === 'proj') return whole(`${block}.attn.out_proj.weight`, W, W);
  return layer === 'fc1' || layer === 'c_fc'
    ? whole(`${block}.mlp.c_fc.weight`, mlp, W)
    : whole(`${block}.mlp.c_proj.weight`, W, mlp);
}

const whole = (parameter: string, outputs: number, inputs: number): Target => ({
  parameter,
  outputs,
  inputs,
  begin: 0,
  count: outputs,
  transposed: false,
});

const NO_IMAGES = 'it has no image tower';
const NAMES = { vision: 'image', text: 'text' };

/** The sizes of a tower, which must be a transformer. */
function transformerOf(tower: Tower, module: string, { vision, text }: Architecture): TransformerSizes {
  if (tower === 'text') {
    if (text === null) throw absent(module, 'it has no text tower');
    return text;
  }
  if (vision === null) throw absent(module, NO_IMAGES);
  if (vision.kind !== 'VisionTransformer') throw absent(module, 'its image tower is a ModifiedResNet');
  return vision;
}

const absent = (module: string, why: string): Error =>
  new Error(`adapts "${module.slice(0, 120)}", which the model does not have: ${why}; take an adapter of this model`);
