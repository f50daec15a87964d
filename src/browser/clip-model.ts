// CLIPModel and heads, in a browser.

import { headAndModel, ModelWithHead } from '../clip/model-with-head.ts';
import { readHead, type Head } from '../clip/read-head.ts';
import type { FetchOptions } from './fetch.ts';
import { load, type LoadOptions } from './load.ts';
import type { Preprocess } from './preprocess.ts';
import { fetchText } from './host/tables.ts';
import { nameOf, openTensorBytes, type Bytes } from './weights.ts';

/**
 * A head from a URL, a file or bytes (.pth or safetensors).
 * @throws Error in one sentence if it cannot be fetched, holds no head or more than one, or has NaN in it
 */
export async function loadHead(head: Bytes, options: FetchOptions = {}): Promise<Head> {
  return readHead(await openTensorBytes(head, options, 'head'), nameOf(head));
}

export interface CLIPModelOptions extends LoadOptions {
  /** How many outputs the head has. Default: as many as the file says, 1 where none is given. */
  numClasses?: number;
  /**
   * The head's weight and bias (.pth or safetensors): `bundledUrl('emoji-head.pth')`, for one. Default: synthetic
   * weights, to be replaced or trained.
   */
  head?: Bytes;
}

export class CLIPModel extends ModelWithHead<Preprocess> {
  /**
   * @param name a model's name or a checkpoint's URL
   * @throws RangeError if the head does not fit the model or numClasses does not fit the head
   */
  static async load(name: string, options: CLIPModelOptions = {}): Promise<CLIPModel> {
    const { numClasses, head, ...loadOptions } = options;
    const { cache, signal } = options;
    const read = head === undefined ? null : (): Promise<Head> => loadHead(head, { cache, signal });
    return new CLIPModel(
      ...(await headAndModel(numClasses, read, head === undefined ? 'none' : nameOf(head), () =>
        load(name, loadOptions),
      )),
    );
  }
}

/** What the bundled emoji head's classes are called, in the order of its outputs. */
export async function loadLabels(
  options: FetchOptions = {},
): Promise<{ emoji: string; name: string; keywords: string[] }[]> {
  return JSON.parse(await fetchText('labels.json.gz', options)) as {
    emoji: string;
    name: string;
    keywords: string[];
  }[];
}
