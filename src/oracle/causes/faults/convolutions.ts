// Convolutions and pools done differently: padding, stride, dilation, other pools.

import type { Tensor } from '../../../ops/tensor.ts';
import { zeros } from '../../../ops/tensor.ts';
import type { Change, Fault, FaultedNode } from '../fault.ts';
import { picked, range } from '../tensors.ts';

/** Slices of an axis with a border: indices below 0 and from n on are `outside`. */
function bordered(
  x: Tensor,
  axis: number,
  before: number,
  behind: number,
  outside: (i: number, n: number) => number,
): Tensor {
  const n = x.shape[axis];
  return picked(
    x,
    axis,
    range(n + before + behind).map((i) => (i - before >= 0 && i - before < n ? i - before : outside(i - before, n))),
  );
}

/** Zeros before and behind on both image axes. */
function padded(x: Tensor, [top, bottom]: readonly [number, number], [left, right]: readonly [number, number]): Tensor {
  const [N, C, H, W] = x.shape;
  const y = zeros([N, C, H + top + bottom, W + left + right], x.data);
  const inner = y.lo(0, 0, top, left);
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++)
      for (let h = 0; h < H; h++) for (let w = 0; w < W; w++) inner.set(n, c, h, w, x.get(n, c, h, w));
  }
  return y;
}

/** The padding's two sides taken in unequal parts: `more` zeros moved from the front to the back (or the other way). */
const moved =
  (down: number, right: number): Change<'conv2d'> =>
  (step) => {
    const [PH, PW] = step.attributes.padding;
    if (PH === 0) return null;
    return step.run({
      inputs: [padded(step.inputs[0], [PH - down, PH + down], [PW - right, PW + right]), step.inputs[1]],
      attributes: { padding: [0, 0] },
    });
  };

const border =
  (outside: (i: number, n: number) => number): Change<'conv2d'> =>
  (step) => {
    const [PH, PW] = step.attributes.padding;
    if (PH === 0) return null;
    const x = bordered(bordered(step.inputs[0], 2, PH, PH, outside), 3, PW, PW, outside);
    return step.run({ inputs: [x, step.inputs[1]], attributes: { padding: [0, 0] } });
  };

/** Kernels with zeros between their elements. */
function dilated(step: FaultedNode<'conv2d'>): Promise<Tensor> | null {
  const [, w] = step.inputs;
  const [PH, PW] = step.attributes.padding;
  if (w.shape[2] !== 3 || PH !== 1) return null;
  const wide = zeros([w.shape[0], w.shape[1], 5, 5], w.data);
  for (let o = 0; o < w.shape[0]; o++) {
    for (let c = 0; c < w.shape[1]; c++)
      for (let h = 0; h < 3; h++) for (let v = 0; v < 3; v++) wide.set(o, c, 2 * h, 2 * v, w.get(o, c, h, v));
  }
  return step.run({ inputs: [step.inputs[0], wide], attributes: { padding: [PH + 1, PW + 1] } });
}

/** Of each window, what `choose` makes of its elements. */
const windows =
  (choose: (elements: readonly number[]) => number): Change<'avgPool2d'> =>
  (step) => {
    const [x] = step.inputs;
    const [KH, KW] = step.attributes.kernel;
    const [N, C, H, W] = x.shape;
    const y = zeros([N, C, Math.floor(H / KH), Math.floor(W / KW)], x.data);
    const dense = step.arithmetic.ops.contiguous(x);
    for (let i = 0, plane = 0; plane < N * C; plane++) {
      for (let h = 0; h < y.shape[2]; h++) {
        for (let w = 0; w < y.shape[3]; w++) {
          const elements: number[] = [];
          for (let a = 0; a < KH; a++)
            for (let b = 0; b < KW; b++)
              elements.push(dense.data[dense.offset + (plane * H + h * KH + a) * W + w * KW + b]);
          y.data[i++] = choose(elements);
        }
      }
    }
    return y;
  };

const STRIDE_EXPLANATION =
  "The convolution strides and no average pool follows, as in torchvision's ResNet; CLIP's convolutions have " +
  'stride 1, and an average pool does the downsampling.';
const strided =
  (place: RegExp): Change<'conv2d'> =>
  (step) =>
    place.test(step.names[1] ?? '') ? step.run({ attributes: { stride: [2, 2] } }) : null;

export const CONVOLUTION_FAULTS: readonly Fault[] = [
  ...(
    [
      [1, 1],
      [-1, -1],
      [1, 0],
      [0, 1],
      [-1, 0],
      [0, -1],
    ] as const
  ).map(([down, right]) => ({
    name: 'padding-shifted',
    steps: { conv2d: moved(down, right) },
    explanation:
      'The padding is off by one: ' +
      (down + right > 0
        ? 'more zeros behind than in front (as SAME padding gives for strides); '
        : 'more zeros in front than behind; ') +
      '' +
      'pad both sides alike.',
  })),
  {
    name: 'padding-replicated',
    explanation: 'The border is padded by its own pixels; pad with zeros.',
    steps: { conv2d: border((i, n) => Math.min(Math.max(i, 0), n - 1)) },
  },
  {
    name: 'padding-reflected',
    explanation: 'The border is padded by reflection; pad with zeros.',
    steps: { conv2d: border((i, n) => (i < 0 ? -i : 2 * n - 2 - i)) },
  },
  {
    name: 'padding-circular',
    explanation: 'The border is padded from the opposite side; pad with zeros.',
    steps: { conv2d: border((i, n) => (i + n) % n) },
  },
  {
    name: 'convolution-dilated',
    explanation: 'The kernel is dilated by 2; take it as it is.',
    steps: { conv2d: dilated },
  },
  {
    name: 'stride-in-convolution',
    explanation: STRIDE_EXPLANATION,
    steps: {
      conv2d: strided(/\.layer[234]\.0\.conv2\.weight$/),
      avgPool2d: ({ inputs: [x], shape }) => (x.shape.join() === shape.join() ? x : null), // small enough already
    },
  },
  {
    name: 'stride-in-convolution',
    explanation: STRIDE_EXPLANATION,
    steps: {
      conv2d: strided(/\.layer[234]\.0\.(conv2|downsample\.0)\.weight$/),
      avgPool2d: ({ inputs: [x] }) => x,
    },
  },
  {
    name: 'stride-for-average-pool',
    explanation:
      'Every second pixel is taken (or a convolution strides) where an average pool should be; average over ' +
      'each window.',
    steps: { avgPool2d: windows((elements) => elements[0]) },
  },
  {
    name: 'max-pool-for-average-pool',
    explanation: 'A max pool stands where an average pool should be; average over each window.',
    steps: { avgPool2d: windows((elements) => Math.max(...elements)) },
  },
  {
    name: 'average-pool-sums',
    explanation: "The average pool sums; divide by the window's size.",
    steps: { avgPool2d: windows((elements) => elements.reduce((a, b) => a + b)) },
  },
];
