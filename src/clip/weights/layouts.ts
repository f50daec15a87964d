// Finds the CLIP model among the tensors of a file, whatever is wrapped around it, and gives its
// tensors OpenAI's state-dict names. Layouts: OpenAI and open_clip (openai/CLIP and open_clip, model.py), Hugging Face
// (transformers, convert_clip_original_pytorch_to_hf.py), and one tower alone of either.

import type { StoredTensor } from '../../formats/stored-tensor.ts';
import { sizeOf } from '../../ops/tensor.ts';
import { fromHuggingFace } from './huggingface.ts';
import { single, type ModelTensor } from './model-tensor.ts';
import { otherFamily, refusal, refusalsOf } from './recognise.ts';
import { isVision, type Tower } from './towers.ts';

export interface ModelTensors {
  readonly layout: string;
  readonly tensors: Map<string, ModelTensor>;
  /** Names outside the model: an fc head, an optimizer. */
  readonly outside: string[];
  /** What the layout says and no shape does, as a configuration would: a projection that is 'none', an activation. */
  readonly metadata: Record<string, string>;
  /** Why the text tower in the file was left out. */
  readonly refusedText?: string;
}

export interface FindOptions {
  /** The only tower that is wanted. */
  readonly tower?: Tower;
  /** `model_type` of config.json beside the weights. */
  readonly modelType?: string;
}

/** A tensor that every model of a layout has, by which it is found under any prefix. */
interface Layout {
  readonly name: string;
  readonly tower: Tower;
  readonly anchor: string;
  /** Tensors beside the anchor, one of which must be there. */
  readonly beside: readonly string[];
  /** What goes before its names to make them those of the whole model. */
  readonly add: string;
}

/** Layouts of whole models first: those of one tower count where none of the others is found. */
const LAYOUTS: readonly (readonly Layout[])[] = [
  [
    { name: 'OpenAI', tower: 'vision', anchor: 'visual.conv1.weight', beside: [], add: '' },
    {
      name: 'Hugging Face',
      tower: 'vision',
      anchor: 'vision_model.embeddings.patch_embedding.weight',
      beside: [],
      add: '',
    },
  ],
  [
    {
      name: 'OpenAI, the image tower alone',
      tower: 'vision',
      anchor: 'conv1.weight',
      beside: ['class_embedding', 'attnpool.c_proj.weight'],
      add: 'visual.',
    },
    {
      name: 'Hugging Face, the image tower alone',
      tower: 'vision',
      anchor: 'embeddings.patch_embedding.weight',
      beside: ['embeddings.class_embedding'],
      add: 'vision_model.',
    },
  ],
  [
    { name: 'open_clip', tower: 'text', anchor: 'text.token_embedding.weight', beside: [], add: '' },
    {
      name: 'Hugging Face',
      tower: 'text',
      anchor: 'text_model.embeddings.token_embedding.weight',
      beside: [],
      add: '',
    },
  ],
  [
    {
      name: 'OpenAI, the text tower alone',
      tower: 'text',
      anchor: 'token_embedding.weight',
      beside: ['ln_final.weight'],
      add: '',
    },
    {
      name: 'Hugging Face, the text tower alone',
      tower: 'text',
      anchor: 'embeddings.token_embedding.weight',
      beside: ['embeddings.position_embedding.weight'],
      add: 'text_model.',
    },
  ],
];
/**
 * Buffers that are not parameters: sizes kept in OpenAI's archives, counters of BatchNorm, masks and position tables.
 */
const BUFFERS = /^(input_resolution|context_length|vocab_size)$|(^|\.)(num_batches_tracked|position_ids|attn_mask)$/;

/**
 * @param where the file, for messages
 * @throws Error that says what was found instead if no CLIP model is in it, or more than one, or if the tower that is
 *   wanted is of another kind
 */
export function findModel(
  raw: ReadonlyMap<string, StoredTensor>,
  where: string,
  { tower, modelType = '' }: FindOptions = {},
): ModelTensors {
  // [1] where it is; [2] what of it can be computed, which is said before anything else
  const found = located(raw, tower);
  const refused = refusalsOf(found.length === 1 ? wholeNames(raw, found[0]) : raw, modelType);
  const isText = found.length > 0 && found[0].layout.tower === 'text' && refused.vision === null;
  const wanted = tower ?? (isText ? 'text' : 'vision');
  const other = wanted === 'vision' ? 'text' : 'vision';
  if (refused[wanted] !== null) throw new Error(refusal(where, wanted, refused[wanted], refused[other]));
  if (found.length !== 1) throw found.length === 0 ? unknownLayout(raw, where) : several(found, where);
  const [{ layout, prefix }] = found;
  if (tower === 'vision' && layout.tower === 'text') throw onlyTower(where, 'text');
  const inside = new Map<string, StoredTensor>();
  const outside: string[] = [];
  for (const [key, tensor] of raw) {
    // A head beside a model that nothing is wrapped around is not a part of the model.
    if (!key.startsWith(prefix) || (prefix === '' && /^fc\.(weight|bias)$/.test(key))) outside.push(key);
    else if (!BUFFERS.test(key.slice(prefix.length))) inside.set(layout.add + key.slice(prefix.length), tensor);
  }
  // [3] its names
  const isHuggingFace = layout.name.startsWith('Hugging Face');
  const custom = !isHuggingFace && [...inside.keys()].some((key) => key.startsWith('text.'));
  const foreignText = layout.tower === 'vision' && refused.text !== null;
  const named = isHuggingFace
    ? fromHuggingFace(inside, where)
    : { tensors: fromOpenAI(inside, custom, where), metadata: {} };
  const tensors = new Map<string, ModelTensor>();
  for (const [name, tensor] of named.tensors) {
    if (tower === 'text' ? isVision(name) : foreignText && !isVision(name)) outside.push(name);
    else tensors.set(name, tensor);
  }
  const family = refused.text ?? refused.vision;
  return {
    layout: `${custom ? 'open_clip' : layout.name}${prefix === '' ? '' : ` (inside "${prefix.replace(/\.$/, '')}")`}`,
    tensors: scalarLogitScale(tensors),
    outside,
    metadata: {
      ...(family?.activation !== undefined && { hidden_act: family.activation }),
      ...named.metadata,
    },
    ...(foreignText && { refusedText: refusal(where, 'text', refused.text!, refused.vision) }),
  };
}

interface Located {
  readonly layout: Layout;
  /** What is wrapped around it. */
  readonly prefix: string;
}

/** Every model in the file that is of the first layout that is found. */
function located(raw: ReadonlyMap<string, StoredTensor>, tower: Tower | undefined): Located[] {
  for (const layouts of LAYOUTS) {
    const found = layouts
      .filter((layout) => tower !== 'text' || layout.tower === 'text')
      .flatMap((layout) => prefixes(raw, layout).map((prefix) => ({ layout, prefix })));
    if (found.length > 0) return found;
  }
  return [];
}

function prefixes(raw: ReadonlyMap<string, StoredTensor>, { anchor, beside }: Layout): string[] {
  return [...raw.keys()]
    .filter((key) => key === anchor || key.endsWith(`.${anchor}`))
    .map((key) => key.slice(0, -anchor.length))
    .filter((prefix) => beside.length === 0 || beside.some((name) => raw.has(prefix + name)));
}

/** Of one tower alone, the names that its tensors have in a whole model. */
const wholeNames = (
  raw: ReadonlyMap<string, StoredTensor>,
  { layout, prefix }: Located,
): ReadonlyMap<string, StoredTensor> =>
  layout.add === ''
    ? raw
    : new Map([...raw].map(([key, tensor]) => [prefix + layout.add + key.slice(prefix.length), tensor]));

const several = (found: readonly Located[], where: string): Error =>
  new Error(
    `"${where}" holds ${found.length} CLIP models (${found
      .slice(0, 3)
      .map(({ prefix, layout }) => `"${prefix || layout.anchor}"`)
      .join(', ')}${found.length > 3 ? ', …' : ''}); save the one that you mean in a file of its own`,
  );

const onlyTower = (where: string, tower: Tower): Error =>
  new Error(
    `"${where}" holds ${tower === 'vision' ? 'an image' : 'a text'} tower only; take the file of the whole model`,
  );

/** open_clip's CustomTextCLIP keeps the text tower under "text."; the other names are OpenAI's. */
function fromOpenAI(
  inside: ReadonlyMap<string, StoredTensor>,
  custom: boolean,
  where: string,
): Map<string, ModelTensor> {
  const tensors = new Map<string, ModelTensor>();
  for (const [key, tensor] of inside) {
    const name = custom && key.startsWith('text.') ? key.slice('text.'.length) : key;
    if (tensors.has(name))
      throw new Error(`"${where}" has "${name}" twice, with and without "text."; keep one of the two`);
    tensors.set(name, single(tensor));
  }
  return tensors;
}

/** Some files keep the temperature as one element of a vector (openai/CLIP#66). */
function scalarLogitScale(tensors: Map<string, ModelTensor>): Map<string, ModelTensor> {
  const scale = tensors.get('logit_scale');
  if (scale !== undefined && scale.shape.length === 1 && scale.shape[0] === 1) {
    tensors.set('logit_scale', single({ ...scale.parts[0], shape: [], strides: [] }));
  }
  return tensors;
}

/** Whose names a file's tensors have, and so whose configuration goes first where several lie beside it. */
export function namesOf(raw: ReadonlyMap<string, unknown>): 'huggingface' | 'open_clip' {
  return [...raw.keys()].some((key) => /(^|\.)(vision_model|text_model|embeddings)\./.test(key))
    ? 'huggingface'
    : 'open_clip';
}

function unknownLayout(raw: ReadonlyMap<string, StoredTensor>, where: string): Error {
  if (located(raw, undefined).length > 0) return onlyTower(where, 'vision');
  const keys = [...raw.keys()];
  const has = (pattern: RegExp): boolean => keys.some((key) => pattern.test(key));
  if (keys.length === 0) return new Error(`"${where}" holds no tensors at all; a CLIP checkpoint is needed`);
  const other = otherFamily(raw);
  if (other !== null) return new Error(`"${where}" ${other}`);
  if (keys.length <= 4 && has(/(^|\.)weight$/) && has(/(^|\.)bias$/))
    return new Error(`"${where}" holds an fc head (${described(raw)}), no CLIP model; give it as the head`);
  return new Error(
    `"${where}" holds no CLIP model that is known here: found ${described(raw)}, expected "visual.conv1.weight" ` +
      '(OpenAI, open_clip) or "vision_model.embeddings.patch_embedding.weight" (Hugging Face); check that these are ' +
      'CLIP weights',
  );
}

function described(raw: ReadonlyMap<string, StoredTensor>): string {
  const entries = [...raw].filter(([, tensor]) => sizeOf(tensor.shape) > 0);
  return `${raw.size} tensors such as ${entries
    .slice(0, 3)
    .map(([key, { shape }]) => `"${key.slice(0, 80)}" (${shape.join(', ')})`)
    .join(', ')}`;
}
