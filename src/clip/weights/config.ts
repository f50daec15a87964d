// config.json (Hugging Face) and open_clip_config.json beside the weights: which activation the transformers have, and
// how many heads. Neither can be read off the weights.

import { checkNesting, isObject } from '../../formats/json.ts';

/** A configuration has a few thousand bytes; larger files are ignored. */
export const MAX_CONFIG_BYTES = 1 << 20;

/**
 * `{ hidden_act: 'quick_gelu' | 'gelu' }`, or nothing if there is no such file; with the width and the number of heads
 * of each tower that the file describes: `vision_width`, `vision_heads`, `text_width`, `text_heads`.
 * @param beside the path of a file beside the weights
 * @param read its text, or null if there is no such file
 * @throws Error for another activation
 */
export async function configured(
  beside: (file: string) => string,
  read: (path: string) => Promise<string | null>,
): Promise<Record<string, string>> {
  const readJson = async (path: string): Promise<Record<string, unknown> | null> => {
    try {
      const text = (await read(path)) ?? 'null';
      checkNesting(text, path);
      const value: unknown = JSON.parse(text);
      return isObject(value) ? value : null;
    } catch {
      return null;
    }
  };
  const file = beside('config.json');
  const huggingFace = await readJson(file);
  if (
    (huggingFace !== null && huggingFace.vision_config !== undefined) ||
    typeof huggingFace?.hidden_act === 'string'
  ) {
    const vision = isObject(huggingFace?.vision_config) ? huggingFace.vision_config : huggingFace!;
    const textual = isObject(huggingFace?.text_config) ? huggingFace.text_config : {};
    // transformers' default where the file is silent
    const activation = vision.hidden_act ?? 'quick_gelu';
    if (activation !== 'quick_gelu' && activation !== 'gelu') {
      throw new Error(
        `"${file}" names the activation ${JSON.stringify(activation).slice(0, 60)}, expected "quick_gelu" or ` +
          '"gelu"; only those can be computed',
      );
    }
    const modelType = typeof huggingFace?.model_type === 'string' ? huggingFace.model_type : '';
    const text = textual.hidden_act ?? (isObject(huggingFace?.text_config) ? 'quick_gelu' : activation);
    return {
      ...(modelType !== '' && { model_type: modelType }),
      hidden_act: activation,
      ...(text === activation ? {} : { text_hidden_act: String(text) }),
      ...heads(/text_model$/.test(modelType) ? 'text' : 'vision', vision.hidden_size, vision.num_attention_heads),
      ...heads('text', textual.hidden_size, textual.num_attention_heads),
    };
  }
  const openClipFile = beside('open_clip_config.json');
  const openClip = await readJson(openClipFile);
  if (openClip !== null && isObject(openClip.model_cfg)) {
    const { vision_cfg, text_cfg, quick_gelu: quick } = openClip.model_cfg;
    const vision = isObject(vision_cfg) ? vision_cfg : {};
    const text = isObject(text_cfg) ? text_cfg : {};
    // a ResNet (its layers are four numbers) has its heads in the attention pool, 32 times as wide
    const columns = Array.isArray(vision.layers) ? 32 * Number(vision.width) : vision.width;
    return {
      hidden_act: quick === true ? 'quick_gelu' : 'gelu',
      ...(typeof vision.head_width === 'number'
        ? heads('vision', vision.width, Number(columns) / vision.head_width)
        : {}),
      ...heads('text', text.width, text.heads),
    };
  }
  return {};
}

/** A tower's width and number of heads, if a configuration has both. */
function heads(tower: 'vision' | 'text', width: unknown, count: unknown): Record<string, string> {
  return typeof width === 'number' && typeof count === 'number'
    ? { [`${tower}_width`]: String(width), [`${tower}_heads`]: String(count) }
    : {};
}
