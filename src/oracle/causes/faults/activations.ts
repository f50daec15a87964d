// Another function for the activation.

import { exp } from '../../../ops/exp.ts';
import type { Tensor } from '../../../ops/tensor.ts';
import type { Change, Fault, FaultedNode } from '../fault.ts';
import { mapped } from '../tensors.ts';

/**
 * 0.5·x·(1 + tanh(sqrt(2/pi)·(x + 0.044715·x³))) = x·sigmoid(2·sqrt(2/pi)·(…)), the approximation that many libraries
 * call GELU.
 */
function tanhGelu(step: FaultedNode): Tensor {
  const [x] = step.inputs;
  const doubled = mapped(x, (v) => 2 * 0.7978845608028654 * (v + 0.044715 * v * v * v));
  const sigmoid = step.arithmetic.ops.sigmoid(doubled);
  return mapped(x, (v, i) => v * sigmoid.data[i]);
}

function silu(step: FaultedNode): Tensor {
  const [x] = step.inputs;
  const sigmoid = step.arithmetic.ops.sigmoid(x);
  return mapped(x, (v, i) => v * sigmoid.data[i]);
}

/** Both activations of the transformers: a fault that puts in the one that should be there changes nothing. */
const activation = (
  name: string,
  explanation: string,
  quickGelu: Change | null,
  gelu: Change | null = quickGelu,
): Fault => ({
  name,
  explanation,
  steps: { ...(quickGelu && { quickGelu }), ...(gelu && { gelu }) },
});

export const ACTIVATION_FAULTS: readonly Fault[] = [
  activation(
    'gelu-for-quickgelu',
    'The activation is the exact GELU, but these weights were trained with QuickGELU; take x · sigmoid(1.702 · x).',
    (step) => step.arithmetic.ops.gelu(step.inputs[0]),
    null,
  ),
  activation(
    'quickgelu-for-gelu',
    'The activation is QuickGELU, but these weights were trained with the exact GELU; take 0.5 · x · (1 + ' +
      'erf(x / sqrt(2))).',
    null,
    (step) => step.arithmetic.ops.quickGelu(step.inputs[0]),
  ),
  activation(
    'tanh-gelu-for-quickgelu',
    'The activation is GELU by tanh, but these weights were trained with QuickGELU; take x · sigmoid(1.702 · x).',
    tanhGelu,
    null,
  ),
  activation(
    'tanh-gelu-for-gelu',
    "The activation is GELU's approximation by tanh; take the exact one, with erf.",
    null,
    tanhGelu,
  ),
  activation(
    'relu-for-quickgelu',
    'The activation is ReLU; take QuickGELU, x · sigmoid(1.702 · x).',
    (step) => step.arithmetic.ops.relu(step.inputs[0]),
    null,
  ),
  activation(
    'silu-for-quickgelu',
    'The activation is SiLU, x · sigmoid(x); the factor 1.702 inside is missing.',
    silu,
    null,
  ),
  activation(
    'activation-missing',
    'The activation is left out; apply it between the two linear layers of the MLP.',
    (step) => step.inputs[0],
  ),
  {
    name: 'relu-missing',
    explanation: 'A ReLU is left out; every batch norm but the last of a block is followed by one, and so is the sum.',
    steps: { relu: (step) => step.inputs[0] },
  },
  {
    name: 'relu6-for-relu',
    explanation: 'The ReLU is cut off at 6; take the plain one.',
    steps: { relu: (step) => mapped(step.inputs[0], (v) => Math.min(Math.max(v, 0), 6)) },
  },
  {
    name: 'leaky-relu-for-relu',
    explanation: 'The ReLU lets a hundredth of negative values through; take the plain one.',
    steps: { relu: (step) => mapped(step.inputs[0], (v) => (v > 0 ? v : 0.01 * v)) },
  },
  {
    name: 'gelu-for-relu',
    explanation: 'The activation is GELU; the ResNets have ReLU.',
    steps: { relu: (step) => step.arithmetic.ops.gelu(step.inputs[0]) },
  },
  {
    name: 'sigmoid-for-relu',
    explanation: 'The activation is a sigmoid; the ResNets have ReLU.',
    steps: { relu: (step) => step.arithmetic.ops.sigmoid(step.inputs[0]) },
  },
  {
    name: 'elu-for-relu',
    explanation: 'The activation is ELU; the ResNets have ReLU.',
    steps: {
      relu: (step) => {
        const e = exp(step.inputs[0]);
        return mapped(step.inputs[0], (v, i) => (v > 0 ? v : e.data[i] - 1));
      },
    },
  },
];
