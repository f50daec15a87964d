// What the files beside the weights say, held against the weights.

import type { Architecture } from '../architecture.ts';
import { isVision, type Tower } from './towers.ts';
import { completeRules, type Preprocessing } from '../image/preprocessing.ts';
import type { ModelTensors } from './layouts.ts';
import { releasedPixels } from './releases.ts';
import { SIZES, type Configuration, type ConfiguredSize } from './config.ts';

/** The size of that name in an architecture; null if it has none. */
function sizeIn({ embed, vision, text }: Architecture, of: ConfiguredSize['of']): number | null {
  const transformer = vision?.kind === 'VisionTransformer' ? vision : null;
  switch (of) {
    case 'embed':
      return embed;
    case 'visionWidth':
      return vision?.width ?? null;
    case 'visionLayers':
      return transformer?.layers ?? null;
    case 'patch':
      return transformer?.patch ?? null;
    case 'resolution':
      return vision?.resolution ?? null;
    case 'textWidth':
      return text?.width ?? null;
    case 'textLayers':
      return text?.layers ?? null;
    case 'context':
      return text?.context ?? null;
    case 'vocabulary':
      return text?.vocabulary ?? null;
  }
}

/**
 * Checks the sizes that a configuration names.
 * @param architecture that of the weights
 * @param resolution the one that was asked for
 * @throws Error for a size that is not the weights'
 */
export function checkSizes(configuration: Configuration, architecture: Architecture, resolution?: number): void {
  for (const { field, of, value } of configuration.sizes) {
    const found = sizeIn(architecture, of);
    if (found === null || found === value || (of === 'resolution' && resolution !== undefined)) continue;
    throw new Error(
      `${field} expected ${found}, the size of ${SIZES[of]} in the weights beside it, got ${value}; ` +
        (of === 'resolution'
          ? `say --resolution ${value} (load: { resolution: ${value} }) to interpolate the positions, or correct the configuration`
          : 'put the configuration of these weights there, or correct it'),
    );
  }
}

/**
 * How the model's pixels are made: as its configuration says, else as open_clip's table says of a release of that name,
 * else as CLIP's.
 * @param R the side of its input
 * @param asked whether that is another than the weights were trained with
 * @param origin where the weights are from
 * @throws Error if the configuration makes pixels for another input
 */
export function preprocessingOf(configuration: Configuration, R: number, asked: boolean, origin = ''): Preprocessing {
  const { pixels } = configuration;
  if (pixels === null) return completeRules(R, releasedPixels(origin) ?? {}, 'load');
  const { file, resolution, rules } = pixels;
  if (resolution !== null && resolution !== R && !asked)
    throw new Error(
      `"${file}" makes pictures of ${resolution} x ${resolution}, expected ${R} x ${R}, which the weights beside it ` +
        `take; say --resolution ${resolution} (load: { resolution: ${resolution} }) or correct the file`,
    );
  if (asked && resolution !== R && rules.scaledTo !== undefined)
    throw new Error(
      `"${file}" resizes to ${rules.scaledTo} before a crop of ${String(resolution)}, which does not say what to do for ` +
        `a resolution of ${R}; leave the resolution out, or correct the file`,
    );
  return completeRules(R, rules, 'load');
}

/**
 * A model without the text tower that its configuration makes one which cannot be computed here.
 * @param tower the only one that is wanted
 * @throws Error if that is so of the image tower, or of the one that is wanted
 */
export function withoutRefused(
  { refused: { vision, text } }: Configuration,
  tower: Tower | undefined,
  model: ModelTensors,
): ModelTensors {
  const names = [...model.tensors.keys()];
  const seen = names.some(isVision);
  const read = names.some((name) => !isVision(name) && name !== 'logit_scale');
  if (vision !== null && seen && tower !== 'text') throw new Error(vision);
  if (text === null || !read || tower === 'vision') return model;
  if (tower === 'text' || !seen) throw new Error(text);
  return {
    ...model,
    tensors: new Map([...model.tensors].filter(([name]) => isVision(name))),
    outside: [...model.outside, ...names.filter((name) => !isVision(name))],
    refusedText: text,
  };
}
