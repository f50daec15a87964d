// Onto canvases: the network's input, and attention over it.

import type { Numbers } from './bytes.ts';

export interface Grid {
  rows: number;
  columns: number;
}

// CLIP's normalisation, undone for the eye.
const MEAN = [0.48145466, 0.4578275, 0.40821073];
const STD = [0.26862954, 0.26130258, 0.27577711];

/** @param pixels (1,3,R,R), normalised */
export function drawPixels(canvas: HTMLCanvasElement, { shape, data }: Numbers): void {
  const [, , height, width] = shape;
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++)
      image.data[4 * i + c] = Math.round(255 * (data[c * width * height + i] * STD[c] + MEAN[c]));
    image.data[4 * i + 3] = 255;
  }
  put(canvas, image);
}

/**
 * Shadow where no attention falls. The square root lifts the dim ones, so that one bright patch does not leave all
 * others black. @param shares of (1 + patches) tokens
 */
export function spotlight(canvas: HTMLCanvasElement, shares: Float32Array, grid: Grid): void {
  paint(canvas, shares, grid, (light) => [6, 8, 20, 225 * (1 - Math.sqrt(light))]);
}

/** The same as a small map of its own, in the page's accent. */
export function drawShares(canvas: HTMLCanvasElement, shares: Float32Array, grid: Grid): void {
  paint(canvas, shares, grid, (light) => [240, 140, 0, 255 * Math.sqrt(light)]);
}

function paint(
  canvas: HTMLCanvasElement,
  shares: Float32Array,
  { rows, columns }: Grid,
  colour: (light: number) => number[],
): void {
  const image = new ImageData(columns, rows);
  let most = 0;
  for (let i = 1; i < shares.length; i++) most = Math.max(most, shares[i]);
  for (let i = 0; i < rows * columns; i++) image.data.set(colour(most > 0 ? shares[i + 1] / most : 0), 4 * i);
  put(canvas, image);
}

function put(canvas: HTMLCanvasElement, image: ImageData): void {
  if (canvas.width !== image.width || canvas.height !== image.height)
    Object.assign(canvas, { width: image.width, height: image.height });
  canvas.getContext('2d')!.putImageData(image, 0, 0);
}
