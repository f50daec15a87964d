// Faults in how pixels come in. They are seen where the image enters: in the first convolution.

import { MEAN as CLIP_MEAN, STD as CLIP_STD } from '../../../clip/image/normalize.ts';
import type { Preprocessing } from '../../../clip/image/preprocessing.ts';
import { IMAGENET_MEAN, IMAGENET_STD } from './statistics.ts';
import type { Fault } from '../fault.ts';
import { dense, mappedByChannel, picked, range, reread } from '../tensors.ts';
import type { Tensor } from '../../../ops/tensor.ts';

/** How a model's pixels are normalised. */
export type Statistics = Pick<Preprocessing, 'mean' | 'std'>;

const reversed = (n: number): number[] => range(n).reverse();

/** Pixels from further down (positive) and further right; what comes in at the border is unknown. */
const shifted =
  (down: number, right: number) =>
  (x: Tensor): Tensor => {
    const moved = (n: number, by: number): (number | null)[] =>
      range(n).map((i) => (i + by >= 0 && i + by < n ? i + by : null));
    return picked(picked(x, 2, moved(x.shape[2], down)), 3, moved(x.shape[3], right));
  };

const shifts = [1, -1, 2, -2, 0]
  .flatMap((down) => [1, -1, 2, -2, 0].map((right) => [down, right] as const))
  .filter(([down, right]) => down !== 0 || right !== 0);

const inWords = (n: number, positive: string, negative: string): string[] =>
  n === 0 ? [] : [`${Math.abs(n)} ${n > 0 ? positive : negative}`];

/** @param statistics the model's own, which a right port has */
export function imageFaults({ mean, std }: Statistics): readonly Fault[] {
  const whose = mean.join() === CLIP_MEAN.join() && std.join() === CLIP_STD.join() ? "CLIP's" : "this model's";
  const take = `${whose} (${mean.join(', ')}) and (${std.join(', ')})`;
  /** Undoes the normalisation (v = x·std + mean, from 0 to 1), then goes on with `f`; `c` is the channel. */
  const fromPixels =
    (f: (v: number, c: number) => number) =>
    (x: Tensor): Tensor =>
      mappedByChannel(x, (value, c) => f(value * std[c] + mean[c], c));
  const same = (a: readonly number[], b: readonly number[]): boolean => a.join() === b.join();
  /** Normalised with another mean and std than the model's; nothing to try where these are the model's. */
  const normalisedBy = (name: string, whose: string, m: readonly number[], s: readonly number[]): Fault[] =>
    same(m, mean) && same(s, std)
      ? []
      : [
          {
            name,
            explanation: `The image is normalised ${whose}; take ${take}.`,
            image: fromPixels((v, c) => (v - m[c]) / s[c]),
          },
        ];
  return [
    {
      name: 'bgr',
      explanation:
        'The channels come in the order blue, green, red; exchange the first and the third before the network.',
      image: (x) => picked(x, 1, [2, 1, 0]),
    },
    {
      name: 'no-normalization',
      explanation: `Pixels go in from 0 to 1, not normalised; subtract ${whose} mean and divide by its std.`,
      image: fromPixels((v) => v),
    },
    {
      name: 'pixels-0-255',
      explanation: `Pixels go in from 0 to 255; divide by 255, subtract ${whose} mean and divide by its std.`,
      image: fromPixels((v) => 255 * v),
    },
    {
      name: 'not-divided-by-255',
      explanation: 'Mean and std are applied to pixels from 0 to 255; divide by 255 first.',
      image: fromPixels((v, c) => (255 * v - mean[c]) / std[c]),
    },
    ...normalisedBy('imagenet-mean-std', "with ImageNet's mean and std", IMAGENET_MEAN, IMAGENET_STD),
    ...normalisedBy('half-mean-std', 'to -1 … 1 (mean and std 0.5)', [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
    ...normalisedBy('clip-mean-std', "with OpenAI's mean and std", CLIP_MEAN, CLIP_STD),
    {
      name: 'mean-std-of-bgr',
      explanation:
        "The channels' means and stds are exchanged, blue's for red; put them into the order of the channels.",
      image: fromPixels((v, c) => (v - mean[2 - c]) / std[2 - c]),
    },
    {
      name: 'normalized-twice',
      explanation: 'The image is normalised twice; leave it to the preprocessing or to the network, not both.',
      image: (x) => mappedByChannel(x, (value, c) => (value - mean[c]) / std[c]),
    },
    {
      name: 'image-mirrored',
      explanation: 'The image goes in mirrored, left for right; read its rows the other way.',
      image: (x) => picked(x, 3, reversed(x.shape[3])),
    },
    {
      name: 'image-upside-down',
      explanation: 'The image goes in upside down; read its rows from the top.',
      image: (x) => picked(x, 2, reversed(x.shape[2])),
    },
    {
      name: 'image-rotated',
      explanation: 'The image goes in turned by 180 degrees; read its pixels in order, and mind the EXIF orientation.',
      image: (x) => picked(picked(x, 2, reversed(x.shape[2])), 3, reversed(x.shape[3])),
    },
    {
      name: 'image-transposed',
      explanation: 'Height and width of the image are exchanged; index pixels as row, then column.',
      image: (x) => dense(x.transpose(0, 1, 3, 2) as Tensor),
    },
    {
      name: 'image-channels-last',
      explanation:
        "The image's buffer is height x width x channels, but is read as channels x height x width; transpose it.",
      image: (x) => reread(x.transpose(0, 2, 3, 1), x.shape),
    },
    {
      name: 'image-channels-last',
      explanation:
        "The image's buffer is channels x height x width, but is read as height x width x channels; leave out " +
        'the transposition.',
      image: (x) => dense(reread(x, [x.shape[0], x.shape[2], x.shape[3], x.shape[1]]).transpose(0, 3, 1, 2) as Tensor),
    },
    ...shifts.map(([down, right]) => ({
      name: 'crop-shifted',
      explanation:
        'The crop is ' +
        `${[...inWords(down, 'down', 'up'), ...inWords(right, 'to the right', 'to the left')].join(' and ')} ` +
        `(pixels) from where it should; mind how the crop's corner is rounded.`,
      image: shifted(down, right),
      partial: true,
    })),
  ];
}
