import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DecodedImage, ImageMode } from '../../../src/clip/image/image.ts';
import { resize } from '../../../src/clip/image/resample.ts';
import { CHANNELS, IMAGES, naiveResize, naiveWeights, randomPicture, readJson, sha256, type Fault } from './support.ts';

type Case = [
  mode: ImageMode,
  width: number,
  height: number,
  outWidth: number,
  outHeight: number,
  seed: number,
  hash: string,
];
const golden = readJson<{ pillow: string; cases: Case[] }>(`${IMAGES}resize.json`);
const modes = [...new Set(golden.cases.map(([mode]) => mode))];

const hashOf = (image: DecodedImage): string => sha256(image.mode === 'I' ? Int32Array.from(image.data) : image.data);

describe("Pillow's resize, bit for bit", () => {
  for (const mode of modes) {
    const cases = golden.cases.filter((c) => c[0] === mode);
    test(`mode ${mode}: all ${cases.length} sizes of resize.json`, () => {
      expect(cases.length).toBeGreaterThan(50);
      const wrong = cases.filter(
        ([, width, height, outWidth, outHeight, seed, hash]) =>
          hashOf(resize(randomPicture(mode, width, height, seed), outWidth, outHeight)) !== hash,
      );
      expect(wrong).toEqual([]);
    });
  }
});

// The judge of the properties below is itself held to Pillow, and so are its faults: each must be seen by the golden
// cases.
describe('the golden cases catch', () => {
  const bicubic = golden.cases.filter(
    ([mode, width, height, outWidth, outHeight]) =>
      ['L', 'LA', 'RGB', 'RGBA', 'CMYK'].includes(mode) && width * height < 6_000 && outWidth * outHeight < 6_000,
  );
  /** How many cases see the fault, counted no further than to `most`. */
  const wrong = (fault: Fault, most: number): number => {
    let count = 0;
    for (const [mode, width, height, outWidth, outHeight, seed, hash] of bicubic) {
      if (sha256(naiveResize(randomPicture(mode, width, height, seed), outWidth, outHeight, fault)) !== hash) count++;
      if (count === most) break;
    }
    return count;
  };

  test('no fault in the independent resampler', () => {
    expect(wrong('none', 1)).toBe(0);
  });
  const faults: Fault[] = [
    'truncates',
    'no antialiasing',
    'no premultiplication',
    'half a pixel off',
    'a = -0.75',
    'no rounding between the passes',
    'vertical first',
    'weights not normalised',
  ];
  test.each(faults)('a resampler with this fault: %s', (fault) => {
    expect(wrong(fault, 21)).toBe(21);
  });
});

const side = fc.integer({ min: 1, max: 40 });
const picture = (...of: ImageMode[]): fc.Arbitrary<DecodedImage> =>
  fc
    .record({ mode: fc.constantFrom(...of), width: side, height: side, seed: fc.integer() })
    .map(({ mode, width, height, seed }) => randomPicture(mode, width, height, seed));
const ALL: ImageMode[] = ['1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'CMYK', 'I'];

describe('properties of resize', () => {
  test('a picture resized to its own size is the same picture', () => {
    fc.assert(
      fc.property(picture(...ALL), (image) => {
        expect(Array.from(resize(image, image.width, image.height).data)).toEqual(Array.from(image.data));
      }),
    );
  });

  test('a picture of one colour keeps it at every size', () => {
    fc.assert(
      fc.property(picture('L', 'RGB', 'CMYK', 'P'), side, side, (image, outWidth, outHeight) => {
        const channels = CHANNELS[image.mode];
        const colour = image.data.subarray(0, channels);
        const flat = { ...image, data: Uint8Array.from(image.data, (_, i) => colour[i % channels]) };
        expect(resize(flat, outWidth, outHeight).data.every((value, i) => value === colour[i % channels])).toBe(true);
      }),
    );
  });

  test('any window of the output equals that part of the whole output', () => {
    const part = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(picture(...ALL), side, side, part, part, (image, outWidth, outHeight, across, down) => {
        const span = ([from, length]: [number, number], size: number): [number, number] => {
          const start = Math.min(size - 1, Math.floor(from * size));
          return [start, Math.max(1, Math.floor(length * (size - start)))];
        };
        const [left, width] = span(across, outWidth),
          [top, height] = span(down, outHeight);
        const channels = CHANNELS[image.mode];
        const whole = resize(image, outWidth, outHeight).data;
        const expected = Array.from({ length: height }, (_, y) =>
          Array.from(
            whole.subarray(((top + y) * outWidth + left) * channels, ((top + y) * outWidth + left + width) * channels),
          ),
        ).flat();
        expect(Array.from(resize(image, outWidth, outHeight, { left, top, width, height }).data)).toEqual(expected);
      }),
    );
  });

  test('every value lies within the two roundings of float64 arithmetic on the same weights', () => {
    fc.assert(
      fc.property(picture('L'), side, side, (image, outWidth, outHeight) => {
        const { width, height, data } = image;
        const out = resize(image, outWidth, outHeight).data;
        const across = naiveWeights(width, outWidth),
          down = naiveWeights(height, outHeight);
        const clip = (x: number): number => Math.min(255, Math.max(0, x));
        let worst = 0; // NaN stays NaN, and fails
        for (let y = 0; y < outHeight; y++) {
          // One rounding at the end, and one in each sample of the first pass, which the second pass weighs by |w|;
          // 0.01 for the fixed-point weights.
          const bound = 0.51 + 0.5 * down[y].w.reduce((s, w) => s + Math.abs(w), 0);
          for (let x = 0; x < outWidth; x++) {
            const column = down[y].w.map((_, j) =>
              clip(across[x].w.reduce((s, w, i) => s + w * data[(down[y].from + j) * width + across[x].from + i], 0)),
            );
            const exact = clip(down[y].w.reduce((s, w, j) => s + w * column[j], 0));
            worst = Math.max(worst, Math.abs(out[y * outWidth + x] - exact) / bound);
          }
        }
        expect(worst).toBeLessThanOrEqual(1);
      }),
      { numRuns: 25 },
    );
  });

  test('channels do not mix: RGB equals three gray pictures, whatever the sizes', () => {
    fc.assert(
      fc.property(picture('RGB'), side, side, (image, outWidth, outHeight) => {
        const together = resize(image, outWidth, outHeight).data;
        for (let c = 0; c < 3; c++) {
          const plane = {
            ...image,
            mode: 'L' as const,
            data: Uint8Array.from({ length: image.width * image.height }, (_, i) => image.data[i * 3 + c]),
          };
          expect(Array.from(together.filter((_, i) => i % 3 === c))).toEqual(
            Array.from(resize(plane, outWidth, outHeight).data),
          );
        }
      }),
    );
  });

  test('height is treated as width: one axis resized commutes with transposing, in every mode', () => {
    const transposed = (image: DecodedImage): DecodedImage => {
      const channels = CHANNELS[image.mode];
      const data = image.data.slice();
      for (let y = 0; y < image.height; y++)
        for (let x = 0; x < image.width; x++)
          for (let c = 0; c < channels; c++) {
            data[(x * image.height + y) * channels + c] = image.data[(y * image.width + x) * channels + c];
          }
      return { ...image, width: image.height, height: image.width, data };
    };
    fc.assert(
      fc.property(picture(...ALL), side, (image, outWidth) => {
        const wide = resize(image, outWidth, image.height);
        const tall = resize(transposed(image), image.height, outWidth);
        expect(Array.from(transposed(tall).data)).toEqual(Array.from(wide.data));
      }),
    );
  });

  test('opaque pictures are resized as if they had no alpha', () => {
    fc.assert(
      fc.property(picture('RGBA'), side, side, (image, outWidth, outHeight) => {
        const opaque = { ...image, data: Uint8Array.from(image.data, (value, i) => (i % 4 === 3 ? 255 : value)) };
        const rgb = { ...image, mode: 'RGB' as const, data: image.data.filter((_, i) => i % 4 !== 3) as Uint8Array };
        const out = resize(opaque, outWidth, outHeight).data;
        expect(Array.from(out.filter((_, i) => i % 4 !== 3))).toEqual(
          Array.from(resize(rgb, outWidth, outHeight).data),
        );
        expect(out.every((value, i) => i % 4 !== 3 || value === 255)).toBe(true);
      }),
    );
  });

  test('a crop out of a picture of extreme shape costs no memory for the rest', () => {
    // Whole, this output would have 224 x 22,400,000 samples.
    const line = randomPicture('L', 1, 100_000, 1);
    const out = resize(line, 224, 22_400_000, { left: 0, top: 11_199_888, width: 224, height: 224 });
    expect(out.data.length).toBe(224 * 224);
  });
});

describe('misuse of resize', () => {
  const image = randomPicture('L', 4, 4, 1);
  test.each([
    [0, 4],
    [4, 0],
    [-1, 4],
    [1.5, 4],
    [NaN, 4],
    [4, Infinity],
  ])('size %s x %s', (width, height) => {
    expect(() => resize(image, width, height)).toThrow(/^resize: expected a width and a height of at least 1, got /);
  });
  test.each([
    { left: -1, top: 0, width: 1, height: 1 },
    { left: 0, top: 3, width: 1, height: 2 },
    { left: 0, top: 0, width: 0, height: 1 },
    { left: 0.5, top: 0, width: 1, height: 1 },
  ])('window %o', (window) => {
    expect(() => resize(image, 4, 4, window)).toThrow(/^resize: "window" expected a part of 4 x 4, got /);
  });
});
