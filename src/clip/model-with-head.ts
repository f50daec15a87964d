// CLIPModel, as UniversalFakeDetect defines it: CLIP's image encoder and a linear head `fc` on its features, which are
// divided by their length only where the head was trained on such. How it is loaded is in clip-model.ts and
// src/browser/clip-model.ts.

import { sizeOf, type Tensor } from '../ops/tensor.ts';
import ndarray from 'ndarray';
import { fillSynthetic } from './weights/synthetic.ts';
import type { CLIP } from './clip.ts';
import { logitsOfEncoded } from './head-logits.ts';
import { checkHeadFits, type Head } from './read-head.ts';

export interface Loaded<P> {
  readonly model: CLIP;
  readonly preprocess: P;
}

/** @typeParam P the function that makes its input */
export class ModelWithHead<P> {
  readonly clip: CLIP;
  readonly preprocess: P;
  /** weight (classes,E), bias (classes), and the labels where the file carries them. */
  readonly fc: Head;

  /** Made by `CLIPModel.load`. */
  constructor(clip: CLIP, preprocess: P, fc: Head) {
    this.clip = clip;
    this.preprocess = preprocess;
    this.fc = fc;
  }

  /**
   * @param x (N,3,R,R)
   * @returns features (N,E) with `returnFeature`, else logits (N,classes)
   */
  async forward(x: Tensor, options: { returnFeature?: boolean } = {}): Promise<Tensor> {
    const features = await this.clip.encodeImage(x);
    return options.returnFeature === true ? features : this.classify(features);
  }

  /**
   * The head alone: features (N,E) as the encoder gives them -> logits (N,classes). A head that was trained on features
   * of length 1 (`fc.normalized`) gets such.
   */
  classify(features: Tensor): Tensor {
    return logitsOfEncoded(features, this.fc);
  }

  close(): Promise<void> {
    return this.clip.close();
  }
}

/**
 * Head and model, checked against each other.
 * @param readHead reads the given head; null for a new one
 * @param what the head, for messages
 * @throws RangeError if the head does not fit the model or numClasses does not fit the head
 */
export async function headAndModel<P>(
  numClasses: number | undefined,
  readHead: (() => Promise<Head>) | null,
  what: string,
  load: () => Promise<Loaded<P>>,
): Promise<[CLIP, P, Head]> {
  if (numClasses !== undefined && (!Number.isInteger(numClasses) || numClasses < 1)) {
    throw new RangeError(`CLIPModel: "numClasses" expected a positive integer, got ${numClasses}`);
  }
  // The head first: it is small, and an error in it should not cost reading a gigabyte.
  const given = (await readHead?.()) ?? null;
  if (given !== null && numClasses !== undefined && given.weight.shape[0] !== numClasses) {
    throw new RangeError(
      `CLIPModel: "numClasses" expected ${given.weight.shape[0]}, the outputs of ${what}, got ${numClasses}`,
    );
  }
  const { model, preprocess } = await load();
  try {
    const fc = given ?? initialHead(numClasses ?? 1, model.architecture.embed);
    checkHeadFits(fc, { name: model.name, embed: model.architecture.embed });
    return [model, preprocess, fc];
  } catch (error) {
    await model.close();
    throw error;
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
