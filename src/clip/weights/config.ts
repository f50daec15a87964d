// The files beside the weights: config.json and preprocessor_config.json (Hugging Face), open_clip_config.json. They
// say what cannot be read off the weights: activation, number of heads, how pixels are made. Every field is followed,
// without effect, or refused by its name (config-tables.ts).

import { checkNesting, isObject } from '../../formats/json.ts';
import { oddField } from './config-fields.ts';
import * as tables from './config-tables.ts';
import { openClipPixels, transformersPixels, type ConfiguredPixels } from './pixel-config.ts';

/** A configuration has a few thousand bytes; larger files are ignored. */
export const MAX_CONFIG_BYTES = 1 << 20;

/** A size that a configuration names, to be compared with the weights. */
export interface ConfiguredSize {
  /** The file and the field, for messages. */
  readonly field: string;
  readonly of: keyof typeof SIZES;
  readonly value: number;
}

export interface Configuration {
  /**
   * `hidden_act`, and `text_hidden_act` where it is another; the width and the number of heads of each tower that the
   * file describes: `vision_width`, `vision_heads`, `text_width`, `text_heads`.
   */
  readonly metadata: Record<string, string>;
  readonly pixels: ConfiguredPixels | null;
  readonly sizes: readonly ConfiguredSize[];
  /** Why a tower cannot be computed; null if it can. */
  readonly refused: { readonly vision: string | null; readonly text: string | null };
}

export const NO_CONFIGURATION: Configuration = {
  metadata: {},
  pixels: null,
  sizes: [],
  refused: { vision: null, text: null },
};

/** The sizes that configurations name, by what they are called in an architecture. */
export const SIZES = {
  embed: 'the feature',
  visionWidth: "the image tower's width",
  visionLayers: "the image tower's layers",
  patch: 'the patch',
  resolution: 'the image',
  textWidth: "the text tower's width",
  textLayers: "the text tower's layers",
  context: 'the context',
  vocabulary: 'the vocabulary',
} as const;

type Json = Readonly<Record<string, unknown>>;

/**
 * What the files beside the weights say.
 * @param beside the path of a file beside the weights
 * @param read its text, or null if there is no such file
 * @param layout whose names the weights have: their own files go first where there are several
 * @throws Error for another activation, for a field of the pixels that cannot be followed, and for what is no JSON
 */
export async function configured(
  beside: (file: string) => string,
  read: (path: string) => Promise<string | null>,
  layout: 'huggingface' | 'open_clip' = 'huggingface',
): Promise<Configuration> {
  const readJson = async (name: string): Promise<{ file: string; json: Json } | null> => {
    const file = beside(name);
    const text = await read(file).catch(() => null);
    // a page's server may answer every address with a page
    if (text === null || /^\s*</.test(text)) return null;
    checkNesting(text, file);
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw new Error(`"${file}" beside the weights is no JSON; repair it, or take it away`);
    }
    return isObject(json) ? { file, json } : null;
  };
  const huggingFace = async (): Promise<Configuration | null> => {
    const found = await readJson('config.json');
    const model = found === null ? null : transformersModel(found.json, found.file);
    const nested = await readJson('processor_config.json');
    const processor = isObject(nested?.json.image_processor)
      ? { file: nested.file, json: nested.json.image_processor }
      : await readJson('preprocessor_config.json');
    if (model === null && processor === null) return null;
    const pixels = processor === null ? null : transformersPixels(processor.json, processor.file);
    return { ...(model ?? NO_CONFIGURATION), pixels };
  };
  const openClip = async (): Promise<Configuration | null> => {
    const found = await readJson('open_clip_config.json');
    return found === null ? null : openClipModel(found.json, found.file);
  };
  const [first, second] = layout === 'huggingface' ? [huggingFace, openClip] : [openClip, huggingFace];
  return (await first()) ?? (await second()) ?? NO_CONFIGURATION;
}

const part = (value: unknown): Json => (isObject(value) ? value : {});

/** config.json; null if it is not that of a model with an image tower. */
function transformersModel(json: Json, file: string): Configuration | null {
  const whole = isObject(json.vision_config);
  if (!whole && typeof json.hidden_act !== 'string') return null;
  const family = typeof json.model_type === 'string' ? json.model_type : '';
  if (!whole && /text_model$/.test(family)) return transformersText(json, file);
  // the older of the two places goes before the other (transformers, CLIPConfig)
  const vision = whole ? { ...part(json.vision_config), ...part(json.vision_config_dict) } : json;
  const text = { ...part(json.text_config), ...part(json.text_config_dict) };
  // transformers' default where the file is silent
  const activation = vision.hidden_act ?? 'quick_gelu';
  if (activation !== 'quick_gelu' && activation !== 'gelu') {
    throw new Error(
      `"${file}" names the activation ${JSON.stringify(activation).slice(0, 60)}, expected "quick_gelu" or ` +
        '"gelu"; only those can be computed',
    );
  }
  const textual = isObject(json.text_config) || isObject(json.text_config_dict);
  const textActivation = textual ? (text.hidden_act ?? 'quick_gelu') : activation;
  const visionPath = whole ? 'vision_config' : '';
  const visionFields = whole
    ? tables.TRANSFORMERS_VISION
    : { ...tables.TRANSFORMERS_MODEL, ...tables.TRANSFORMERS_VISION };
  const named = sizes(file);
  return {
    metadata: {
      ...(family !== '' && { model_type: family }),
      hidden_act: activation,
      ...(textActivation !== activation && { text_hidden_act: String(textActivation) }),
      ...heads('vision', vision.hidden_size, vision.num_attention_heads),
      ...heads('text', text.hidden_size, text.num_attention_heads),
    },
    pixels: null,
    sizes: [
      ...named(whole ? 'projection_dim' : '', json.projection_dim, 'embed'),
      ...named(`${visionPath}.hidden_size`, vision.hidden_size, 'visionWidth'),
      ...named(`${visionPath}.num_hidden_layers`, vision.num_hidden_layers, 'visionLayers'),
      ...named(`${visionPath}.patch_size`, vision.patch_size, 'patch'),
      ...named(`${visionPath}.image_size`, vision.image_size, 'resolution'),
      ...named('text_config.hidden_size', text.hidden_size, 'textWidth'),
      ...named('text_config.num_hidden_layers', text.num_hidden_layers, 'textLayers'),
      ...named('text_config.max_position_embeddings', text.max_position_embeddings, 'context'),
      ...named('text_config.vocab_size', text.vocab_size, 'vocabulary'),
    ],
    refused: {
      vision:
        (whole ? oddField(json, tables.TRANSFORMERS_MODEL, [file, '']) : null) ??
        oddField(vision, visionFields, [file, visionPath]),
      text:
        (family === '' || /^clip/.test(family)
          ? null
          : oddField({ model_type: family }, { model_type: ['clip'] }, [file, ''])) ??
        oddField(text, tables.endOfText(text.vocab_size), [file, 'text_config']),
    },
  };
}

/** config.json of a text tower alone. */
function transformersText(json: Json, file: string): Configuration {
  const named = sizes(file);
  return {
    metadata: {
      model_type: String(json.model_type),
      hidden_act: typeof json.hidden_act === 'string' ? json.hidden_act : 'quick_gelu',
      ...heads('text', json.hidden_size, json.num_attention_heads),
    },
    pixels: null,
    sizes: [
      ...named('hidden_size', json.hidden_size, 'textWidth'),
      ...named('num_hidden_layers', json.num_hidden_layers, 'textLayers'),
      ...named('max_position_embeddings', json.max_position_embeddings, 'context'),
      ...named('vocab_size', json.vocab_size, 'vocabulary'),
    ],
    refused: { vision: null, text: oddField(json, tables.endOfText(json.vocab_size), [file, '']) },
  };
}

/** open_clip_config.json; null if it has no model in it. */
function openClipModel(json: Json, file: string): Configuration | null {
  const pixels = isObject(json.preprocess_cfg) ? openClipPixels(json.preprocess_cfg, file) : null;
  if (!isObject(json.model_cfg)) return pixels === null ? null : { ...NO_CONFIGURATION, pixels };
  const model = json.model_cfg;
  const vision = part(model.vision_cfg);
  const text = part(model.text_cfg);
  const resNet = Array.isArray(vision.layers);
  // a ResNet (its layers are four numbers) has its heads in the attention pool, 32 times as wide
  const columns = resNet ? 32 * Number(vision.width) : vision.width;
  const named = sizes(file);
  const { multimodal_cfg, init_logit_bias, ...rest } = model;
  return {
    metadata: {
      hidden_act: model.quick_gelu === true ? 'quick_gelu' : 'gelu',
      ...(typeof vision.head_width === 'number'
        ? heads('vision', vision.width, Number(columns) / vision.head_width)
        : {}),
      ...heads('text', text.width, text.heads),
    },
    pixels,
    sizes: [
      ...named('model_cfg.embed_dim', model.embed_dim, 'embed'),
      ...named('model_cfg.vision_cfg.width', vision.width, 'visionWidth'),
      ...named('model_cfg.vision_cfg.layers', vision.layers, 'visionLayers'),
      ...(resNet ? [] : named('model_cfg.vision_cfg.patch_size', vision.patch_size, 'patch')),
      ...named('model_cfg.vision_cfg.image_size', vision.image_size, 'resolution'),
      ...named('model_cfg.text_cfg.width', text.width, 'textWidth'),
      ...named('model_cfg.text_cfg.layers', text.layers, 'textLayers'),
      ...named('model_cfg.text_cfg.context_length', text.context_length, 'context'),
      ...named('model_cfg.text_cfg.vocab_size', text.vocab_size, 'vocabulary'),
    ],
    refused: {
      vision:
        oddField(json, tables.OPEN_CLIP_FILE, [file, '']) ??
        oddField(rest, tables.OPEN_CLIP_MODEL, [file, 'model_cfg']) ??
        oddField(vision, tables.OPEN_CLIP_VISION, [file, 'model_cfg.vision_cfg']),
      text:
        oddField({ multimodal_cfg, init_logit_bias }, tables.OPEN_CLIP_MODEL_TEXT, [file, 'model_cfg']) ??
        oddField(text, tables.OPEN_CLIP_TEXT, [file, 'model_cfg.text_cfg']),
    },
  };
}

/** The size in a field, if it is one. */
const sizes =
  (file: string) =>
  (field: string, value: unknown, of: ConfiguredSize['of']): ConfiguredSize[] =>
    typeof value === 'number' && field !== '' ? [{ field: `"${file}": "${field.replace(/^\./, '')}"`, of, value }] : [];

/** A tower's width and number of heads, if a configuration has both. */
function heads(tower: 'vision' | 'text', width: unknown, count: unknown): Record<string, string> {
  return typeof width === 'number' && typeof count === 'number'
    ? { [`${tower}_width`]: String(width), [`${tower}_heads`]: String(count) }
    : {};
}
