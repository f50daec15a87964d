import { describe, expect, test } from 'vitest';
import { decodeImage, type DecodeOptions } from '../../../src/clip/image/decode.ts';
import { toRGB, type DecodedImage } from '../../../src/clip/image/image.ts';
import { sniff } from '../../../src/clip/image/sniff.ts';
import { bytesOf, IMAGES, readJson, sha256 } from './support.ts';

const golden = readJson<Record<string, { mode: string; size: [number, number]; decoded_rgb_sha256: string }>>(
  `${IMAGES}images.json`,
);
const modes = readJson<{ files: Record<string, { mode: string; size: [number, number]; rgb: string }> }>(
  `${IMAGES}modes.json`,
).files;

const formats = readJson<{ files: Record<string, { mode: string; size: [number, number]; rgb: string }> }>(
  `${IMAGES}formats.json`,
).files;

/** How many samples differ, and by how much at most and on average. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): { differing: number; most: number; mean: number } {
  let differing = 0,
    most = 0,
    sum = 0;
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i] - b[i]);
    if (d > 0) differing++;
    if (d > most) most = d;
    sum += d;
  }
  return { differing: differing / a.length, most, mean: sum / a.length };
}
const rgbOf = async (file: string, options?: DecodeOptions): Promise<DecodedImage> =>
  toRGB(await decodeImage(bytesOf(IMAGES + file), options));

describe("Pillow's pixels", () => {
  test.each(Object.keys(golden))('%s', async (file) => {
    const image = await decodeImage(bytesOf(IMAGES + file));
    expect([image.mode, image.width, image.height]).toEqual([golden[file].mode, ...golden[file].size]);
    expect(sha256(toRGB(image).data)).toBe(golden[file].decoded_rgb_sha256);
  });

  test.each(Object.keys(modes))('modes/%s', async (file) => {
    const image = await decodeImage(bytesOf(`${IMAGES}modes/${file}`));
    expect([image.mode, image.width, image.height]).toEqual([modes[file].mode, ...modes[file].size]);
    expect(sha256(toRGB(image).data)).toBe(modes[file].rgb);
  });

  // GIF, BMP and TIFF of every kind, by Pillow 12.3.
  test('there are 150 of the formats without a codec', () => {
    expect(Object.keys(formats).length).toBeGreaterThan(150);
  });
  test.each(Object.keys(formats))('formats/%s', async (file) => {
    const bytes = bytesOf(`${IMAGES}formats/${file}`);
    const image = await decodeImage(bytes);
    expect([image.mode, image.width, image.height]).toEqual([formats[file].mode, ...formats[file].size]);
    expect(sha256(toRGB(image).data)).toBe(formats[file].rgb);
    const { width, height, format } = sniff(bytes);
    expect([width, height]).toEqual(formats[file].size);
    expect(format).toBe({ gif: 'GIF', bmp: 'BMP', tif: 'TIFF' }[file.split('.').at(-1)!]);
  });

  test.each(Object.keys(golden))('%s: sniff finds the size without decoding', (file) => {
    const { width, height, format } = sniff(bytesOf(IMAGES + file));
    expect([width, height]).toEqual(golden[file].size);
    expect(format).toBe({ png: 'PNG', jpg: 'JPEG', webp: 'WebP' }[file.split('.').at(-1)!]);
  });
});

const readings = readJson<{
  orientation: Record<string, { mode: string; size: [number, number]; rgb: string }>;
  truncated: [file: string, length: number, mode: string | null, rgb: string | null][];
}>(`${IMAGES}readings.json`);

describe('exifOrientation', () => {
  test.each(Object.keys(readings.orientation))("orientation/%s: exif_transpose's pixels", async (file) => {
    const { mode, size, rgb } = readings.orientation[file];
    const image = await decodeImage(bytesOf(`${IMAGES}orientation/${file}`), { exifOrientation: true });
    expect([image.mode, image.width, image.height]).toEqual([mode, ...size]);
    expect(sha256(toRGB(image).data)).toBe(rgb);
  });
  test('is not applied without the option', async () => {
    const stored = await rgbOf('orientation/1.jpg');
    expect((await rgbOf('orientation/6.jpg')).data).toEqual(stored.data);
    expect((await rgbOf('orientation/6.jpg', { exifOrientation: true })).width).toBe(stored.height);
  });
});

describe('tolerateTruncated', () => {
  // Cut inside its palette, and inside its directory: Pillow goes on with what it has of them.
  const REFUSED = ['formats/palette-8.bmp', 'formats/gray-8-signed.tif'];
  test.each(readings.truncated)(
    "%s cut to %i bytes: Pillow's pixels, or refused as by Pillow",
    async (file, length, mode, rgb) => {
      const bytes = bytesOf(IMAGES + file).subarray(0, length);
      const image = await decodeImage(bytes, { tolerateTruncated: true }).catch((error: unknown) => error as Error);
      if (rgb === null || REFUSED.includes(file)) {
        expect(image).toBeInstanceOf(Error);
        return;
      }
      if (image instanceof Error) throw image;
      expect([image.mode, sha256(toRGB(image).data)]).toEqual([mode, rgb]);
    },
  );
  test('there are enough that are read', () => {
    expect(readings.truncated.filter(([, , , rgb]) => rgb !== null).length).toBeGreaterThan(150);
  });
  test.each(['exifOrientation', 'tolerateTruncated'])('%s is true or false', async (name) => {
    await expect(rgbOf('one-pixel.png', { [name]: 1 })).rejects.toThrow(
      `decodeImage: "${name}" expected true or false`,
    );
  });
});

describe('the JPEG decoder in TypeScript alone', () => {
  const files = [...Object.keys(golden), ...Object.keys(modes).map((file) => `modes/${file}`)].filter((file) =>
    file.endsWith('.jpg'),
  );
  test.each(files)("%s: Pillow's pixels", async (file) => {
    const expected = file.startsWith('modes/') ? modes[file.slice(6)] : golden[file];
    const image = await decodeImage(bytesOf(IMAGES + file), { jpeg: 'typescript' });
    expect(image.mode).toBe(expected.mode);
    expect(sha256(toRGB(image).data)).toBe('rgb' in expected ? expected.rgb : expected.decoded_rgb_sha256);
  });
  test('is needed for 4:4:0, which mozjpeg upsamples otherwise than Pillow', async () => {
    expect(sha256((await rgbOf('modes/rgb-440.jpg', { jpeg: 'mozjpeg' })).data)).not.toBe(modes['rgb-440.jpg'].rgb);
  });
  test('is needed for CMYK, which mozjpeg does not convert', async () => {
    await expect(rgbOf('coffee-cmyk.jpg', { jpeg: 'mozjpeg' })).rejects.toThrow(
      /^JPEG: expected gray or colour for the decoder mozjpeg, got CMYK; use the decoder auto$/,
    );
  });
});

describe('jpeg-js', () => {
  // Measured: the inverse cosine transform alone is off by 1; chroma upsampling to the nearest instead of a triangle
  // costs up to 36.
  test.each([
    ['camera-gray.jpg', 1, 0.1],
    ['coffee-444-q95.jpg', 4, 0.6],
    ['coffee-420-q75.jpg', 36, 1.5],
    ['coffee-progressive.jpg', 36, 1.5],
    ['rocket.jpg', 36, 1.5],
    ['coffee-cmyk.jpg', 1, 0.1],
  ])('%s differs from the default by at most %i, on average %d', async (file, most, mean) => {
    const [exact, portable] = [await rgbOf(file), await rgbOf(file, { jpeg: 'jpeg-js' })];
    const d = difference(exact.data, portable.data);
    expect(d.most).toBeLessThanOrEqual(most);
    expect(d.mean).toBeLessThanOrEqual(mean);
    expect(d.differing).toBeGreaterThan(0); // it is another decoder indeed
  });
  test('the mode is that of the default', async () => {
    expect((await decodeImage(bytesOf(`${IMAGES}camera-gray.jpg`), { jpeg: 'jpeg-js' })).mode).toBe('L');
    expect((await decodeImage(bytesOf(`${IMAGES}rocket.jpg`), { jpeg: 'jpeg-js' })).mode).toBe('RGB');
  });
});

describe('decoders in WASM', () => {
  test('leave no global ImageData behind', async () => {
    await Promise.all([rgbOf('rocket.jpg'), rgbOf('coffee-lossy.webp')]);
    expect('ImageData' in globalThis).toBe(false);
  });

  test('decode as before after a picture that made them give up', async () => {
    for (const file of ['rocket.jpg', 'coffee-lossy.webp']) {
      const good = bytesOf(IMAGES + file);
      const bad = good.slice();
      if (file.endsWith('.jpg')) {
        // DHT: the counts of Huffman codes
        const tables = bad.findIndex((byte, i) => byte === 0xff && bad[i + 1] === 0xc4);
        bad.fill(0xff, tables + 5, tables + 21);
      } else bad.fill(0xff, 40, 400);
      for (let round = 0; round < 3; round++) {
        await expect(decodeImage(bad)).rejects.toThrow(/damaged|missing/);
        expect(sha256(toRGB(await decodeImage(good)).data)).toBe(golden[file].decoded_rgb_sha256);
      }
    }
  });

  test('many at once do not mix', async () => {
    const files = Object.keys(golden);
    const all = await Promise.all([...files, ...files].map(async (file) => sha256((await rgbOf(file)).data)));
    expect(all).toEqual([...files, ...files].map((file) => golden[file].decoded_rgb_sha256));
  });
});
