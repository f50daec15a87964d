// avgPool2d: the mean of each window, https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
// Differs from PyTorch in one default: padded zeros are not counted unless countIncludePad says so. No ceil_mode.

import { pairOf, requireOptions, requireTensor, windowCount } from './checks.ts';
import { flat } from './contiguous.ts';
import type { Conv2dOptions } from './conv2d.ts';
import { total } from './stripes.ts';
import { operation } from './operation.ts';
import { zeros } from './tensor.ts';
import type { Tensor } from './tensor.ts';

export interface AvgPool2dOptions extends Conv2dOptions {
  /** Whether the padded zeros count in the divisor. Default false. */
  countIncludePad?: boolean;
}

/**
 * x (N,C,H,W) -> (N,C,OH,OW). Numerics contract, items 3 and 9: the float64 sum of the window's counted elements in
 * row-major order, in four stripes, divided by their number, one rounding.
 * @param kernel extent of the window, one number or [vertical, horizontal]
 * @throws TypeError, RangeError where a shape or an option is wrong; padding may be at most half of the kernel, so that
 *   no window is empty
 */
export function avgPool2d(
  x: Tensor,
  kernel: number | readonly [number, number],
  options: AvgPool2dOptions = {},
): Tensor {
  requireTensor('avgPool2d', 'x', x, 4, '(N, C, H, W)');
  const [KH, KW] = pairOf('avgPool2d', 'kernel', kernel, 1);
  requireOptions('avgPool2d', options, ['stride', 'padding', 'countIncludePad']);
  const [strideH, strideW] = pairOf('avgPool2d', 'stride', options.stride ?? kernel, 1);
  const [padH, padW] = pairOf('avgPool2d', 'padding', options.padding ?? 0, 0);
  if (2 * padH > KH || 2 * padW > KW) {
    throw new RangeError(
      `avgPool2d: "padding" expected at most half of the kernel (${KH}, ${KW}), got (${padH}, ${padW})`,
    );
  }
  const countIncludePad = options.countIncludePad ?? false;
  if (typeof countIncludePad !== 'boolean')
    throw new TypeError(`avgPool2d: "countIncludePad" expected true or false, got ${String(countIncludePad)}`);
  const [N, C, H, W] = x.shape;
  const OH = windowCount('avgPool2d', 'kernel', 'KH', H, KH, strideH, padH);
  const OW = windowCount('avgPool2d', 'kernel', 'KW', W, KW, strideW, padW);

  const y = zeros([N, C, OH, OW], x.data);
  const pixels = flat(x);
  const to = y.data;
  const window = new Float64Array(KH * KW);
  let i = 0;
  for (let plane = 0; plane < N * C; plane++) {
    for (let oh = 0; oh < OH; oh++) {
      for (let ow = 0; ow < OW; ow++) {
        // [1] the elements of a window, row by row, into four stripes
        let count = 0;
        for (let h = oh * strideH - padH; h < oh * strideH - padH + KH; h++) {
          for (let w = ow * strideW - padW; w < ow * strideW - padW + KW; w++) {
            if (h >= 0 && h < H && w >= 0 && w < W) window[count++] = pixels[(plane * H + h) * W + w];
            else if (countIncludePad) window[count++] = 0;
          }
        }
        // [2] y = RN32(total / count)
        to[i++] = total(window, 0, count) / count;
      }
    }
  }
  return y;
}

export const avgPool2dOperation = operation({
  plain: avgPool2d,
  record: (x, kernel, options = {}) => ({
    inputs: [x],
    attributes: {
      kernel: pairOf('avgPool2d', 'kernel', kernel, 1),
      stride: pairOf('avgPool2d', 'stride', options.stride ?? kernel, 1),
      padding: pairOf('avgPool2d', 'padding', options.padding ?? 0, 0),
      countIncludePad: options.countIncludePad ?? false,
    },
  }),
  call: (f, [x], { kernel, ...options }) => f(x, kernel, options),
  shapes: ([{ shape: x }], { kernel, stride, padding }) => [
    [
      x[0],
      x[1],
      windowCount('avgPool2d', 'kernel', 'KH', x[2], kernel[0], stride[0], padding[0]),
      windowCount('avgPool2d', 'kernel', 'KW', x[3], kernel[1], stride[1], padding[1]),
    ],
  ],
  layout: 'planes',
  rounding: 'value',
});
