// How pixels are made, as files beside the weights say: preprocess_cfg in open_clip_config.json, and
// preprocessor_config.json (transformers) in its old and new forms.

import { isObject } from '../../formats/json.ts';
import type { Interpolation } from '../image/filters.ts';
import { completeRules, type PixelRules } from '../image/preprocessing.ts';
import type { Resize } from '../image/pipelines.ts';
import { oddField } from './config-fields.ts';
import { OPEN_CLIP_PIXELS, TRANSFORMERS_PIXELS } from './config-tables.ts';

export interface ConfiguredPixels {
  /** The file that says it, for messages. */
  readonly file: string;
  readonly rules: PixelRules;
  /** The side of the crop; null if the file leaves it to the model. */
  readonly resolution: number | null;
}

type Json = Readonly<Record<string, unknown>>;

/** @throws Error that names the field which cannot be followed */
export function openClipPixels(config: Json, file: string): ConfiguredPixels {
  refuse(oddField(config, OPEN_CLIP_PIXELS, [file, 'preprocess_cfg']));
  const { size, mean, std, interpolation, resize_mode: resize, fill_color: fill } = config;
  const rules: PixelRules = withoutNothing({
    mean: triple(mean),
    std: triple(std),
    // open_clip takes bicubic for it where nothing is trained
    interpolation: (interpolation === 'random' ? 'bicubic' : interpolation) as Interpolation | undefined,
    resize: resize as Resize | undefined,
    fill: resize === 'longest' ? fill : undefined,
  });
  return checked({
    file,
    rules,
    resolution: size === null || size === undefined ? null : side(size, file, 'preprocess_cfg.size'),
  });
}

/** @throws Error that names the field which cannot be followed */
export function transformersPixels(config: Json, file: string): ConfiguredPixels {
  refuse(oddField(config, TRANSFORMERS_PIXELS, [file, '']));
  const { image_mean: mean, image_std: std, resample, image_processor_type: type } = config;
  const cropped = config.do_center_crop ?? true;
  const size = config.size ?? { shortest_edge: 224 };
  // an integer was the short side in old files, unless they ask for a square
  const short =
    typeof size === 'number' && config.default_to_square !== true
      ? size
      : isObject(size) && Object.keys(size).join() === 'shortest_edge'
        ? size.shortest_edge
        : null;
  const scaledTo = side(short ?? size, file, 'size');
  if (short !== null && cropped !== true)
    throw new Error(
      `"${file}" has false in the field "do_center_crop", expected true where "size" is that of the short side: the ` +
        'model takes squares; such pictures cannot be made here',
    );
  const resolution = cropped === true ? side(config.crop_size ?? 224, file, 'crop_size') : scaledTo;
  const rules: PixelRules = withoutNothing({
    pipeline: type === 'CLIPImageProcessorFast' ? 'huggingface-torchvision' : 'huggingface',
    mean: triple(mean),
    std: triple(std),
    interpolation:
      resample === null || resample === undefined
        ? undefined
        : ({ 0: 'nearest', 2: 'bilinear', 3: 'bicubic' } as const)[resample as 0],
    resize: short === null ? 'squash' : undefined,
    scaledTo: scaledTo === resolution ? undefined : scaledTo,
  });
  return checked({ file, rules, resolution });
}

function refuse(sentence: string | null): void {
  if (sentence !== null) throw new Error(sentence);
}

/** Rules that `preprocessor` would refuse are refused here, with the file's name. */
function checked(pixels: ConfiguredPixels): ConfiguredPixels {
  try {
    completeRules(pixels.resolution ?? 1, pixels.rules, pixels.file);
  } catch (error) {
    throw new Error(`"${pixels.file}": ${(error as Error).message.slice(pixels.file.length + 2)}`, { cause: error });
  }
  return pixels;
}

/** A number for all three channels, or one for each. */
const triple = (value: unknown): unknown =>
  typeof value === 'number' ? [value, value, value] : Array.isArray(value) && value.length === 0 ? undefined : value;

/** The side of a square: 224, [224, 224], { height: 224, width: 224 }. */
function side(value: unknown, file: string, field: string): number {
  const sides = Array.isArray(value)
    ? value
    : isObject(value) && Object.keys(value).sort().join() === 'height,width'
      ? [value.height, value.width]
      : [value];
  const [first] = sides as unknown[];
  if (sides.length > 2 || !sides.every((one) => one === first) || !Number.isSafeInteger(first) || (first as number) < 1)
    throw new Error(
      `"${file}" has ${JSON.stringify(value).slice(0, 60)} in the field "${field}", expected the side of a square; ` +
        'such pictures cannot be made here',
    );
  return first as number;
}

function withoutNothing(rules: Record<string, unknown>): PixelRules {
  return Object.fromEntries(Object.entries(rules).filter(([, value]) => value !== undefined && value !== null));
}
