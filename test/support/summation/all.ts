// Which sums are probed, for whoever computes.

import { wrongSum } from './probe.ts';
import { normSum, softmaxSum, varianceSum, wrongPositiveOrder } from './positive.ts';
import {
  averagePool,
  convByImages,
  convByKernels,
  layerNormMean,
  linearByRows,
  linearByWeights,
  matmulByRows,
  mean,
  scores,
  values,
  type Computer,
  type Window,
} from './summers.ts';

/** Depths around blocks of 128. */
export const DEPTHS = [1, 2, 3, 127, 128, 129, 255, 256, 257, 300, 1000];

/** Windows, and the positions of the output at which they are seen: corners, edges, the middle, the last one. */
export const WINDOWS: readonly [Window, readonly [number, number][]][] = [
  [
    { C: 129, H: 3, W: 3, kernel: 1, stride: 1, padding: 0 },
    [
      [0, 0],
      [2, 2],
    ],
  ],
  [
    { C: 15, H: 6, W: 7, kernel: 3, stride: 1, padding: 1 },
    [
      [0, 0],
      [0, 3],
      [3, 3],
      [5, 6],
    ],
  ],
  [
    { C: 15, H: 20, W: 20, kernel: 3, stride: 1, padding: 1 },
    [
      [0, 0],
      [7, 19],
      [19, 19],
    ],
  ], // positions enough for threads to divide
  [
    { C: 43, H: 9, W: 9, kernel: 3, stride: 2, padding: 1 },
    [
      [0, 0],
      [2, 2],
      [4, 4],
    ],
  ],
  [{ C: 3, H: 64, W: 64, kernel: 32, stride: 32, padding: 0 }, [[1, 1]]],
];

/**
 * Everything that is wrong with the dot products of one computer, as sentences.
 * @param depths of dot products
 * @param most pairs per sum, about
 * @param windows of convolutions
 */
export async function wrongSums(
  by: Computer,
  depths: readonly number[],
  most: number,
  windows = WINDOWS,
): Promise<string[]> {
  const found: (string | null)[] = [];
  for (const K of depths) found.push(await wrongSum(linearByRows(by, K, 9), most));
  for (const K of depths) found.push(await wrongSum(linearByWeights(by, K), most));
  for (const K of depths) found.push(await wrongSum(matmulByRows(by, K, 5), most));
  for (const K of depths) found.push(await wrongSum(values(by, K), most));
  for (const K of depths) found.push(await wrongSum(scores(by, Math.max(2, K), false), most));
  // 1/√d is exact, so that M in the mask cancels with M in the product
  for (const d of [64, 256]) found.push(await wrongSum(scores(by, d, true), Math.min(most, 2000)));
  for (const [window, positions] of windows)
    for (const [oh, ow] of positions)
      found.push(await wrongSum(convByKernels(by, window, oh, ow), Math.min(most, window.kernel > 3 ? 300 : 2000)));
  found.push(await wrongSum(convByImages(by, 15, 3, 5), most), await wrongSum(convByImages(by, 257, 1, 9), most));
  return found.filter((wrong) => wrong !== null);
}

/** The small reductions: means, pools, layerNorm, softmax, norms. */
export async function wrongSmallSums(
  by: Computer,
  most: number,
  widths: readonly number[] = [13, 14, 15, 16, 50, 257],
): Promise<string[]> {
  const found: (string | null)[] = [];
  for (const D of [1, 2, 3, 4, 5, 6, 7, 8, 9, 50, 257])
    found.push(await wrongSum(mean(by, D), most), await wrongSum(layerNormMean(by, D), most));
  for (const kernel of [2, 3, 7]) found.push(await wrongSum(averagePool(by, kernel, kernel, 0, false, 0, 0), most));
  for (const counted of [true, false])
    for (const at of [0, 1]) found.push(await wrongSum(averagePool(by, 5, 3, 1, counted, at, at), most));
  for (const n of widths) {
    for (const sum of [softmaxSum(by, n), softmaxSum(by, n, 'attention'), normSum(by, n), varianceSum(by, n)])
      found.push(await wrongPositiveOrder(sum, Math.min(most, 4000)));
  }
  return found.filter((wrong) => wrong !== null);
}
