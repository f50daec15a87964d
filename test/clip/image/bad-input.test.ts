// Every way a picture can be wrong gives one clear sentence, quickly, and without allocating what the file merely
// claims.

import { deflateSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from '../../../src/clip/image/decode.ts';
import { sniff } from '../../../src/clip/image/sniff.ts';
import { bytesOf, IMAGES, randomBytes } from './support.ts';
import { chunk, crc32Of, png } from './png-writer.ts';

const text = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));
const padded = (s: string): Uint8Array => {
  const bytes = new Uint8Array(256);
  bytes.set(text(s));
  return bytes;
};
const file = (name: string): Uint8Array => bytesOf(IMAGES + name);

/** A copy with bytes replaced at an offset. */
function patched(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}
/** A JPEG whose frame header claims another size. */
function claiming(bytes: Uint8Array, width: number, height: number): Uint8Array {
  const sof = bytes.findIndex((byte, i) => byte === 0xff && (bytes[i + 1] === 0xc0 || bytes[i + 1] === 0xc2));
  return patched(bytes, sof + 5, height >> 8, height & 255, width >> 8, width & 255);
}

beforeAll(async () => {
  await decodeImage(file('one-pixel.png'));
});

/** Decoding fails with this message, in one line, within seconds and within bounds of memory. */
async function fails(bytes: Uint8Array, message: RegExp | string): Promise<void> {
  const memory = process.memoryUsage().rss,
    start = performance.now();
  const error = await decodeImage(bytes).then(
    () => undefined,
    (e: unknown) => e as Error,
  );
  expect(error, 'it decoded').toBeInstanceOf(Error);
  expect(error!.message).toMatch(message);
  expect(error!.message).not.toContain('\n');
  expect(error!.message.length).toBeLessThan(300);
  expect(performance.now() - start).toBeLessThan(20_000); // no hang, even on a busy machine
  expect(process.memoryUsage().rss - memory).toBeLessThan(150e6);
}

describe('what is not decoded here is named', () => {
  test.each<[string, Uint8Array, string]>([
    ['HEIC', padded('\0\0\0\x18ftypheic'), 'HEIC'],
    ['AVIF', padded('\0\0\0\x1cftypavif'), 'AVIF'],
    ['a film', padded('\0\0\0\x1cftypisom'), 'an MP4 or QuickTime film'],
    ['PDF', text('%PDF-1.7\n%\xe2\xe3'), 'PDF'],
    ['HTML', text('\n<!DOCTYPE html><html><head><title>404'), 'an HTML page'],
    ['SVG', text('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg">'), 'SVG'],
    ['text', text('not an image\n'), 'text'],
    ['JSON', text('{"error":"not found"}'), 'JSON'],
    ['a Git LFS pointer', text('version https://git-lfs.github.com/spec/v1\noid sha256:0'), 'a Git LFS pointer'],
    ['ZIP', padded('PK\x03\x04'), 'a ZIP archive'],
    ['sound', padded('RIFF\x24\0\0\0WAVEfmt '), 'a RIFF file that is no WebP'],
    ['JPEG XL', padded('\xff\x0a'), 'JPEG XL'],
    ['zeros', new Uint8Array(100), 'nothing but zero bytes'],
    ['noise', Uint8Array.from({ length: 100 }, randomBytes(3)), 'an unknown format (it begins with the bytes '],
    [
      'a PNG sent as text',
      text('\x89PNG\n\x1a\n\0\0\0\rIHDR'),
      'a PNG whose first bytes are damaged, as by a transfer in text mode',
    ],
  ])('%s', async (_name, bytes, name) => {
    const error = await decodeImage(bytes).catch((e: unknown) => e as Error);
    expect((error as Error).message).toContain(`image: expected JPEG, PNG, WebP, GIF, BMP or TIFF, got ${name}`);
    expect((error as Error).message).toMatch(
      /; (convert it first|convert it to PNG first: .*OUT.*|fetch the picture itself with git lfs pull)$/,
    );
  });
  test.each([
    ['ftypheic', /got HEIC; convert it to PNG first: heif-convert IN OUT.png/],
    ['ftypavif', /got AVIF; convert it to PNG first: avifdec IN OUT.png/],
  ])('%s has a remedy', (brand, message) => fails(padded(`\0\0\0\x18${brand}`), message));
  test('an empty file', () => fails(new Uint8Array(0), /^image: the file is empty; fetch or export it again$/));
});

describe('truncated', () => {
  const files = [
    'astronaut.png',
    'coffee-420-q75.jpg',
    'coffee-progressive.jpg',
    'camera-gray.jpg',
    'coffee-cmyk.jpg',
    'coffee-lossy.webp',
    'coffee-alpha.webp',
    'coffee-palette.png',
    'modes/animated.webp',
    'modes/lossless.webp',
    'formats/photo.gif',
    'formats/interlaced.gif',
    'formats/rgb-24.bmp',
    'formats/palette-8.bmp',
    'formats/runs-8.bmp',
    'formats/rgb.tif',
    'formats/deflate-rgb.tif',
    'formats/lzw-tiles.tif',
    'formats/packbits-planes.tif',
  ];
  test.each(files)('%s at many lengths', async (name) => {
    const bytes = file(name);
    const ends = [3, 8, 12, 16, 20, 30, 33, 50, bytes.length - 1, bytes.length - 2, bytes.length - 12];
    for (let i = 1; i < 20; i++) ends.push(Math.floor((bytes.length * i) / 20));
    // A GIF's trailer and the padding of a bitmap's last row hold no pixels.
    const whole = /gif|bmp$/.test(name) ? bytes.length - 20 : bytes.length;
    for (const end of ends.filter((length) => length < whole))
      await fails(bytes.subarray(0, end), /truncated|is left|expected JPEG, PNG, WebP, GIF, BMP or TIFF/);
  });

  test('a JPEG whose data end early, but with an end marker', async () => {
    const bytes = file('coffee-420-q75.jpg');
    await fails(
      Uint8Array.from([...bytes.subarray(0, bytes.length / 2), 0xff, 0xd9]),
      /^JPEG: a part of the picture is missing/,
    );
  });
  test('a CMYK JPEG whose data end early, but with an end marker', async () => {
    const bytes = file('coffee-cmyk.jpg');
    await fails(
      Uint8Array.from([...bytes.subarray(0, bytes.length / 2), 0xff, 0xd9]),
      /^JPEG: a part of the picture is missing/,
    );
  });
  test('a PNG whose data unpack to less than its size', () =>
    fails(
      png({ width: 100, height: 100, raw: new Uint8Array(5000) }),
      /^PNG: the data unpacks to 5000 bytes where 100 x 100 pixels need 30100; the file is truncated/,
    ));
  test('a PNG whose zlib stream is cut off', () =>
    fails(
      png({ width: 10, height: 10, compressed: deflateSync(new Uint8Array(310)).subarray(0, 9) }),
      /^PNG: the compressed data is damaged or cut off \(unexpected end of file\)/,
    ));
});

describe('sizes', () => {
  test('a PNG that claims 60000 x 60000', () =>
    fails(
      png({ width: 60000, height: 60000, raw: new Uint8Array(100) }),
      /^PNG: 60000 x 60000 pixels are more than the limit of 89478485; scale the picture down first/,
    ));
  test('a PNG that claims 2^31 - 1 pixels a side', () =>
    fails(png({ width: 0x7fffffff, height: 0x7fffffff, raw: new Uint8Array(100) }), /more than the limit/));
  test('a PNG beyond the format', () =>
    fails(png({ width: 0xffffffff, height: 1, raw: new Uint8Array(100) }), /more than the format allows/));
  test('a PNG below the limit with nothing behind it', () =>
    fails(png({ width: 9000, height: 9000, raw: new Uint8Array(100) }), /^PNG: the data unpacks to 100 bytes/));
  test('a JPEG that claims 65535 x 65535', () =>
    fails(claiming(file('rocket.jpg'), 65535, 65535), /^JPEG: 65535 x 65535 pixels are more than the limit/));
  test.each(['rocket.jpg', 'coffee-cmyk.jpg', 'coffee-progressive.jpg'])(
    '%s that claims 9000 x 9000, below the limit, in its few bytes',
    (name) =>
      fails(
        claiming(file(name), 9000, 9000),
        /^JPEG: \d+ bytes are too few for 9000 x 9000 pixels; the file is truncated or damaged/,
      ),
  );
  test('a lossless WebP that claims 16384 x 16384', () =>
    fails(
      patched(file('modes/lossless.webp'), 21, 0xff, 0xff, 0xff, 0x0f),
      /^WebP: 16384 x 16384 pixels are more than the limit/,
    ));
  test('a WebP whose canvas is larger than its picture', () =>
    fails(
      patched(file('modes/lossy-exif.webp'), 24, 0xff, 0x1f),
      /^WebP: a canvas of 8192 x 45 with a picture of 61 x 45/,
    ));
  test.each([
    [0, 5],
    [5, 0],
  ])('a PNG of %i x %i', (width, height) => fails(png({ width, height, raw: new Uint8Array(100) }), /has no pixels/));
  test.each([
    [0, 5],
    [5, 0],
  ])('a JPEG of %i x %i', (width, height) => fails(claiming(file('rocket.jpg'), width, height), /has no pixels/));
  test('a lower limit by option', async () => {
    await expect(decodeImage(file('rocket.jpg'), { maxPixels: 640 * 427 })).resolves.toMatchObject({ width: 640 });
    await expect(decodeImage(file('rocket.jpg'), { maxPixels: 640 * 427 - 1 })).rejects.toThrow(
      /more than the limit of 273279/,
    );
  });
});

describe('bombs', () => {
  const bomb = deflateSync(new Uint8Array(300e6), { level: 1 });
  test('a PNG of one pixel that unpacks to 300 MB', () =>
    fails(
      png({ width: 1, height: 1, compressed: bomb }),
      /^PNG: the data unpacks to far more than the 4 bytes of a 1 x 1 picture; it is damaged or a zip bomb: do not use it$/,
    ));
  test('the same in another chunk is not unpacked at all', async () => {
    const profile = chunk('iCCP', Uint8Array.from([...text('x\0\0'), ...bomb]));
    const memory = process.memoryUsage().rss;
    const image = await decodeImage(png({ width: 1, height: 1, raw: Uint8Array.of(0, 1, 2, 3), extra: profile }));
    expect(Array.from(image.data)).toEqual([1, 2, 3]);
    expect(process.memoryUsage().rss - memory).toBeLessThan(100e6);
  });
  test('a few bytes too many are ignored, as Pillow does', async () => {
    const image = await decodeImage(png({ width: 1, height: 1, raw: Uint8Array.of(0, 1, 2, 3, 99, 99) }));
    expect(Array.from(image.data)).toEqual([1, 2, 3]);
  });
  test('a JPEG with thousands of scans', async () => {
    const bytes = claiming(file('coffee-progressive.jpg'), 5000, 5000);
    const sos = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xda);
    const scan = bytes.subarray(sos, sos + 20);
    await fails(
      Uint8Array.from([
        ...bytes.subarray(0, sos),
        ...Array.from({ length: 2000 }, () => Array.from(scan)).flat(),
        0xff,
        0xd9,
      ]),
      /^JPEG: \d+ scans over 5000 x 5000 pixels would take minutes/,
    );
  });
});

describe('damaged', () => {
  const good = png({ width: 2, height: 2, raw: new Uint8Array(14) });
  const withCrc = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
    // IHDR with one byte changed and the checksum made right again.
    const copy = patched(bytes, at, value);
    new DataView(copy.buffer).setUint32(29, crc32Of(copy.subarray(12, 29)));
    return copy;
  };
  test('the picture that the cases are made of is good', async () => {
    await expect(decodeImage(good)).resolves.toMatchObject({ mode: 'RGB' });
  });
  test('a wrong checksum of the header', () =>
    fails(
      patched(good, 19, 3),
      /^PNG: the checksum of the chunk IHDR at byte 8 is wrong; the file is damaged: fetch or export it again$/,
    ));
  test('a wrong checksum of the data', () =>
    fails(patched(good, 45, 0xaa), /^PNG: the checksum of the chunk IDAT at byte 33 is wrong/));
  test('a depth that the format does not have', () =>
    fails(withCrc(good, 24, 3), /^PNG: colour type 2 with 3 bits does not exist in PNG/));
  test('a colour type that the format does not have', () =>
    fails(withCrc(good, 25, 5), /^PNG: colour type 5 with 8 bits/));
  test('an interlace method that the format does not have', () =>
    fails(withCrc(good, 28, 2), /^PNG: unknown compression, filter or interlace method \(0, 0, 2\)/));
  test('a filter that the format does not have', () =>
    fails(
      png({ width: 2, height: 2, raw: Uint8Array.from({ length: 14 }, (_, i) => (i === 7 ? 5 : 0)) }),
      /^PNG: row 1 has filter 5, expected 0 to 4/,
    ));
  test('a palette picture without a palette', () =>
    fails(
      png({ width: 2, height: 2, colour: 3, raw: new Uint8Array(6) }),
      /^PNG: a palette picture without a palette/,
    ));
  test('a palette of 257 colours', () =>
    fails(
      png({ width: 2, height: 2, colour: 3, raw: new Uint8Array(6), extra: chunk('PLTE', new Uint8Array(771)) }),
      /^PNG: expected a palette of 1 to 256 RGB triples, got 771 bytes/,
    ));
  test('a PNG without data', () =>
    fails(Uint8Array.from([...good.subarray(0, 33), ...chunk('IEND', new Uint8Array(0))]), /^PNG: no IDAT chunk/));
  test('a PNG that begins with another chunk', () =>
    fails(
      Uint8Array.from([...good.subarray(0, 8), ...chunk('tEXt', text('a\0b')), ...good.subarray(8)]),
      /^PNG: expected a chunk IHDR of 13 bytes first, got tEXt/,
    ));
  test("Apple's PNG variant", () =>
    fails(
      Uint8Array.from([...good.subarray(0, 8), ...chunk('CgBI', new Uint8Array(4)), ...good.subarray(8)]),
      /^PNG: this is Apple's own variant/,
    ));
  test('zlib data that are none', () =>
    fails(
      png({ width: 2, height: 2, compressed: text('this is no zlib stream') }),
      /^PNG: the compressed data is damaged or cut off \(/,
    ));

  const jpeg = file('rocket.jpg');
  const sof = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
  test('a JPEG of 12 bits', () => fails(patched(jpeg, sof + 4, 12), /^JPEG: expected 8 bits a sample, got 12/));
  test('a JPEG of two components', () =>
    fails(patched(jpeg, sof + 9, 2), /^JPEG: expected 1, 3 or 4 components, got 2/));
  test('a lossless JPEG', () =>
    fails(
      patched(jpeg, sof + 1, 0xc3),
      /^JPEG: expected baseline or progressive coding, got lossless; convert it first$/,
    ));
  test('a JPEG with arithmetic coding is not called damaged', () =>
    fails(
      patched(jpeg, sof + 1, 0xc9),
      /^JPEG: arithmetic coding is not supported, expected Huffman coding; convert it first, without loss: jpegtran/,
    ));
  test('a hierarchical JPEG', () =>
    fails(patched(jpeg, sof + 1, 0xc5), /^JPEG: expected baseline or progressive coding, got hierarchical/));
  test('a JPEG with impossible sampling', () =>
    fails(patched(jpeg, sof + 11, 0x77), /^JPEG: the picture is damaged \(Bogus sampling factors\)/));
  test('a JPEG without a frame', () =>
    fails(Uint8Array.of(0xff, 0xd8, 0xff, 0xd9), /^JPEG: no frame header in 4 bytes/));
  test('a JPEG with a segment of length 0', () =>
    fails(
      Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 0, 0xff, 0xd9),
      /^JPEG: the segment at byte 2 says it is 0 bytes long/,
    ));

  const webp = file('coffee-lossy.webp');
  test('a WebP with another chunk first', () =>
    fails(patched(webp, 12, 0x58), /^WebP: expected VP8, VP8L or VP8X first, got "XP8 "/));
  test('a WebP whose chunk is larger than the file', () =>
    fails(patched(webp, 16, 0xff, 0xff, 0xff, 0x0f), /^WebP: the chunk "VP8 " at byte 12 reaches over the end/));
  test('a WebP that does not begin with a key frame', () =>
    fails(patched(webp, 20, webp[20] | 1), /^WebP: the lossy picture does not begin with a key frame/));
  test('a WebP of noise', () =>
    fails(patched(webp, 30, ...Array.from({ length: 500 }, () => 255)), /^WebP: the picture is damaged or cut off/));
});

describe('misuse', () => {
  test.each<[unknown, string]>([
    [null, 'null'],
    [undefined, 'undefined'],
    ['a.png', 'string'],
    [[1, 2], 'object'],
    [new ArrayBuffer(8), 'object'],
  ])('sniff(%s)', (value, kind) => {
    expect(() => sniff(value as Uint8Array)).toThrow(
      new TypeError(`image: expected the bytes of a file as a Uint8Array, got ${kind}`),
    );
  });
  test('an unknown JPEG decoder', async () => {
    await expect(decodeImage(file('rocket.jpg'), { jpeg: 'libjpeg' as 'auto' })).rejects.toThrow(
      new RangeError('decodeImage: "jpeg" expected one of auto, mozjpeg, typescript, jpeg-js, got "libjpeg"'),
    );
  });
  test.each([0, -5, NaN, '1e6', null])('a limit of %s pixels', async (maxPixels) => {
    await expect(decodeImage(file('rocket.jpg'), { maxPixels: maxPixels as number })).rejects.toThrow(
      /^decodeImage: "maxPixels" expected a number of at least 1, got /,
    );
  });
});
