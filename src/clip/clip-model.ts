// CLIPModel out of files: the model as `load` takes it, the head as `loadHead` does.

import { loadHead } from './head.ts';
import type { Preprocess } from './image/preprocess.ts';
import { load, type LoadOptions } from './load.ts';
import { headAndModel, ModelWithHead } from './model-with-head.ts';

export interface CLIPModelOptions extends LoadOptions {
  /** Number of outputs of the head. Default: that of the file, 1 without a file. */
  numClasses?: number;
  /**
   * A file with the head's weight and bias (.pth or safetensors). Default: synthetic weights, to be replaced or
   * trained.
   */
  head?: string;
}

export class CLIPModel extends ModelWithHead<Preprocess> {
  /**
   * @param name a model's name or a checkpoint's path
   * @throws RangeError if the head does not fit the model or numClasses does not fit the head
   */
  static async load(name: string, options: CLIPModelOptions = {}): Promise<CLIPModel> {
    const { numClasses, head, ...loadOptions } = options;
    return new CLIPModel(
      ...(await headAndModel(numClasses, head === undefined ? null : () => loadHead(head), String(head), () =>
        load(name, loadOptions),
      )),
    );
  }
}
