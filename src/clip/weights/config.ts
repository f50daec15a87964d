// config.json (Hugging Face) and open_clip_config.json, where they are beside the weights: which GELU, and whether the
// heads have the 64 columns that OpenAI's rule (heads = width / 64) assumes. The weights do not say.

import { checkNesting, isObject } from '../../formats/json.ts';

/** A configuration has a few thousand bytes; larger files are ignored. */
export const MAX_CONFIG_BYTES = 1 << 20;

/**
 * `{ hidden_act: 'quick_gelu' | 'gelu' }`, or nothing if there is no such file.
 * @param beside the path of a file beside the weights
 * @param read its text, or null if there is no such file
 * @throws Error for another activation, or heads that are not 64 wide
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
    const { hidden_size: width, num_attention_heads: heads } = vision;
    if (typeof width === 'number' && typeof heads === 'number') checkHeads(width, width / heads, file);
    // transformers' default where the file is silent
    const activation = vision.hidden_act ?? 'quick_gelu';
    if (activation !== 'quick_gelu' && activation !== 'gelu') {
      throw new Error(
        `"${file}" names the activation ${JSON.stringify(activation).slice(0, 60)}, expected "quick_gelu" or ` +
          '"gelu"; only those can be computed',
      );
    }
    const text = isObject(huggingFace?.text_config) ? (huggingFace.text_config.hidden_act ?? activation) : activation;
    if (text !== activation) {
      throw new Error(
        `"${file}" names ${JSON.stringify(text).slice(0, 60)} for the text tower and ` +
          `${JSON.stringify(activation)} for the image tower, expected one activation for both; correct the ` +
          'configuration',
      );
    }
    return { hidden_act: activation };
  }
  const openClipFile = beside('open_clip_config.json');
  const openClip = await readJson(openClipFile);
  if (openClip !== null && isObject(openClip.model_cfg)) {
    const { vision_cfg: vision, quick_gelu: quick } = openClip.model_cfg;
    if (isObject(vision) && typeof vision.head_width === 'number' && typeof vision.width === 'number')
      checkHeads(vision.width, vision.head_width, openClipFile);
    return { hidden_act: quick === true ? 'quick_gelu' : 'gelu' };
  }
  return {};
}

function checkHeads(width: number, headWidth: number, file: string): void {
  if (headWidth !== 64) {
    throw new Error(
      `"${file}" says that the image tower of width ${width} has heads of ${headWidth} columns, but OpenAI's ` +
        'architecture has heads of 64; only those can be loaded',
    );
  }
}
