// Parameters read in another order, left out, or taken from elsewhere.

import ndarray from 'ndarray';
import { zeros, type Tensor } from '../../../ops/tensor.ts';
import type { Network } from '../network.ts';
import type { Change, Fault, FaultedNode } from '../fault.ts';
import { dense, mapped, picked, range, reread, rowsOf } from '../tensors.ts';

/** The buffer of (O,K) read as (K,O): for a square matrix, its transpose. */
const otherOrder = (w: Tensor): Tensor => dense(reread(w, [w.shape[1], w.shape[0]]).transpose(1, 0) as Tensor);

/** `in_proj_weight` holds three square matrices below one another; a step sees one or two of them. */
function eachSquare(w: Tensor, change: (square: Tensor) => Tensor): Tensor {
  const D = w.shape[1];
  if (w.shape[0] === D || w.shape[0] % D !== 0) return change(w);
  const y = zeros(w.shape, w.data);
  for (let row = 0; row < w.shape[0]; row += D) y.data.set(change(rowsOf(w, row, row + D)).data, row * D);
  return y;
}

const withWeight =
  (change: (weight: Tensor, name: string) => Tensor | null): Change =>
  (step) => {
    const name = step.names[1];
    const weight = name === null ? null : change(step.inputs[1], name);
    return weight === null ? null : step.run({ inputs: [step.inputs[0], weight, ...step.inputs.slice(2)] });
  };

const transposed = withWeight((w, name) =>
  name.endsWith('in_proj_weight') ? eachSquare(w, otherOrder) : otherOrder(w),
);

/** Kernels of (O,C,KH,KW): `order` says where a buffer that is read so has these axes. */
const kernelOrder = (order: [number, number, number, number]): Change =>
  withWeight((w) => {
    if (w.shape[2] * w.shape[3] === 1) return null;
    return reread(dense(w.transpose(...order) as Tensor), w.shape);
  });

const sameSize = (order: [number, number, number, number]): Change =>
  withWeight((w) => {
    const turned = w.transpose(...order) as Tensor;
    return w.shape[2] * w.shape[3] === 1 || turned.shape.join() !== w.shape.join() ? null : dense(turned);
  });

const flip = (x: Tensor, axis: number): Tensor => picked(x, axis, range(x.shape[axis]).reverse());
const flipped = withWeight((w) => (w.shape[2] * w.shape[3] === 1 ? null : flip(flip(w, 2), 3)));

/**
 * Rows of `in_proj_weight` and `in_proj_bias` in another order. `rows` gives, for a head's width, the row that stands
 * at each place.
 */
const packedOtherwise =
  (order: (D: number, heads: number) => readonly number[]): Change =>
  async (step) => {
    const [x, weight, bias] = step.inputs;
    const [, weightName, biasName] = step.names;
    if (weightName === null || biasName === null || !weightName.endsWith('in_proj_weight')) return null;
    const whole = await step.parameter(weightName);
    const wholeBias = await step.parameter(biasName);
    if (whole === null || wholeBias === null) return null;
    const D = weight.shape[1];
    const begin = weight.offset / D;
    const rows = order(D, step.heads).slice(begin, begin + weight.shape[0]);
    return step.run({ inputs: [x, picked(whole, 0, rows), picked(wholeBias, 0, rows.slice(0, bias.shape[0]))] });
  };

/** q, k and v of one head side by side, then the next head's. */
const headByHead = (D: number, heads: number): number[] =>
  range(3 * D).map((row) => {
    const d = D / heads;
    const [part, column] = [Math.floor(row / D), row % D];
    const [head, i] = [Math.floor(column / d), column % d];
    return (head * 3 + part) * d + i;
  });

/** Zero is always among them. */
function extremes(w: Tensor): [number, number] {
  let least = 0,
    most = 0;
  for (const v of dense(w).data) {
    if (v < least) least = v;
    if (v > most) most = v;
  }
  return [least, most];
}

const INT8 = (w: Tensor): Tensor => {
  const [least, most] = extremes(w);
  const largest = Math.max(-least, most);
  return mapped(w, (v) => Math.round(v / (largest / 127)) * (largest / 127));
};
/** From the smallest to the largest value, 256 levels, zero among them. */
const UINT8 = (w: Tensor): Tensor => {
  const [least, most] = extremes(w);
  const scale = (most - least) / 255;
  const zero = Math.round(-least / scale);
  return mapped(w, (v) => (Math.min(Math.max(Math.round(v / scale) + zero, 0), 255) - zero) * scale);
};

const products = (change: Change): Fault['steps'] => ({ conv2d: change, linear: change, matmul: change });
const stored =
  (format: 'float16' | 'bfloat16'): Change =>
  (step) =>
    step.run({
      inputs: step.inputs.map((input, i) => (step.names[i] === null ? input : roundedTo(input, format, step))),
    });
const roundedTo = (x: Tensor, format: 'float16' | 'bfloat16', step: FaultedNode): Tensor =>
  x.data instanceof Float32Array ? step.arithmetic.ops.round(x, format) : x;

export const WEIGHT_FAULTS: readonly Fault[] = [
  {
    name: 'weight-transposed',
    explanation: 'A weight matrix is read in the other order, (K, O) for (O, K); transpose it.',
    steps: { linear: transposed, matmul: withWeight(otherOrder) },
  },
  {
    name: 'kernel-flipped',
    explanation:
      'The kernel is turned by 180 degrees (a true convolution); networks mean cross-correlation, so do not flip it.',
    steps: { conv2d: flipped },
  },
  ...(
    [
      [0, 2, 3, 1],
      [2, 3, 1, 0],
      [1, 2, 3, 0],
      [1, 0, 2, 3],
      [2, 3, 0, 1],
      [3, 2, 1, 0],
    ] as [number, number, number, number][]
  ).map((order) => ({
    name: 'kernel-read-in-other-order',
    steps: { conv2d: kernelOrder(order) },
    explanation:
      `The kernel's buffer is stored as ${order.map((axis) => ['O', 'C', 'KH', 'KW'][axis]).join(', ')}, but is read ` +
      'as O, C, KH, KW; transpose it, or read it as it is stored.',
  })),
  ...(
    [
      [0, 3, 1, 2],
      [3, 2, 0, 1],
    ] as [number, number, number, number][]
  ).map((order) => ({
    // The inverse: a buffer of O C KH KW that is read as O KH KW C, or as KH KW C O.
    name: 'kernel-read-in-other-order',
    explanation:
      "The kernel's buffer is stored as O, C, KH, KW, but is read in a channels-last order; transpose it first.",
    steps: {
      conv2d: withWeight((w) =>
        w.shape[2] * w.shape[3] === 1
          ? null
          : dense(
              reread(
                w,
                inverse(order).map((axis) => w.shape[axis]),
              ).transpose(...order) as Tensor,
            ),
      ),
    },
  })),
  {
    name: 'kernel-height-width-exchanged',
    explanation: 'Height and width of the kernel are exchanged; take it as it is.',
    steps: { conv2d: sameSize([0, 1, 3, 2]) },
  },
  {
    name: 'kernel-inputs-outputs-exchanged',
    explanation: 'Input and output channels of the kernel are exchanged; take it as it is.',
    steps: { conv2d: sameSize([1, 0, 2, 3]) },
  },
  {
    name: 'bias-missing',
    explanation: 'A bias is left out; add it.',
    steps: { linear: (step) => (step.inputs.length < 3 ? null : step.run({ inputs: step.inputs.slice(0, 2) })) },
  },
  {
    name: 'in-proj-packed-by-head',
    explanation:
      'The rows of in_proj are taken as q, k, v of the first head, then of the next; they are q of all heads, ' +
      'then k, then v.',
    steps: { linear: packedOtherwise(headByHead) },
  },
  {
    name: 'int8-weights-per-tensor',
    explanation:
      'Weights are kept in 8-bit integers with one scale for the whole tensor; take one scale per output, or ' +
      'float weights.',
    steps: products(withWeight(INT8)),
  },
  {
    name: 'uint8-weights-per-tensor',
    explanation:
      'Weights are kept in 8 bits with one scale and zero point for the whole tensor; take one scale per ' +
      'output, or float weights.',
    steps: products(withWeight(UINT8)),
  },
  {
    name: 'float16-weights',
    explanation:
      'Parameters are kept in float16, all else is float32; that costs 11 bits of weights, so load them in float32.',
    steps: { ...products(stored('float16')), layerNorm: stored('float16'), batchNorm2d: stored('float16') },
  },
  {
    name: 'bfloat16-weights',
    explanation: 'Parameters are kept in bfloat16, all else is float32; load them in float32.',
    steps: { ...products(stored('bfloat16')), layerNorm: stored('bfloat16'), batchNorm2d: stored('bfloat16') },
  },
];

const inverse = (order: readonly number[]): number[] => order.map((_, axis) => order.indexOf(axis));

/** How many other layers are tried for each. */
const OTHERS = 12;

/** Every parameter of a step taken from another module that has parameters of the same shapes, the nearest first. */
export function otherLayerFaults({ parameters }: Network, weights: ReadonlySet<string>): Fault[] {
  const modules = new Map<string, Map<string, string>>();
  for (const [name, shape] of parameters) {
    const dot = name.lastIndexOf('.');
    const module = name.slice(0, dot);
    modules.set(module, (modules.get(module) ?? new Map<string, string>()).set(name.slice(dot + 1), shape.join()));
  }
  const order = [...modules.keys()];
  const faults: Fault[] = [];
  const own = new Set([...weights].map((name) => name.slice(0, name.lastIndexOf('.'))));
  if (own.size > 8) return []; // a large piece: the numbers cannot tell which
  for (const module of own) {
    const shapes = [...modules.get(module)!].filter(([leaf]) => weights.has(`${module}.${leaf}`));
    const alike = order.filter(
      (other) => other !== module && shapes.every(([leaf, shape]) => modules.get(other)!.get(leaf) === shape),
    );
    const near = alike
      .sort(
        (a, b) =>
          Math.abs(order.indexOf(a) - order.indexOf(module)) - Math.abs(order.indexOf(b) - order.indexOf(module)),
      )
      .slice(0, OTHERS);
    for (const other of near) {
      const change: Change = async (step) => {
        if (!step.names.some((name) => name?.startsWith(`${module}.`))) return null;
        const inputs = await Promise.all(
          step.inputs.map(async (input, i) => {
            const name = step.names[i];
            if (name === null || name.slice(0, name.lastIndexOf('.')) !== module) return input;
            const parameter = await step.parameter(`${other}${name.slice(module.length)}`);
            return ndarray(parameter!.data, input.shape, input.stride, input.offset) as Tensor;
          }),
        );
        return step.run({ inputs });
      };
      faults.push({
        name: 'weights-of-another-layer',
        explanation: `${module} computes with the parameters of ${other}; give it its own.`,
        steps: { ...products(change), layerNorm: change, batchNorm2d: change, add: change, concat: change },
      });
    }
  }
  return faults;
}
