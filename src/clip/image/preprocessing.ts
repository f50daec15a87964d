// How a model's pixels are made: what is CLIP's, what the files beside the weights say, what the caller asks for.

import { INTERPOLATIONS, type Interpolation } from './filters.ts';
import { MEAN, STD } from './normalize.ts';
import { checkPipeline, RESIZES, type Geometry, type Pipeline, type Resize } from './pipelines.ts';

/** What differs from how CLIP's pixels are made. */
export interface PixelRules extends Geometry {
  /** The program whose way is gone. Default openai. */
  readonly pipeline?: Pipeline;
  /** What is subtracted per channel, of values from 0 to 1. Default: CLIP's. */
  readonly mean?: readonly number[];
  /** What is divided by. Default: CLIP's. */
  readonly std?: readonly number[];
}

/** How pixels are made, completely. */
export interface Preprocessing {
  readonly pipeline: Pipeline;
  /** R, the side of the square that the image tower takes. */
  readonly resolution: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly interpolation: Interpolation;
  readonly resize: Resize;
  /** The side that the resize makes, where a smaller crop follows. */
  readonly scaledTo?: number;
  /** The gray level of margins, with `resize: 'longest'`. */
  readonly fill?: number;
}

/**
 * The rules with CLIP's for what they leave out.
 * @param call the public function that was called, for messages
 * @throws TypeError or RangeError for a wrong rule, or `longest` with a pipeline that knows no such resize
 */
export function completeRules(resolution: number, rules: PixelRules, call: string): Preprocessing {
  if (!Number.isSafeInteger(resolution) || resolution < 1)
    throw new RangeError(`${call}: "resolution" expected an integer of at least 1, got ${String(resolution)}`);
  const { pipeline = 'openai', mean = MEAN, std = STD, interpolation = 'bicubic', resize = 'shortest' } = rules;
  const { scaledTo, fill } = rules;
  checkPipeline(pipeline);
  triple(mean, 'mean', call);
  triple(std, 'std', call);
  if (std.some((value) => !(value > 0)))
    throw new RangeError(`${call}: "std" expected three positive numbers, got ${std.join(', ')}`);
  oneOf(interpolation, INTERPOLATIONS, 'interpolation', call);
  oneOf(resize, RESIZES, 'resize', call);
  if (resize === 'longest' && pipeline !== 'openai' && pipeline !== 'fake-detect')
    throw new RangeError(
      `${call}: "pipeline" expected openai where the long side is resized (resize: 'longest'), got ${pipeline}, which ` +
        'cannot do that; leave the pipeline out',
    );
  if (scaledTo !== undefined && (!Number.isSafeInteger(scaledTo) || scaledTo < 1))
    throw new RangeError(`${call}: "scaledTo" expected an integer of at least 1, got ${String(scaledTo)}`);
  if (fill !== undefined && !(Number.isInteger(fill) && fill >= 0 && fill <= 255))
    throw new RangeError(`${call}: "fill" expected a gray level from 0 to 255, got ${String(fill)}`);
  return {
    pipeline,
    resolution,
    mean: [...mean],
    std: [...std],
    interpolation,
    resize,
    ...(scaledTo !== undefined && scaledTo !== resolution && { scaledTo }),
    ...(resize === 'longest' && { fill: fill ?? 0 }),
  };
}

function triple(values: readonly number[], argument: string, call: string): void {
  if (!Array.isArray(values))
    throw new TypeError(`${call}: "${argument}" expected an array of three numbers, got ${typeof values}`);
  if (values.length !== 3 || !values.every((value) => typeof value === 'number' && Number.isFinite(value)))
    throw new RangeError(
      `${call}: "${argument}" expected three finite numbers, got ` +
        values.map((value) => (typeof value === 'number' ? String(value) : typeof value)).join(', '),
    );
}

function oneOf(value: unknown, words: readonly string[], argument: string, call: string): void {
  if (!words.includes(value as string))
    throw new RangeError(`${call}: "${argument}" expected one of ${words.join(', ')}, got ${String(value)}`);
}

/** In words, for people. */
export function describePreprocessing(rules: Preprocessing): string {
  const { pipeline, resolution: R, mean, std, interpolation, resize, scaledTo = R, fill } = rules;
  const square = `${R} x ${R}`;
  const made =
    pipeline === 'fake-detect'
      ? `the middle ${square}, not resized`
      : resize === 'squash'
        ? `squashed to ${scaledTo} x ${scaledTo} (${interpolation})${scaledTo === R ? '' : `, cropped to ${square}`}`
        : resize === 'longest'
          ? `long side to ${R} (${interpolation}), filled up to ${square} with ${fill}`
          : `short side to ${scaledTo} (${interpolation}), cropped to ${square}`;
  return `${pipeline}: ${made}, mean ${mean.join(' ')}, std ${std.join(' ')}`;
}
