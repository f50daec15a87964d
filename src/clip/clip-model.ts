// CLIPModel, as UniversalFakeDetect defines it: CLIP's image encoder and a linear head `fc` on its features, which are not normalised.

import { linear } from '../ops/linear.ts';
import { sizeOf, type Tensor } from '../ops/tensor.ts';
import ndarray from 'ndarray';
import { fillSynthetic } from './checkpoint/synthetic.ts';
import type { CLIP } from './clip.ts';
import { checkHeadFits, loadHead, type Head } from './head.ts';
import type { Preprocess } from './image/preprocess.ts';
import { load, type LoadOptions } from './load.ts';

export interface CLIPModelOptions extends LoadOptions {
  /** How many outputs the head has. Default: as many as the file says, 1 where none is given. */
  numClasses?: number;
  /** A file with the head's weight and bias (.pth or safetensors). Default: synthetic weights, to be replaced or trained. */
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
    if (given?.normalized) throw new RangeError(`CLIPModel: "head" expected a head for features as the encoder gives them, ${head} was trained on features of length 1; train it on features that are not normalised`);
    const { model, preprocess } = await load(name, loadOptions);
    try {
      const fc = given ?? initialHead(numClasses ?? 1, model.architecture.embed);
      checkHeadFits(fc, { name: model.name, embed: model.architecture.embed });
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

/** A head for which no file is given: synthetic:0 by the rules of the synthetic weights, the same in every run. */
function initialHead(classes: number, width: number): Head {
  const parameter = (name: string, shape: number[]): Tensor<Float32Array> => {
    const x = ndarray(new Float32Array(sizeOf(shape)), shape);
    fillSynthetic(0, name, shape, x.data);
    return x;
  };
  return { weight: parameter('fc.weight', [classes, width]), bias: parameter('fc.bias', [classes]) };
}
