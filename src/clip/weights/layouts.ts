// Finds the CLIP model among the tensors of a file, whatever is wrapped around it, and gives its
// tensors OpenAI's state-dict names. Layouts: OpenAI and open_clip (openai/CLIP and open_clip, model.py), Hugging Face
// (transformers, convert_clip_original_pytorch_to_hf.py).

import type { StoredTensor } from '../../formats/stored-tensor.ts';
import { sizeOf } from '../../ops/tensor.ts';
import { fromHuggingFace } from './huggingface.ts';
import { single, type ModelTensor } from './model-tensor.ts';

export interface ModelTensors {
  readonly layout: string;
  readonly tensors: Map<string, ModelTensor>;
  /** Names outside the model: an fc head, an optimizer. */
  readonly outside: string[];
}

const OPENAI_ANCHOR = 'visual.conv1.weight';
const HUGGING_FACE_ANCHOR = 'vision_model.embeddings.patch_embedding.weight';
/**
 * Buffers that are not parameters: sizes kept in OpenAI's archives, counters of BatchNorm, masks and position tables.
 */
const BUFFERS = /^(input_resolution|context_length|vocab_size)$|(^|\.)(num_batches_tracked|position_ids|attn_mask)$/;

/**
 * @param where the file, for messages
 * @throws Error that says what was found instead if no CLIP model is in it, or more than one
 */
export function findModel(raw: ReadonlyMap<string, StoredTensor>, where: string): ModelTensors {
  const prefixes = (anchor: string): string[] =>
    [...raw.keys()]
      .filter((key) => key === anchor || key.endsWith(`.${anchor}`))
      .map((key) => key.slice(0, -anchor.length));
  const openAI = prefixes(OPENAI_ANCHOR);
  const huggingFace = prefixes(HUGGING_FACE_ANCHOR);
  const found = [...openAI, ...huggingFace];
  if (found.length === 0) throw unknownLayout(raw, where);
  if (found.length > 1) {
    throw new Error(
      `"${where}" holds ${found.length} CLIP models (${found
        .slice(0, 3)
        .map((prefix) => `"${prefix || OPENAI_ANCHOR}"`)
        .join(', ')}${found.length > 3 ? ', …' : ''}); save the one that you mean in a file of its own`,
    );
  }
  const prefix = found[0];
  const inside = new Map<string, StoredTensor>();
  const outside: string[] = [];
  for (const [key, tensor] of raw) {
    // A head beside a model that nothing is wrapped around is not a part of the model.
    if (!key.startsWith(prefix) || (prefix === '' && /^fc\.(weight|bias)$/.test(key))) outside.push(key);
    else if (!BUFFERS.test(key.slice(prefix.length))) inside.set(key.slice(prefix.length), tensor);
  }
  const wrapped = prefix === '' ? '' : ` (inside "${prefix.replace(/\.$/, '')}")`;
  if (huggingFace.length > 0)
    return { layout: `Hugging Face${wrapped}`, tensors: scalarLogitScale(fromHuggingFace(inside, where)), outside };
  const custom = [...inside.keys()].some((key) => key.startsWith('text.'));
  const tensors = new Map<string, ModelTensor>();
  for (const [key, tensor] of inside) {
    // open_clip's CustomTextCLIP keeps the text tower under "text."; the other names are OpenAI's.
    const name = custom && key.startsWith('text.') ? key.slice('text.'.length) : key;
    if (tensors.has(name))
      throw new Error(`"${where}" has "${name}" twice, with and without "text."; keep one of the two`);
    tensors.set(name, single(tensor));
  }
  if (tensors.has('logit_bias'))
    throw new Error(
      `"${where}" holds a SigLIP model (it has "logit_bias"), which is another architecture; CLIP's weights are needed`,
    );
  return { layout: `${custom ? 'open_clip' : 'OpenAI'}${wrapped}`, tensors: scalarLogitScale(tensors), outside };
}

/** Some files keep the temperature as one element of a vector (openai/CLIP#66). */
function scalarLogitScale(tensors: Map<string, ModelTensor>): Map<string, ModelTensor> {
  const scale = tensors.get('logit_scale');
  if (scale !== undefined && scale.shape.length === 1 && scale.shape[0] === 1) {
    tensors.set('logit_scale', single({ ...scale.parts[0], shape: [], strides: [] }));
  }
  return tensors;
}

function unknownLayout(raw: ReadonlyMap<string, StoredTensor>, where: string): Error {
  const keys = [...raw.keys()];
  const has = (pattern: RegExp): boolean => keys.some((key) => pattern.test(key));
  if (keys.length === 0) return new Error(`"${where}" holds no tensors at all; a CLIP checkpoint is needed`);
  if (has(/(^|\.)visual\.trunk\./))
    return new Error(
      `"${where}" holds an open_clip model with a timm image tower ("visual.trunk.…"), which is another ` +
        `architecture; only OpenAI's VisionTransformer and ModifiedResNet can be loaded`,
    );
  if (has(/(^|\.)text_model\.embeddings\./))
    return new Error(
      `"${where}" holds a text tower only (Hugging Face CLIPTextModel); take the file of the whole CLIPModel`,
    );
  if (has(/(^|\.)lora_[AB]\b|w_lora_[AB]/))
    return new Error(`"${where}" holds LoRA adapters, not a model; give it as the adapter of a model (--adapter)`);
  if (keys.length <= 4 && has(/(^|\.)weight$/) && has(/(^|\.)bias$/))
    return new Error(`"${where}" holds an fc head (${described(raw)}), no CLIP model; give it as the head`);
  return new Error(
    `"${where}" holds no CLIP model that is known here: found ${described(raw)}, expected "${OPENAI_ANCHOR}" ` +
      `(OpenAI, open_clip) or "${HUGGING_FACE_ANCHOR}" (Hugging Face); check that these are CLIP weights`,
  );
}

function described(raw: ReadonlyMap<string, StoredTensor>): string {
  const entries = [...raw].filter(([, tensor]) => sizeOf(tensor.shape) > 0);
  return `${raw.size} tensors such as ${entries
    .slice(0, 3)
    .map(([key, { shape }]) => `"${key.slice(0, 80)}" (${shape.join(', ')})`)
    .join(', ')}`;
}
