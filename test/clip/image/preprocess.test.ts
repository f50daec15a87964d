import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { normalize } from '../../../src/clip/image/normalize.ts';
import { cropPixels, PIPELINES, type Pipeline } from '../../../src/clip/image/pipelines.ts';
import { preprocessor, readImage, type ImageInput } from '../../../src/clip/image/preprocess.ts';
import { bytesOf, IMAGES, PICTURES, randomPicture, readJson, sha256 } from './support.ts';

describe('the pixel tensors of the mini models', () => {
  const expected = readJson<Record<string, string>>(`${PICTURES}expected.json`);
  const preprocess = preprocessor(64);
  test.each(Object.keys(expected))("%s: PyTorch's float32, bit for bit", async (name) => {
    const x = await preprocess(PICTURES + name);
    expect(x.shape).toEqual([1, 3, 64, 64]);
    expect(x.stride).toEqual([3 * 64 * 64, 64 * 64, 64, 1]);
    expect(sha256(x.data)).toBe(expected[name]);
  });
  test('there are 17', () => {
    expect(Object.keys(expected).length).toBe(17);
  });
});

describe('normalize', () => {
  // torch 1.13 and torchvision 0.14.1: ToTensor and Normalize of the gray levels 0, 1, 127, 254 and 255 (red, green,
  // blue), made with Compose([ToTensor(), Normalize(mean, std)])(Image.new('RGB', (1, 1), (v, v,
  // v))).numpy().view(uint32).
  const torch: [number, number[]][] = [
    [0, [0xbfe568dc, 0xbfe044b8, 0xbfbd77d8]],
    [1, [0xbfe38a7f, 0xbfde58f1, 0xbfbba5e1]],
    [127, [0x3d7ce092, 0x3e1d9531, 0x3ea6c5e6]],
    [254, [0x3ff536e5, 0x4003d502, 0x40086d66]],
    [255, [0x3ff71541, 0x4004cae5, 0x40095660]],
  ];
  test.each(torch)("gray level %i as PyTorch's bits", (value, bits) => {
    const x = normalize(Uint8Array.of(value, value, value), 1);
    expect(Array.from(new Uint32Array(x.data.buffer), (b) => b.toString(16))).toEqual(bits.map((b) => b.toString(16)));
  });
  test('roundings left out would be seen: 451 of the 768 values change', () => {
    let differing = 0;
    const mean = [0.48145466, 0.4578275, 0.40821073].map(Math.fround),
      std = [0.26862954, 0.26130258, 0.27577711].map(Math.fround);
    for (let v = 0; v < 256; v++) {
      const x = normalize(Uint8Array.of(v, v, v), 1);
      for (let c = 0; c < 3; c++) if (x.data[c] !== Math.fround((v / 255 - mean[c]) / std[c])) differing++;
    }
    expect(differing).toBe(451); // counted with NumPy and PyTorch
  });
});

describe('inputs', () => {
  const file = `${IMAGES}chelsea.png`;
  test('a path, the same bytes and the same pixels give the same tensor, in every pipeline', async () => {
    const { width, height, data } = await readImage(file);
    const preprocess = preprocessor(48);
    for (const pipeline of PIPELINES) {
      const [a, b, c] = await Promise.all([
        preprocess(file, { pipeline }),
        preprocess(bytesOf(file), { pipeline }),
        preprocess({ data: data as Uint8Array, width, height, channels: 3 }, { pipeline }),
      ]);
      expect(b.data).toEqual(a.data);
      expect(c.data).toEqual(a.data);
    }
  });

  test.each([
    [1, 'L'],
    [2, 'LA'],
    [3, 'RGB'],
    [4, 'RGBA'],
  ] as const)('%i channels are mode %s', async (channels, mode) => {
    const image = randomPicture(mode, 31, 40, 7);
    const x = await preprocessor(20)({ data: new Uint8ClampedArray(image.data), width: 31, height: 40, channels });
    expect(x.data).toEqual(normalize(cropPixels(image, 20), 20).data);
  });

  test('the pipeline of the call goes before that of the preprocessor', async () => {
    const openai = await preprocessor(48)(file);
    const fake = await preprocessor(48, { pipeline: 'fake-detect' })(file);
    expect(fake.data).not.toEqual(openai.data);
    expect((await preprocessor(48, { pipeline: 'fake-detect' })(file, { pipeline: 'openai' })).data).toEqual(
      openai.data,
    );
    expect((await preprocessor(48)(file, { pipeline: 'fake-detect' })).data).toEqual(fake.data);
    expect((await preprocessor(48)(file, { pipeline: undefined })).data).toEqual(openai.data);
  });

  test('a view into a larger buffer is read from where it begins', async () => {
    const image = randomPicture('RGB', 9, 9, 3);
    const buffer = new Uint8Array(500);
    buffer.set(image.data, 100);
    const view = buffer.subarray(100, 100 + 243);
    expect((await preprocessor(5)({ data: view, width: 9, height: 9, channels: 3 })).data).toEqual(
      normalize(cropPixels(image, 5), 5).data,
    );
    const bytes = bytesOf(file),
      shifted = new Uint8Array(bytes.length + 77);
    shifted.set(bytes, 33);
    expect((await preprocessor(48)(shifted.subarray(33, 33 + bytes.length))).data).toEqual(
      (await preprocessor(48)(bytes)).data,
    );
    const jpeg = bytesOf(`${IMAGES}rocket.jpg`),
      webp = bytesOf(`${IMAGES}coffee-alpha.webp`);
    for (const whole of [jpeg, webp]) {
      const more = new Uint8Array(whole.length + 77).fill(0xff);
      more.set(whole, 33);
      expect((await preprocessor(48)(more.subarray(33, 33 + whole.length))).data).toEqual(
        (await preprocessor(48)(whole)).data,
      );
    }
  });

  test("the picture's memory is not written to", async () => {
    for (const name of ['coffee-alpha.png', 'rocket.jpg', 'coffee-alpha.webp']) {
      const bytes = bytesOf(IMAGES + name),
        before = bytes.slice();
      await preprocessor(32)(bytes);
      expect(bytes).toEqual(before);
    }
    const data = Uint8Array.from(randomPicture('RGBA', 30, 20, 1).data),
      before = data.slice();
    await preprocessor(32)({ data, width: 30, height: 20, channels: 4 });
    expect(data).toEqual(before);
  });
});

describe('misuse', () => {
  const preprocess = preprocessor(16);
  const data = new Uint8Array(12);
  test.each<[unknown, string]>([
    [
      undefined,
      'image: expected a path, a URL, a Uint8Array, ArrayBuffer or Blob with a file, or { data, width, height, ' +
        'channels }, got undefined',
    ],
    [null, 'got null'],
    [7, 'got number'],
    [{}, 'got Object'],
    [[1, 2], 'got Array'],
    [new Uint16Array(4), 'got Uint16Array'],
    [
      { data: [1, 2, 3], width: 1, height: 1, channels: 3 },
      'image: "data" expected a Uint8Array or Uint8ClampedArray of 8-bit samples, got Array',
    ],
    [{ data: new Float32Array(12), width: 2, height: 2, channels: 3 }, 'got Float32Array'],
  ])('%o is a TypeError', async (image, message) => {
    const error = await preprocess(image as ImageInput).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain(message);
  });
  test.each<[unknown, string]>([
    [
      { data, width: 2, height: 2, channels: 4 },
      'image: "data" expected width * height * channels = 16 samples, got 12',
    ],
    [{ data, width: 0, height: 2, channels: 3 }, '"width" and "height" expected positive integers, got 0 and 2'],
    [{ data, width: 2, height: NaN, channels: 3 }, 'got 2 and NaN'],
    [{ data, width: 2.5, height: 2, channels: 3 }, 'got 2.5 and 2'],
    [
      { data, width: 2, height: 2, channels: 5 },
      'image: "channels" expected 1 (gray), 2 (gray and alpha), 3 (RGB) or 4 (RGBA), got 5',
    ],
    [{ data, width: 2, height: 2 }, 'got undefined'],
  ])('%o is a RangeError', async (image, message) => {
    const error = await preprocess(image as ImageInput).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toContain(message);
  });
  test('an unknown pipeline names them, early and late', async () => {
    const message =
      '"pipeline" expected one of openai, huggingface, huggingface-torchvision, fake-detect, immich, got "ufd"';
    expect(() => preprocessor(16, { pipeline: 'ufd' as Pipeline })).toThrow(new RangeError(message));
    await expect(
      preprocess({ data, width: 2, height: 2, channels: 3 }, { pipeline: 'ufd' as Pipeline }),
    ).rejects.toThrow(new RangeError(message));
    await expect(preprocess('no such file', { pipeline: 'ufd' as Pipeline })).rejects.toThrow(new RangeError(message));
  });
  test.each([0, -1, 2.5, NaN, '224', undefined])('resolution %s', (resolution) => {
    expect(() => preprocessor(resolution as number)).toThrow(
      /^preprocessor: "resolution" expected an integer of at least 1, got /,
    );
  });
});

describe('files that cannot be read', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'clip-oracle-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const preprocess = preprocessor(16);
  const message = async (path: string): Promise<string> =>
    ((await preprocess(path).catch((e: unknown) => e as Error)) as Error).message;

  test('no such file', async () => {
    expect(await message(join(folder, 'none.jpg'))).toBe(`${join(folder, 'none.jpg')}: does not exist; check the path`);
  });
  test('a folder', async () => {
    expect(await message(folder)).toBe(`${folder}: is a folder; name a file in it`);
  });
  test('a path through a file', async () => {
    writeFileSync(join(folder, 'a'), '');
    expect(await message(join(folder, 'a', 'b.png'))).toMatch(/: names a file as if it were a folder; check the path$/);
  });
  test('a file without permission', async ({ skip }) => {
    const path = join(folder, 'secret.png');
    writeFileSync(path, 'x');
    chmodSync(path, 0);
    skip(process.getuid?.() === 0, 'root may read everything');
    expect(await message(path)).toBe(`${path}: may not be read by this user; change its permissions`);
  });
  test('a name with a zero byte', async () => {
    expect(await message('a\0b')).not.toContain('\n');
  });
  test('an error about the content begins with the path', async () => {
    const path = join(folder, 'empty.jpg');
    writeFileSync(path, '');
    expect(await message(path)).toBe(`${path}: image: the file is empty; fetch or export it again`);
  });
  test('the name says nothing about the format', async () => {
    const path = join(folder, 'picture.jpg');
    writeFileSync(path, bytesOf(`${IMAGES}chelsea.png`));
    expect((await preprocess(path)).data).toEqual((await preprocess(`${IMAGES}chelsea.png`)).data);
  });
});
