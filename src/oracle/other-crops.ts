// What else a picture may have been made into: if a backend's numbers are those of one of these, its preprocessing is
// what differs.

import { toRGB } from '../clip/image/image.ts';
import { normalize } from '../clip/image/normalize.ts';
import { PIPELINES, type Pipeline } from '../clip/image/pipelines.ts';
import { preprocessor, readImage, type ImageInput, type PreprocessOptions } from '../clip/image/preprocess.ts';
import { resize } from '../clip/image/resample.ts';
import type { Tensor } from '../ops/tensor.ts';

export interface OtherImage {
  /** Of the cause that is reported, such as `pipeline-huggingface`. */
  readonly name: string;
  readonly explanation: string;
  /** (1,3,R,R) */
  readonly image: Tensor;
}

/**
 * The same picture through the other pipelines, and squashed into the square without a crop.
 * @param resolution R
 * @param right the pipeline that it should have gone through
 * @param read how the picture is read, whatever the pipeline
 * @throws as `preprocessor`
 */
export async function otherCrops(
  picture: ImageInput,
  resolution: number,
  right: Pipeline,
  read: Omit<PreprocessOptions, 'pipeline'> = {},
): Promise<OtherImage[]> {
  const preprocess = preprocessor(resolution);
  const others: OtherImage[] = [];
  for (const pipeline of PIPELINES.filter((name) => name !== right)) {
    others.push({
      name: `pipeline-${pipeline}`,
      explanation:
        `The picture went through the pipeline ${pipeline}, not ${right}; resize and crop as ${right} does, or ` +
        `verify with --pipeline ${pipeline} if that is what is meant.`,
      image: await preprocess(picture, { ...read, pipeline }),
    });
  }
  const squashed = resize(toRGB(await readImage(picture, read)), resolution, resolution);
  others.push({
    name: 'squashed',
    explanation: 'The picture was squashed into the square; resize its short side (bicubic) and crop the middle.',
    image: normalize(squashed.data as Uint8Array, resolution),
  });
  return others;
}
