// Turning pictures as their orientation says (EXIF's tag 274, 1 to 8), the pixels of PIL.ImageOps.exif_transpose.

import { CHANNELS_OF_MODE, type DecodedImage } from './image.ts';

/**
 * The picture as it is to be looked at.
 * @param orientation 2, 4 mirrored; 3 upside down; 5 to 8 turned by a quarter; everything else leaves it as it is
 */
export function turned(image: DecodedImage, orientation: number): DecodedImage {
  if (!(orientation >= 2 && orientation <= 8)) return image;
  const { width, height, mode, data } = image;
  const channels = CHANNELS_OF_MODE[mode];
  const quarter = orientation >= 5;
  const [W, H] = quarter ? [height, width] : [width, height];
  const result = data.slice();
  // The first row of what is stored is at the right or the bottom; so is the first column.
  const flipX = [2, 3, 6, 7].includes(orientation),
    flipY = [3, 4, 7, 8].includes(orientation);
  for (let y = 0; y < H; y++) {
    for (let x = 0; x < W; x++) {
      const u = flipX ? W - 1 - x : x,
        v = flipY ? H - 1 - y : y;
      const from = (quarter ? u * width + v : v * width + u) * channels,
        to = (y * W + x) * channels;
      for (let c = 0; c < channels; c++) result[to + c] = data[from + c];
    }
  }
  return { ...image, width: W, height: H, data: result };
}
