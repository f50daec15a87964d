import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from '../../../src/clip/image/decode.ts';
import { toRGB, type DecodedImage } from '../../../src/clip/image/image.ts';
import { cropPixels, PIPELINES, type Pipeline } from '../../../src/clip/image/pipelines.ts';
import { bytesOf, IMAGES, naiveResize, randomPicture, readJson, sha256, type Fault } from './support.ts';

// pipeline/file@n: the SHA-256 of the golden crop
const expected = readJson<Record<string, string>>(`${IMAGES}expected.json`);
const modes = readJson<{ files: Record<string, { crops: Record<string, string> }> }>(`${IMAGES}modes.json`).files;

const formats = readJson<{ files: Record<string, { crops: Record<string, string> }> }>(`${IMAGES}formats.json`).files;

const parse = (key: string): { pipeline: Pipeline; file: string; n: number } => {
  const [, pipeline, file, n] = /^(.+)\/(.+)@(\d+)$/.exec(key)!;
  return { pipeline: pipeline as Pipeline, file, n: Number(n) };
};

describe("Pillow's and torchvision's crops, value for value", () => {
  const files = [...new Set(Object.keys(expected).map((key) => parse(key).file))];
  test.each(files)('%s: three pipelines', async (file) => {
    const image = await decodeImage(bytesOf(IMAGES + file));
    const keys = Object.keys(expected).filter((key) => parse(key).file === file);
    expect(keys.length).toBe(5);
    expect(
      keys.filter((key) => sha256(cropPixels(image, parse(key).n, parse(key).pipeline)) !== expected[key]),
    ).toEqual([]);
  });

  test.each(Object.keys(modes))('modes/%s: three pipelines at 16, 33 and 224', async (file) => {
    const image = await decodeImage(bytesOf(`${IMAGES}modes/${file}`));
    const crops = Object.entries(modes[file].crops);
    expect(crops.length).toBe(9);
    expect(
      crops.filter(([key, hash]) => {
        const [pipeline, n] = key.split('@');
        return sha256(cropPixels(image, Number(n), pipeline as Pipeline)) !== hash;
      }),
    ).toEqual([]);
  });

  // By Pillow 12.3. It cannot resize mode I;16B, so that two files have four crops.
  test.each(Object.keys(formats))('formats/%s: three pipelines at 16 and 50', async (file) => {
    const image = await decodeImage(bytesOf(`${IMAGES}formats/${file}`));
    const crops = Object.entries(formats[file].crops);
    expect(crops.length).toBeGreaterThanOrEqual(4);
    expect(
      crops.filter(([key, hash]) => {
        const [pipeline, n] = key.split('@');
        return !sha256(cropPixels(image, Number(n), pipeline as Pipeline)).startsWith(hash);
      }),
    ).toEqual([]);
  });
});

describe('the golden crops catch', () => {
  let photo: DecodedImage, alpha: DecodedImage;
  beforeAll(async () => {
    photo = await decodeImage(bytesOf(`${IMAGES}rocket.jpg`));
    alpha = await decodeImage(bytesOf(`${IMAGES}coffee-alpha.png`));
  });

  /** OpenAI's pipeline at 32 by the independent resampler, with a fault and a crop that may be off. */
  const crop = (image: DecodedImage, fault: Fault, off = 0): Uint8Array => {
    const n = 32;
    const wide = Math.trunc((n * image.width) / image.height); // both pictures are wider than tall
    const channels = image.mode === 'RGBA' ? 4 : 3;
    const resized = naiveResize(image, wide, n, fault);
    const margin = (wide - n) / 2; // rocket: 47 - 32 = 15, coffee: 42 - 32 = 10
    const left = (margin % 1 === 0 ? margin : 2 * Math.round(margin / 2)) + off;
    return Uint8Array.from({ length: n * n * 3 }, (_, i) => {
      const c = i % 3,
        x = Math.floor(i / 3) % n,
        y = Math.floor(i / (3 * n));
      return resized[(y * wide + left + x) * channels + c];
    });
  };
  const rocket = expected['openai/rocket.jpg@32'],
    coffee = expected['openai/coffee-alpha.png@32'];

  test('nothing in a right pipeline', () => {
    expect(sha256(crop(photo, 'none'))).toBe(rocket);
    expect(sha256(crop(alpha, 'none'))).toBe(coffee);
  });
  test('a crop that is off by one', () => {
    expect(sha256(crop(photo, 'none', -1))).not.toBe(rocket);
    expect(sha256(crop(photo, 'none', 1))).not.toBe(rocket);
  });
  test.each<Fault>(['truncates', 'no antialiasing', 'a = -0.75', 'vertical first', 'no rounding between the passes'])(
    'a resampler with this fault: %s',
    (fault) => {
      expect(sha256(crop(photo, fault))).not.toBe(rocket);
    },
  );
  test('alpha that is not premultiplied', () => {
    expect(sha256(crop(alpha, 'no premultiplication'))).not.toBe(coffee);
  });
});

const side = fc.integer({ min: 1, max: 60 });
const rgb = fc
  .record({ width: side, height: side, seed: fc.integer() })
  .map(({ width, height, seed }) => randomPicture('RGB', width, height, seed));

describe('properties of the pipelines', () => {
  test('every pipeline gives n * n RGB triples for every mode and size', () => {
    const any = fc.record({
      mode: fc.constantFrom(
        '1' as const,
        'L' as const,
        'LA' as const,
        'P' as const,
        'RGBA' as const,
        'CMYK' as const,
        'I' as const,
      ),
      width: side,
      height: side,
      seed: fc.integer(),
    });
    fc.assert(
      fc.property(
        any,
        fc.constantFrom(...PIPELINES),
        fc.integer({ min: 1, max: 40 }),
        ({ mode, width, height, seed }, pipeline, n) => {
          expect(cropPixels(randomPicture(mode, width, height, seed), n, pipeline).length).toBe(n * n * 3);
        },
      ),
    );
  });

  test('on RGB pictures openai and huggingface agree unless a margin is 3 modulo 4', () => {
    fc.assert(
      fc.property(rgb, fc.integer({ min: 1, max: 40 }), (image, n) => {
        const short = Math.min(image.width, image.height),
          long = Math.max(image.width, image.height);
        fc.pre((Math.trunc((n * long) / short) - n) % 4 !== 3);
        expect(cropPixels(image, n, 'openai')).toEqual(cropPixels(image, n, 'huggingface'));
      }),
    );
  });

  test(
    'fake-detect copies: a pixel of the crop is the pixel of the picture that far from the middle, or a black ' +
      'margin',
    () => {
      // Python's round: to the nearest, a half to the even neighbour.
      const round = (x: number): number => (x - Math.floor(x) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));
      fc.assert(
        fc.property(rgb, fc.integer({ min: 1, max: 60 }), (image, n) => {
          const { width, height, data } = image;
          const left = width < n ? -Math.floor((n - width) / 2) : round((width - n) / 2);
          const top = height < n ? -Math.floor((n - height) / 2) : round((height - n) / 2);
          const expected = Array.from({ length: n * n * 3 }, (_, i) => {
            const x = left + (Math.floor(i / 3) % n),
              y = top + Math.floor(i / (3 * n));
            return x < 0 || y < 0 || x >= width || y >= height ? 0 : data[(y * width + x) * 3 + (i % 3)];
          });
          expect(Array.from(cropPixels(image, n, 'fake-detect'))).toEqual(expected);
        }),
      );
    },
  );

  test('converting to RGB first changes nothing for modes whose channels are resized alone', () => {
    fc.assert(
      fc.property(fc.record({ width: side, height: side, seed: fc.integer() }), ({ width, height, seed }) => {
        const gray = randomPicture('L', width, height, seed);
        expect(cropPixels(gray, 16)).toEqual(cropPixels(toRGB(gray), 16));
      }),
    );
  });
});

describe('misuse', () => {
  test('an unknown pipeline names them', () => {
    expect(() => cropPixels(randomPicture('L', 4, 4, 1), 4, 'clip' as Pipeline)).toThrow(
      new RangeError(
        '"pipeline" expected one of openai, huggingface, huggingface-torchvision, fake-detect, immich, got "clip"',
      ),
    );
  });
  test.each([0, -1, 1.5, NaN, '224'])('resolution %s', (n) => {
    expect(() => cropPixels(randomPicture('L', 4, 4, 1), n as number)).toThrow(
      /^"resolution" expected an integer of at least 1, got /,
    );
  });
});
