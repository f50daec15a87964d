// A picture in a terminal: each character is two pixels, one above the other (▀, its colour and its background).

import type { DecodedImage } from '../../clip/image/image.ts';

/**
 * @param rgb width * height RGB triples; the height is even
 * @returns height / 2 lines of escape sequences for 16 million colours
 */
export function halfBlocks({ data: rgb, width, height }: Pick<DecodedImage, 'data' | 'width' | 'height'>): string[] {
  const colour = (x: number, y: number): string => {
    const at = 3 * (y * width + x);
    return `${rgb[at]};${rgb[at + 1]};${rgb[at + 2]}`;
  };
  return Array.from({ length: height / 2 }, (_, row) => {
    let line = '';
    for (let x = 0; x < width; x++) line += `\u001b[38;2;${colour(x, 2 * row)};48;2;${colour(x, 2 * row + 1)}m▀`;
    return `${line}\u001b[0m`;
  });
}
