// LayerNorm and BatchNorm done differently.

import type { Tensor } from '../../../ops/tensor.ts';
import { zeros } from '../../../ops/tensor.ts';
import type { Change, Fault, FaultedNode } from '../fault.ts';
import { dense, mapped } from '../tensors.ts';

/** x (…,D): `f` gives a normalised value from the value, and the row's mean and mean square deviation. */
function byRows(step: FaultedNode, f: (value: number, mean: number, variance: number, D: number) => number): Tensor {
  const [x, weight, bias] = step.inputs.map(dense);
  const D = x.shape[x.shape.length - 1];
  const y = zeros(x.shape, x.data);
  for (let row = 0; row < x.size; row += D) {
    let sum = 0,
      squares = 0;
    for (let i = 0; i < D; i++) sum += x.data[row + i];
    const mean = sum / D;
    for (let i = 0; i < D; i++) squares += (x.data[row + i] - mean) * (x.data[row + i] - mean);
    for (let i = 0; i < D; i++)
      y.data[row + i] = f(x.data[row + i], mean, squares / D, D) * weight.data[i] + bias.data[i];
  }
  return y;
}

/** x (N,C,…): the value, and its channel's parameters. */
function byChannels(
  step: FaultedNode,
  f: (value: number, weight: number, bias: number, mean: number, variance: number) => number,
): Tensor {
  const [x, ...parameters] = step.inputs;
  const [w, b, m, v] = parameters.map((p) => dense(p).data);
  const C = x.shape[1];
  const plane = x.size / (x.shape[0] * C);
  return mapped(x, (value, i) => {
    const c = Math.floor(i / plane) % C;
    return f(value, w[c], b[c], m[c], v[c]);
  });
}

/** Normalised by the batch's own mean and variance. */
function byBatch(step: FaultedNode): Tensor {
  const [x, weight, bias] = step.inputs.map(dense);
  const [N, C] = x.shape;
  const plane = x.size / (N * C);
  const y = zeros(x.shape, x.data);
  for (let c = 0; c < C; c++) {
    const each = (visit: (at: number) => void): void => {
      for (let n = 0; n < N; n++) for (let i = 0; i < plane; i++) visit((n * C + c) * plane + i);
    };
    let sum = 0,
      squares = 0;
    each((at) => {
      sum += x.data[at];
    });
    const mean = sum / (N * plane);
    each((at) => {
      squares += (x.data[at] - mean) * (x.data[at] - mean);
    });
    const r = 1 / Math.sqrt(squares / (N * plane) + 1e-5);
    each((at) => {
      y.data[at] = (x.data[at] - mean) * r * weight.data[c] + bias.data[c];
    });
  }
  return y;
}

const zero = (x: Tensor): Tensor => mapped(x, () => 0);
const one = (x: Tensor): Tensor => mapped(x, () => 1);

const withParameters =
  (change: (parameters: readonly Tensor[]) => readonly Tensor[]): Change =>
  (step) =>
    step.run({ inputs: [step.inputs[0], ...change(step.inputs.slice(1))] });

const eps = (op: 'layerNorm' | 'batchNorm2d', label: string, value: number, about: string): Fault => ({
  name: `${op.replace('2d', '').toLowerCase()}-eps-${label}`,
  explanation: `${op === 'layerNorm' ? 'LayerNorm' : 'BatchNorm'}'s eps is ${label}${about}; it is 1e-5 in CLIP.`,
  steps: { [op]: ((step) => step.run({ attributes: { eps: value } })) satisfies Change<'layerNorm' | 'batchNorm2d'> },
});

export const NORM_FAULTS: readonly Fault[] = [
  eps('layerNorm', '1e-6', 1e-6, ', as in many vision transformers'),
  eps('layerNorm', '1e-12', 1e-12, ' (or none), as in BERT'),
  eps('layerNorm', '1e-3', 1e-3, ', as in Keras'),
  eps('layerNorm', '1e-8', 1e-8, ''),
  eps('layerNorm', '1e-7', 1e-7, ''),
  eps('layerNorm', '1e-4', 1e-4, ''),
  eps('batchNorm2d', '1e-3', 1e-3, ', as in Keras'),
  eps('batchNorm2d', '1e-4', 1e-4, ''),
  eps('batchNorm2d', '1e-6', 1e-6, ''),
  eps('batchNorm2d', '0', 1e-30, ''),
  {
    name: 'layernorm-unbiased-variance',
    explanation: 'LayerNorm divides by n - 1 in its variance; divide by n.',
    steps: {
      layerNorm: (step) =>
        byRows(step, (value, mean, variance, D) => (value - mean) / Math.sqrt((variance * D) / (D - 1) + 1e-5)),
    },
  },
  {
    name: 'layernorm-eps-outside-root',
    explanation: 'LayerNorm adds eps to the deviation, outside the root; add it to the variance.',
    steps: {
      layerNorm: (step) => byRows(step, (value, mean, variance) => (value - mean) / (Math.sqrt(variance) + 1e-5)),
    },
  },
  {
    name: 'rmsnorm-for-layernorm',
    explanation: 'The mean is not subtracted (RMSNorm); take LayerNorm.',
    steps: {
      layerNorm: (step) => byRows(step, (value, mean, variance) => value / Math.sqrt(variance + mean * mean + 1e-5)),
    },
  },
  {
    name: 'norm-missing',
    explanation: 'The normalisation is left out; apply it, with its weight and bias.',
    steps: { layerNorm: (step) => step.inputs[0], batchNorm2d: (step) => step.inputs[0] },
  },
  {
    name: 'norm-without-bias',
    explanation: "The normalisation's bias (beta) is left out; add it.",
    steps: {
      layerNorm: withParameters(([w, b]) => [w, zero(b)]),
      batchNorm2d: withParameters(([w, b, m, v]) => [w, zero(b), m, v]),
    },
  },
  {
    name: 'norm-without-weight',
    explanation: "The normalisation's weight (gamma) is left out; multiply by it.",
    steps: {
      layerNorm: withParameters(([w, b]) => [one(w), b]),
      batchNorm2d: withParameters(([w, b, m, v]) => [one(w), b, m, v]),
    },
  },
  {
    name: 'norm-without-weight-and-bias',
    explanation: "The normalisation's weight and bias are left out; multiply by the one, then add the other.",
    steps: {
      layerNorm: withParameters(([w, b]) => [one(w), zero(b)]),
      batchNorm2d: withParameters(([w, b, m, v]) => [one(w), zero(b), m, v]),
    },
  },
  {
    name: 'norm-weight-and-bias-exchanged',
    explanation: "The normalisation's weight and bias are exchanged; weight multiplies, bias is added.",
    steps: {
      layerNorm: withParameters(([w, b]) => [b, w]),
      batchNorm2d: withParameters(([w, b, m, v]) => [b, w, m, v]),
    },
  },
  {
    name: 'batchnorm-mean-and-variance-exchanged',
    explanation: "BatchNorm's running mean and running variance are exchanged; give it each in its place.",
    steps: {
      batchNorm2d: (step) =>
        byChannels(step, (value, w, b, m, v) => ((value - v) / Math.sqrt(Math.abs(m) + 1e-5)) * w + b),
    },
  },
  {
    name: 'batchnorm-mean-and-variance-exchanged',
    explanation: "BatchNorm's running mean and running variance are exchanged; give it each in its place.",
    steps: {
      batchNorm2d: (step) =>
        byChannels(step, (value, w, b, m, v) => ((value - v) / Math.sqrt(Math.max(m, 0) + 1e-5)) * w + b),
    },
  },
  {
    name: 'batchnorm-variance-for-deviation',
    explanation: 'BatchNorm divides by the variance; divide by its square root.',
    steps: { batchNorm2d: (step) => byChannels(step, (value, w, b, m, v) => ((value - m) / (v + 1e-5)) * w + b) },
  },
  {
    name: 'batchnorm-without-mean',
    explanation:
      'BatchNorm does not subtract the running mean; subtract it (when folding into the convolution, mind the bias).',
    steps: { batchNorm2d: withParameters(([w, b, m, v]) => [w, b, zero(m), v]) },
  },
  {
    name: 'batchnorm-training-mode',
    explanation: "BatchNorm normalises by the batch's own mean and variance; switch to evaluation mode.",
    steps: { batchNorm2d: byBatch },
  },
];
