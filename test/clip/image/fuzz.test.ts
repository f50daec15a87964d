// Thousands of damaged pictures: each decodes or is refused with one line, soon, and the decoders stay usable.

import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeImage } from '../../../src/clip/image/decode.ts';
import { toRGB } from '../../../src/clip/image/image.ts';
import { bytesOf, IMAGES, PICTURES, randomBytes, readJson, sha256 } from './support.ts';
import { crc32Of } from './png-writer.ts';

const SEED = 20240117;
const byte = randomBytes(SEED);
const below = (n: number): number => ((byte() << 16) | (byte() << 8) | byte()) % n;

/** Makes the checksums of a PNG right again, so that the damage reaches the parts behind them. */
function withChecksums(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    if (at + 12 + length > bytes.length) break;
    view.setUint32(at + 8 + length, crc32Of(bytes.subarray(at + 4, at + 8 + length)));
    at += 12 + length;
  }
  return bytes;
}

function damaged(original: Uint8Array): Uint8Array {
  const bytes = original.slice();
  const kind = below(5);
  if (kind === 0) return bytes.slice(0, below(bytes.length));
  const reach = below(2) ? bytes.length : Math.min(bytes.length, 300); // half of the damage hits the headers
  for (let i = 1 + below(kind === 1 ? 2 : 20); i > 0; i--) bytes[below(reach)] = byte();
  if (kind === 3) {
    // a piece cut out
    const at = below(bytes.length);
    return new Uint8Array(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + below(60))]));
  }
  if (kind === 4) {
    // a piece doubled
    const at = below(bytes.length);
    return new Uint8Array(Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - below(60)))]));
  }
  return bytes;
}

describe('damaged pictures', () => {
  const files = [
    ...['modes', 'formats', 'orientation'].flatMap((folder) =>
      readdirSync(IMAGES + folder).map((name) => `${IMAGES}${folder}/${name}`),
    ),
    ...[
      'camera-gray.jpg',
      'coffee-cmyk.jpg',
      'coffee-exif-rotated.jpg',
      'coffee-progressive.jpg',
      'coffee-lossy.webp',
      'coffee-alpha.webp',
      'one-pixel.png',
    ].map((name) => IMAGES + name),
    `${PICTURES}butterfly.jpg`,
  ].map((path) => bytesOf(path));

  test.each([
    { jpeg: 'auto' },
    { jpeg: 'typescript' },
    { jpeg: 'jpeg-js' },
    { jpeg: 'auto', tolerateTruncated: true, exifOrientation: true },
  ] as const)(`of 500 (seed ${SEED}) each decodes or is refused in one line, with %o`, async (options) => {
    let decoded = 0,
      refused = 0;
    for (let i = 0; i < 500; i++) {
      const original = files[below(files.length)];
      const bytes = below(2) ? withChecksums(damaged(original)) : damaged(original);
      const start = performance.now();
      try {
        const { width, height } = await decodeImage(bytes, options);
        expect(width * height).toBeGreaterThan(0);
        decoded++;
      } catch (error) {
        // Not TypeError or RangeError: those would be mistakes of ours.
        expect(Object.getPrototypeOf(error), String((error as Error).stack)).toBe(Error.prototype);
        expect((error as Error).message).toMatch(/^(image|JPEG|PNG|WebP|GIF|BMP|TIFF): [^\n]+$/);
        refused++;
      }
      expect(performance.now() - start).toBeLessThan(20_000); // no hang, even on a busy machine
    }
    expect(decoded).toBeGreaterThan(50);
    expect(refused).toBeGreaterThan(50);
  });

  test('and after them the decoders work as before', async () => {
    const golden = readJson<Record<string, { decoded_rgb_sha256: string }>>(`${IMAGES}images.json`);
    for (const name of ['rocket.jpg', 'coffee-lossy.webp', 'chelsea.png']) {
      expect(sha256(toRGB(await decodeImage(bytesOf(IMAGES + name))).data)).toBe(golden[name].decoded_rgb_sha256);
    }
  });
});
