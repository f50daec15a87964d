// Hugging Face's CLIPModel, CLIPVisionModelWithProjection: their names to OpenAI's. q, k and v are joined to in_proj,
// the two projections are transposed; both happen while the tensor is read, so nothing is in memory twice.
// Source: transformers, src/transformers/models/clip/convert_clip_original_pytorch_to_hf.py (their "pre_layrnorm" is
// spelled so).

import { single, type ModelTensor } from './model-tensor.ts';
import { transposed, type StoredTensor } from '../../formats/stored-tensor.ts';

const VISION: Readonly<Record<string, string>> = {
  'embeddings.class_embedding': 'visual.class_embedding',
  'embeddings.position_embedding.weight': 'visual.positional_embedding',
  'embeddings.patch_embedding.weight': 'visual.conv1.weight',
  'pre_layrnorm.weight': 'visual.ln_pre.weight',
  'pre_layrnorm.bias': 'visual.ln_pre.bias',
  'post_layernorm.weight': 'visual.ln_post.weight',
  'post_layernorm.bias': 'visual.ln_post.bias',
};
const TEXT: Readonly<Record<string, string>> = {
  'embeddings.token_embedding.weight': 'token_embedding.weight',
  'embeddings.position_embedding.weight': 'positional_embedding',
  'final_layer_norm.weight': 'ln_final.weight',
  'final_layer_norm.bias': 'ln_final.bias',
};
const BLOCK: Readonly<Record<string, string>> = {
  'self_attn.out_proj': 'attn.out_proj',
  layer_norm1: 'ln_1',
  layer_norm2: 'ln_2',
  'mlp.fc1': 'mlp.c_fc',
  'mlp.fc2': 'mlp.c_proj',
};

/**
 * A file of one tower may have no projection (CLIPVisionModel, CLIPTextModel): then its feature is `pooler_output`, and
 * `metadata` says `vision_projection` or `text_projection` 'none'.
 * @throws Error if the file lacks a projection that it must have, or splits q, k and v in a way that does not fit
 */
export function fromHuggingFace(
  raw: ReadonlyMap<string, StoredTensor>,
  where: string,
): { tensors: Map<string, ModelTensor>; metadata: Record<string, string> } {
  const metadata: Record<string, string> = {};
  const has = (prefix: string): boolean => [...raw.keys()].some((key) => key.startsWith(prefix));
  for (const [tower, projection, other] of [
    ['vision', 'visual_projection.weight', 'text_'],
    ['text', 'text_projection.weight', 'vis'],
  ] as const) {
    if (!has(`${tower}_model.`) || raw.has(projection)) continue;
    if (has(other))
      throw new Error(
        `"${where}" has no "${projection}", but another tower; the file is incomplete: download it again`,
      );
    metadata[`${tower}_projection`] = 'none';
  }
  const tensors = new Map<string, ModelTensor>();
  for (const [key, tensor] of raw) {
    if (key === 'logit_scale') tensors.set(key, single(tensor));
    else if (key === 'visual_projection.weight' || key === 'text_projection.weight') {
      if (tensor.shape.length !== 2)
        throw new Error(`"${key}" expected shape (E, width), got (${tensor.shape.join(', ')}); the file is damaged`);
      tensors.set(key === 'visual_projection.weight' ? 'visual.proj' : 'text_projection', single(transposed(tensor)));
    } else {
      const tower = /^(vision|text)_model\.(.*)$/.exec(key);
      const [table, prefix] = tower?.[1] === 'vision' ? [VISION, 'visual.'] : [TEXT, ''];
      const rest = tower?.[2] ?? '';
      const block = /^encoder\.layers?\.(\d+)\.(.+)\.(weight|bias)$/.exec(rest);
      if (Object.hasOwn(table, rest)) tensors.set(table[rest], single(tensor));
      else if (block !== null && /^self_attn\.[kv]_proj$/.test(block[2])) continue;
      else if (block?.[2] === 'self_attn.q_proj')
        tensors.set(`${prefix}transformer.resblocks.${block[1]}.attn.in_proj_${block[3]}`, joined(raw, key, where));
      else if (block !== null && Object.hasOwn(BLOCK, block[2]))
        tensors.set(`${prefix}transformer.resblocks.${block[1]}.${BLOCK[block[2]]}.${block[3]}`, single(tensor));
      // An unknown name stays: the check against the architecture reports it as extra.
      else tensors.set(key, single(tensor));
    }
  }
  return { tensors, metadata };
}

/** The rows of in_proj are those of q, then k, then v. */
function joined(raw: ReadonlyMap<string, StoredTensor>, query: string, where: string): ModelTensor {
  const names = ['q', 'k', 'v'].map((letter) => query.replace('.q_proj.', `.${letter}_proj.`));
  const parts = names.map((name) => {
    const part = raw.get(name);
    if (part === undefined)
      throw new Error(`"${where}" has "${query}" but no "${name}"; the file is incomplete: download it again`);
    return part;
  });
  const [q] = parts;
  const odd = parts.findIndex((part) => part.shape.length < 1 || part.shape.join() !== q.shape.join());
  if (odd >= 0)
    throw new Error(
      `"${names[odd]}" expected the shape (${q.shape.join(', ')}) of "${names[0]}", got ` +
        `(${parts[odd].shape.join(', ')}); the file is damaged`,
    );
  return { dtype: q.dtype, shape: [3 * q.shape[0], ...q.shape.slice(1)], parts };
}
