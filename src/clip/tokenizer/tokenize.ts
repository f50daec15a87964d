// tokenize, as openai/CLIP has it in clip/clip.py: texts to rows of ids that encodeText takes.

import ndarray from 'ndarray';
import { limits, raise } from '../../formats/limits.ts';
import { cleanText } from './clean.ts';
import { openaiBytePairs } from './merges.ts';

export interface TokenizeOptions {
  /** T, the length of a row. Default 77, which all CLIP models were trained with. */
  contextLength?: number;
  /** Cut texts that are too long, end of text last. Default: an error. */
  truncate?: boolean;
}

/**
 * Token ids of texts: start of text (49406), the text's, end of text (49407), zeros.
 * Differs from OpenAI's in one way: of what ftfy repairs, mojibake is only repaired where it is of the common kind
 * (docs/text.md).
 * @param text one text or several
 * @returns (N,T)
 * @throws RangeError for a text that is too long and may not be truncated; TypeError for anything but strings
 */
export function tokenize(text: string | readonly string[], options: TokenizeOptions = {}): ndarray.NdArray<Int32Array> {
  const texts = typeof text === 'string' ? [text] : text;
  if (!Array.isArray(texts))
    throw new TypeError(`tokenize: "text" expected a string or an array of strings, got ${kindOf(text)}`);
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`tokenize: "options" expected { contextLength, truncate }, got ${kindOf(options)}`);
  const { contextLength: T = 77, truncate = false } = options;
  if (!Number.isSafeInteger(T) || T < 1)
    throw new RangeError(
      `tokenize: "contextLength" expected a positive integer, got ${String(T)}; CLIP's models have 77`,
    );
  if (typeof truncate !== 'boolean')
    throw new TypeError(`tokenize: "truncate" expected true or false, got ${kindOf(truncate)}`);
  const pairs = openaiBytePairs();
  const data = new Int32Array(texts.length * T);
  texts.forEach((one: unknown, n) => {
    if (typeof one !== 'string')
      throw new TypeError(
        'tokenize: "text" expected a string or an array of strings, got ' +
          `${kindOf(one)}${typeof text === 'string' ? '' : ` at ${n}`}`,
      );
    if (one.length > limits().textCharacters)
      throw new RangeError(
        `tokenize: "text" expected at most ${limits().textCharacters} characters, got ${one.length} for ` +
          `${excerpt(one)}${typeof text === 'string' ? '' : ` at ${n}`}; cut it, a model reads some 400 of them, ` +
          `or ${raise('textCharacters')}`,
      );
    const ids = [pairs.startOfText, ...idsOf(one), pairs.endOfText];
    if (ids.length > T) {
      if (!truncate)
        throw new RangeError(
          `tokenize: "text" expected at most ${T} tokens, got ${ids.length} for ` +
            `${excerpt(one)}${typeof text === 'string' ? '' : ` at ${n}`}; shorten it or set truncate: true`,
        );
      ids.length = T;
      ids[T - 1] = pairs.endOfText;
    }
    data.set(ids, n * T);
  });
  return ndarray(data, [texts.length, T]);
}

/**
 * The text of one row of ids, as the model sees it: cleaned, in lower case, a space after each word, up to the end of
 * text.
 * @param ids numbers, or a tensor (T) or (1,T)
 * @throws RangeError for an id outside the vocabulary
 */
export function detokenize(ids: Iterable<number> | ndarray.NdArray<Int32Array>): string {
  const pairs = openaiBytePairs();
  const row =
    Symbol.iterator in ids
      ? [...ids]
      : Array.from({ length: ids.size }, (_, t) => (ids.dimension === 2 ? ids.get(0, t) : ids.get(t)));
  const end = row.indexOf(pairs.endOfText);
  return pairs.decode(end < 0 ? row : row.slice(0, end)).trimEnd();
}

/** A text's ids, without start and end. */
export const idsOf = (text: string): number[] => openaiBytePairs().encode(cleanText(text));

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
}

const excerpt = (text: string): string => JSON.stringify(text.length <= 60 ? text : `${text.slice(0, 59)}…`);
