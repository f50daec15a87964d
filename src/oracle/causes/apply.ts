// A recorded operation, computed.

import type { BatchNormParameters } from '../../ops/batch-norm2d.ts';
import type { OperationName } from '../../ops/operations.ts';
import type { Tensor } from '../../ops/tensor.ts';
import type { Arithmetic } from './arithmetic.ts';

type Pair = readonly [number, number];

/**
 * @param inputs in the order of the operation's arguments
 * @param attributes as the recorder notes them
 */
export async function apply(
  op: OperationName,
  inputs: readonly Tensor[],
  attributes: Readonly<Record<string, unknown>>,
  arithmetic: Arithmetic,
): Promise<Tensor> {
  const { ops } = arithmetic;
  const [x, a, b = null] = inputs;
  switch (op) {
    case 'conv2d':
      return arithmetic.conv2d(x, a, { stride: attributes.stride as Pair, padding: attributes.padding as Pair });
    case 'linear':
      return arithmetic.linear(x, a, b);
    case 'matmul':
      return arithmetic.matmul(x, a);
    case 'attention':
      return arithmetic.attention(x, a, b!, { heads: attributes.heads as number, mask: inputs[3] ?? null });
    case 'batchNorm2d': {
      const parameters: BatchNormParameters = {
        weight: inputs[1],
        bias: inputs[2],
        runningMean: inputs[3],
        runningVar: inputs[4],
      };
      return ops.batchNorm2d(x, parameters, attributes.eps as number);
    }
    case 'layerNorm':
      return ops.layerNorm(x, a, b!, attributes.eps as number);
    case 'avgPool2d': {
      const { kernel, stride, padding, countIncludePad } = attributes as {
        kernel: Pair;
        stride: Pair;
        padding: Pair;
        countIncludePad: boolean;
      };
      return ops.avgPool2d(x, kernel, { stride, padding, countIncludePad });
    }
    case 'add':
      return ops.add(x, a);
    case 'concat':
      return ops.concat(inputs, attributes.axis as number);
    case 'scale':
      return ops.scale(x, attributes.factor as number);
    case 'relu':
    case 'sigmoid':
    case 'quickGelu':
    case 'gelu':
    case 'softmax':
    case 'l2Normalize':
    case 'mean':
    case 'contiguous':
      return ops[op](x);
    default:
      throw new RangeError(`causes: the image towers have no operation ${op}`);
  }
}
