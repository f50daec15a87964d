// WebP to pixels: libwebp in WASM (@jsquash/webp), whose pixels equal Pillow's. Mode RGBA or RGB as Pillow decides; of
// an animation the first frame.

import type { DecodedImage } from './image.ts';
import { decodeWithWasm, NoDecoder, type Rgba } from './wasm-decoder.ts';
import { webpHeader } from './webp-container.ts';

/** @throws Error if the file is truncated or damaged */
export async function decodeWebp(bytes: Uint8Array): Promise<DecodedImage> {
  const { width, height, alpha, opaque, still, frame } = webpHeader(bytes);
  let decoded: Rgba;
  try {
    decoded = await decodeWithWasm('webp', still);
  } catch (error) {
    if (error instanceof NoDecoder) throw error;
    throw new Error(`WebP: the picture is damaged or cut off (${(error as Error).message}); fetch or export it again`, {
      cause: error,
    });
  }
  if (decoded.width !== frame.width || decoded.height !== frame.height) {
    throw new Error(
      `WebP: expected ${frame.width} x ${frame.height} pixels, got ${decoded.width} x ${decoded.height}; the ` +
        'file is damaged: fetch or export it again',
    );
  }
  if (opaque) for (let i = 3; i < decoded.data.length; i += 4) decoded.data[i] = 255;
  const channels = alpha ? 4 : 3;
  if (alpha && frame.width === width && frame.height === height) {
    return {
      width,
      height,
      mode: 'RGBA',
      data: new Uint8Array(decoded.data.buffer, decoded.data.byteOffset, decoded.data.length),
    };
  }
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < frame.height; y++) {
    let from = y * frame.width * 4,
      to = ((frame.top + y) * width + frame.left) * channels;
    for (let x = 0; x < frame.width; x++, from += 4, to += channels)
      for (let c = 0; c < channels; c++) data[to + c] = decoded.data[from + c];
  }
  return { width, height, mode: alpha ? 'RGBA' : 'RGB', data };
}
