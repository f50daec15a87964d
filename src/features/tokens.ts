// Texts to the ids that a model reads.

import type { CLIP } from '../clip/clip.ts';
import { tokenize } from '../clip/tokenizer/tokenize.ts';
import { OPENAI_VOCABULARY } from '../clip/weights/families.ts';

/**
 * The ids of texts by OpenAI's tokenizer, as long as the model's context.
 * @param truncate cut texts that are longer; default: an error
 * @returns (N,T); a model without a text tower says so when it is asked for features of them
 * @throws RangeError for a model with another vocabulary, whose ids would be of other words, and for a text that is too
 *   long
 */
export function tokensFor(
  model: CLIP,
  texts: string | readonly string[],
  { truncate = false }: { truncate?: boolean } = {},
): ReturnType<typeof tokenize> {
  const { text } = model.architecture;
  if (text !== null && text.vocabulary !== OPENAI_VOCABULARY)
    throw new RangeError(
      `${model.name} was trained on texts of another tokenizer: its vocabulary has ${text.vocabulary} ids, OpenAI's ` +
        `${OPENAI_VOCABULARY}; its images can be embedded, and ids of its own tokenizer can be given to encodeText`,
    );
  return tokenize(texts, { contextLength: text?.context, truncate });
}
