// What else a picture may have been made into: if a backend's numbers are those of one of these, its preprocessing is
// what differs.

import { INTERPOLATIONS } from '../clip/image/filters.ts';
import { PIPELINES, type Pipeline } from '../clip/image/pipelines.ts';
import { pixelsOf, readImage, type ImageInput, type PreprocessOptions } from '../clip/image/preprocess.ts';
import { completeRules, type PixelRules } from '../clip/image/preprocessing.ts';
import type { Tensor } from '../ops/tensor.ts';

export interface OtherImage {
  /** Of the cause that is reported, such as `pipeline-huggingface`. */
  readonly name: string;
  readonly explanation: string;
  /** (1,3,R,R) */
  readonly image: Tensor;
}

/** Below the smallest step of a gray level (1 / 255 / std); above what roundings make. */
const SAME = 1e-4;

/**
 * The same picture through the other pipelines, with another resize and another interpolation. What comes out as one
 * before it, or as it should, is left out.
 * @param resolution R
 * @param right the pipeline that it should have gone through
 * @param rules how the model's pixels are made otherwise (`model.preprocessing`; default: as CLIP's), and how the
 *   picture is read
 * @throws as `preprocessor`
 */
export async function otherCrops(
  picture: ImageInput,
  resolution: number,
  right: Pipeline,
  rules: PreprocessOptions = {},
): Promise<OtherImage[]> {
  const own = completeRules(resolution, { ...rules, pipeline: right }, 'otherCrops');
  const image = await readImage(picture, rules);
  const others: OtherImage[] = [];
  const seen: Tensor[] = [pixelsOf(image, own)];
  const add = (name: string, explanation: string, changed: PixelRules): void => {
    const found: Tensor = pixelsOf(image, { ...own, ...changed });
    if (seen.some((other) => same(other, found))) return;
    seen.push(found);
    others.push({ name, explanation, image: found });
  };
  for (const pipeline of PIPELINES) {
    // Only open_clip fills margins.
    if (pipeline === right || (own.resize === 'longest' && pipeline !== 'openai' && pipeline !== 'fake-detect'))
      continue;
    add(
      `pipeline-${pipeline}`,
      `The picture went through the pipeline ${pipeline}, not ${right}; resize and crop as ${right} does, or ` +
        `verify with --pipeline ${pipeline} if that is what is meant.`,
      { pipeline },
    );
  }
  if (right === 'fake-detect' || own.resize !== 'squash')
    add(
      'squashed',
      'The picture was squashed into the square; ' +
        (own.resize === 'longest'
          ? 'resize its long side and fill the margins.'
          : `resize its short side (${own.interpolation}) and crop the middle.`),
      { pipeline: right === 'fake-detect' ? 'huggingface' : right, resize: 'squash' },
    );
  if (own.resize !== 'shortest')
    add(
      'cropped',
      `The picture's short side was resized and the middle cropped; this model's pictures are made with resize ` +
        `${own.resize}.`,
      { resize: 'shortest' },
    );
  for (const interpolation of INTERPOLATIONS.filter((name) => name !== own.interpolation))
    add(
      `interpolation-${interpolation}`,
      `The picture was resized with ${interpolation} interpolation; take ${own.interpolation}.`,
      { interpolation },
    );
  return others;
}

const same = (a: Tensor, b: Tensor): boolean => a.data.every((value, i) => Math.abs(value - b.data[i]) < SAME);
