// A recorded operation, computed.

import type { BatchNormParameters } from '../../ops/batch-norm2d.ts';
import type { AttributesOf, OperationName } from '../../ops/operations.ts';
import type { Tensor } from '../../ops/tensor.ts';
import type { Arithmetic } from './arithmetic.ts';

/** An operation without its inputs. */
export type Applied = {
  [Name in OperationName]: { readonly op: Name; readonly attributes: AttributesOf[Name] };
}[OperationName];

/** @param inputs in the order of the operation's arguments */
export async function apply(
  { op, attributes }: Applied,
  inputs: readonly Tensor[],
  arithmetic: Arithmetic,
): Promise<Tensor> {
  const { ops } = arithmetic;
  const [x, a, b = null] = inputs;
  switch (op) {
    case 'conv2d':
      return arithmetic.conv2d(x, a, { stride: attributes.stride, padding: attributes.padding });
    case 'linear':
      return arithmetic.linear(x, a, b);
    case 'matmul':
      return arithmetic.matmul(x, a);
    case 'attention':
      return arithmetic.attention(x, a, b!, { heads: attributes.heads, mask: inputs[3] ?? null });
    case 'batchNorm2d': {
      const parameters: BatchNormParameters = {
        weight: inputs[1],
        bias: inputs[2],
        runningMean: inputs[3],
        runningVar: inputs[4],
      };
      return ops.batchNorm2d(x, parameters, attributes.eps);
    }
    case 'layerNorm':
      return ops.layerNorm(x, a, b!, attributes.eps);
    case 'avgPool2d': {
      const { kernel, stride, padding, countIncludePad } = attributes;
      return ops.avgPool2d(x, kernel, { stride, padding, countIncludePad });
    }
    case 'add':
      return ops.add(x, a);
    case 'concat':
      return ops.concat(inputs, attributes.axis);
    case 'scale':
      return ops.scale(x, attributes.factor);
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
