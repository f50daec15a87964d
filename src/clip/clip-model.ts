// CLIPModel, as UniversalFakeDetect defines it: CLIP's image encoder and a linear head `fc` on its features, which are not normalised.

import ndarray from 'ndarray';
import { linear } from '../ops/linear.ts';
import type { Tensor } from '../ops/tensor.ts';
import type { CLIP } from './clip.ts';
import { fitsModels, loadHead, type Head } from './head.ts';
import type { Preprocess } from './image/preprocess.ts';
import { load, type LoadOptions } from './load.ts';
import { syntheticTensor } from './checkpoint/synthetic.ts';

export interface CLIPModelOptions extends LoadOptions {
  /** How many outputs the head has. Default: the head's own, 1 where none is given. */
  numClasses?: number;
  /** A file with the head's weight and bias. Default: the bundled head of mini-vit does not apply by itself; see `head` in docs. */
  head?: string;
}

export class CLIPModel {
  readonly clip: CLIP;
  readonly preprocess: Preprocess;
  /** weight (classes,E), bias (classes), and the labels where the file carries them. */
  readonly fc: Head;

  /** Made by `CLIPModel.load`. */
  constructor(clip: CLIP, preprocess: Preprocess, fc: Head) {
    this.clip = clip;
    this.preprocess = preprocess;
    this.fc = fc;
  }

  /**
   * @param name a model's name or a checkpoint's path
   * @throws RangeError if the head does not fit the model or numClasses does not fit the head
   */
  static async load(name: string, options: CLIPModelOptions = {}): Promise<CLIPModel> {
    const { numClasses, head, ...loadOptions } = options;
    if (numClasses !== undefined && (!Number.isInteger(numClasses) || numClasses < 1)) {
      throw new RangeError(`CLIPModel: "numClasses" expected a positive integer, got ${numClasses}`);
    }
    // The head first: it is small, and its mistakes should not cost the reading of a gigabyte.
    const given = head === undefined ? null : await loadHead(head);
    if (given !== null && numClasses !== undefined && given.weight.shape[0] !== numClasses) {
      throw new RangeError(`CLIPModel: "numClasses" expected ${given.weight.shape[0]}, the outputs of ${head}, got ${numClasses}`);
    }
    const { model, preprocess } = await load(name, loadOptions);
    try {
      const fc = given ?? initialHead(numClasses ?? 1, model.architecture.embed);
      checkHead(fc, model, head);
      return new CLIPModel(model, preprocess, fc);
    } catch (error) {
      await model.close();
      throw error;
    }
  }

  /**
   * @param x (N,3,R,R)
   * @returns features (N,E) with `returnFeature`, else logits (N,classes)
   */
  async forward(x: Tensor, options: { returnFeature?: boolean } = {}): Promise<Tensor> {
    const features = await this.clip.encodeImage(x);
    return options.returnFeature === true ? features : this.classify(features);
  }

  /** The head alone: features (N,E) -> logits (N,classes). */
  classify(features: Tensor): Tensor {
    return linear(features, this.fc.weight, this.fc.bias);
  }

  close(): Promise<void> {
    return this.clip.close();
  }
}

/** An untrained head, as nn.Linear would have one, but the same in every run: uniform in ±1/sqrt(E), from the synthetic generator. */
function initialHead(classes: number, width: number): Head {
  const bound = Math.fround(1 / Math.sqrt(width));
  return {
    weight: ndarray(syntheticTensor(0, 'fc.weight', classes * width, 0, bound), [classes, width]),
    bias: ndarray(syntheticTensor(0, 'fc.bias', classes, 0, bound), [classes]),
  };
}

function checkHead(fc: Head, model: CLIP, file: string | undefined): void {
  const width = fc.weight.shape[1];
  if (width === model.architecture.embed) return;
  const fitting = fitsModels(width);
  throw new RangeError(`CLIPModel: "head" expected width ${model.architecture.embed} for ${model.name}, got ${width} in ${file}; `
    + (fitting.length === 0 ? 'no model of this width is known' : `it fits ${fitting.join(', ')}`));
}
