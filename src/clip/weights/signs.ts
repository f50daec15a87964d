// By what families of models are recognised: names and shapes of tensors, `model_type` of config.json. The words in
// which families.ts is written.

import type { StoredTensor } from '../../formats/stored-tensor.ts';

/** What a file shows. */
export interface Signs {
  /** Whether a tensor has such a name. */
  has(name: RegExp): boolean;
  /** The first extent of the first tensor with such a name: the rows of an embedding, for one. */
  rows(name: RegExp): number | undefined;
  /** `model_type` of config.json beside the weights; '' if there is none. */
  readonly modelType: string;
}

/** @param modelType `model_type` of config.json, or '' */
export function signsOf(raw: ReadonlyMap<string, Pick<StoredTensor, 'shape'>>, modelType: string): Signs {
  const names = [...raw.keys()];
  return {
    has: (pattern) => names.some((name) => pattern.test(name)),
    rows(pattern) {
      const name = names.find((one) => pattern.test(one));
      return name === undefined ? undefined : raw.get(name)!.shape[0];
    },
    modelType,
  };
}

/** Whether a file shows something. */
export type Shows = (signs: Signs) => boolean;

/** A tensor has one of these names. */
export const key =
  (...names: RegExp[]): Shows =>
  ({ has }) =>
    names.some(has);
/** config.json has such a `model_type`. */
export const type =
  (pattern: RegExp): Shows =>
  ({ modelType }) =>
    pattern.test(modelType);
export const any =
  (...signs: Shows[]): Shows =>
  (file) =>
    signs.some((shows) => shows(file));
export const all =
  (...signs: Shows[]): Shows =>
  (file) =>
    signs.every((shows) => shows(file));
export const not =
  (shows: Shows): Shows =>
  (file) =>
    !shows(file);
/** Rows of the token embedding of a text tower like CLIP's. */
export const vocabulary =
  (is: (size: number) => boolean): Shows =>
  ({ rows }) =>
    is(rows(/(^|\.)token_embedding\.weight$/) ?? 0);
/** open_clip's text tower around a model of transformers with a vocabulary of this size. */
export const huggingFace =
  (size: number): Shows =>
  ({ rows }) =>
    rows(/(^|\.)text\.transformer\..*(word_embeddings|embed_tokens|shared)\.weight$/) === size;
