// conv2d: cross-correlation of images with kernels, https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
// without dilation and groups, which CLIP does not have. By im2col: every window becomes a row, and the rest is a
// matrix product.

import { pairOf, requireOptions, requireParameter, requireTensor, windowCount } from './checks.ts';
import { flat } from './contiguous.ts';
import { rowProducts, type Summation } from './dot-products.ts';
import { operation, productInputs } from './operation.ts';
import { zeros } from './tensor.ts';
import type { FloatArray, Tensor } from './tensor.ts';

// Windows are unrolled for a band of output rows at a time, so that a large image needs 2 MB of windows and not (OH·OW)
// x (C·KH·KW) elements.
const BAND_ELEMENTS = 1 << 19;

export interface Conv2dOptions {
  /** Step between windows, one number or [vertical, horizontal]. Default 1. */
  stride?: number | readonly [number, number];
  /** Zeros added on each side, one number or [vertical, horizontal]. Default 0. */
  padding?: number | readonly [number, number];
}

/**
 * x (N,C,H,W), weight (O,C,KH,KW), bias (O) or null -> (N,O,OH,OW) with OH = floor((H + 2·padding - KH) / stride) + 1.
 *
 * Each element is one dot product of the numerics contract, item 2, with k running over (c, kh, kw). Padding is made of
 * zeros that take part in the products: an infinite weight over padding gives NaN.
 * @param summation another way to sum than the contract's, for the emulation of other backends
 * @throws TypeError, RangeError where a shape does not fit, an option is wrong or a parameter is wider than x
 */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: Conv2dOptions = {},
  summation: Summation | null = null,
): Tensor {
  requireTensor('conv2d', 'x', x, 4, '(N, C, H, W)');
  requireTensor('conv2d', 'weight', weight, 4, '(O, C, KH, KW)');
  requireOptions('conv2d', options, ['stride', 'padding']);
  const [N, C, H, W] = x.shape;
  const [O, , KH, KW] = weight.shape;
  requireParameter('conv2d', 'weight', weight, [O, C, KH, KW], `(O, C=${C}, KH, KW)`, x);
  if (bias !== null) requireParameter('conv2d', 'bias', bias, [O], `(O=${O}) or null`, x);
  const [strideH, strideW] = pairOf('conv2d', 'stride', options.stride ?? 1, 1);
  const [padH, padW] = pairOf('conv2d', 'padding', options.padding ?? 0, 0);
  if (KH === 0 || KW === 0)
    throw new RangeError(`conv2d: "weight" expected a kernel of at least 1 x 1, got ${KH} x ${KW}`);
  const OH = windowCount('conv2d', 'weight', 'KH', H, KH, strideH, padH);
  const OW = windowCount('conv2d', 'weight', 'KW', W, KW, strideW, padW);

  const y = zeros([N, O, OH, OW], x.data);
  if (y.size === 0) return y;
  const K = C * KH * KW;
  const pixels = flat(x);
  const rows = { data: flat(weight), offset: 0, strideO: K, strideK: 1 };
  const shift = bias === null ? null : flat(bias);
  const bandRows = Math.min(OH, Math.max(1, Math.floor(BAND_ELEMENTS / Math.max(1, OW * K))));
  const windows =
    pixels instanceof Float32Array ? new Float32Array(bandRows * OW * K) : new Float64Array(bandRows * OW * K);
  for (let n = 0; n < N; n++) {
    for (let top = 0; top < OH; top += bandRows) {
      const count = Math.min(bandRows, OH - top);
      // [1] windows, C·KH·KW elements of each position
      for (let r = 0; r < count; r++) {
        im2colRow(
          pixels,
          n * C * H * W,
          C,
          H,
          W,
          KH,
          KW,
          (top + r) * strideH - padH,
          strideW,
          padW,
          OW,
          windows,
          r * OW * K,
        );
      }
      // (OH·OW, O) -> (O, OH, OW): the outputs of one kernel are OH·OW apart from those of the next.
      const out = { data: y.data, offset: (n * O * OH + top) * OW, strideM: 1, strideO: OH * OW };
      // [2] acc, k ascending in blocks of 128
      // [3] y = RN32(acc + bias)
      rowProducts(windows, 0, count * OW, K, rows, O, shift, out, summation);
    }
  }
  return y;
}

/**
 * The windows of one output row, (OW, C·KH·KW) from `to` on; h is the image row under their first kernel row and may
 * be in the padding.
 */
function im2colRow(
  pixels: FloatArray,
  at: number,
  C: number,
  H: number,
  W: number,
  KH: number,
  KW: number,
  h: number,
  strideW: number,
  padW: number,
  OW: number,
  windows: FloatArray,
  to: number,
): void {
  const K = C * KH * KW;
  for (let c = 0; c < C; c++) {
    for (let kh = 0; kh < KH; kh++) {
      const inside = h + kh >= 0 && h + kh < H;
      const row = at + (c * H + h + kh) * W;
      for (let kw = 0; kw < KW; kw++) {
        let k = to + (c * KH + kh) * KW + kw;
        let w = kw - padW;
        for (let ow = 0; ow < OW; ow++, k += K, w += strideW)
          windows[k] = inside && w >= 0 && w < W ? pixels[row + w] : 0;
      }
    }
  }
}

export const conv2dOperation = operation({
  plain: conv2d,
  record: (x, weight, bias, options = {}, summation = null) => ({
    inputs: productInputs(x, weight, bias),
    attributes: {
      stride: pairOf('conv2d', 'stride', options.stride ?? 1, 1),
      padding: pairOf('conv2d', 'padding', options.padding ?? 0, 0),
      summation,
    },
  }),
  call: (f, [x, weight, bias = null], { stride, padding, summation }) =>
    f(x, weight, bias, { stride, padding }, summation),
  shapes: ([{ shape: x }, { shape: weight }], { stride, padding }) => [
    [
      x[0],
      weight[0],
      windowCount('conv2d', 'weight', 'KH', x[2], weight[2], stride[0], padding[0]),
      windowCount('conv2d', 'weight', 'KW', x[3], weight[3], stride[1], padding[1]),
    ],
  ],
  layout: 'planes',
  rounding: 'product',
});
