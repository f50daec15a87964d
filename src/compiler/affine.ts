// batchNorm2d's factors and summands per channel, computed when the plan is made.

import { batchNormAC } from '../ops/batch-norm2d.simd.ts';
import { roundInto } from '../ops/round.ts';
import { storageOf, type RecordedNode } from '../graph/node.ts';
import type { Context } from './context.ts';

/** batchNorm2d's a and c per channel. */
export function affine(node: RecordedNode<'batchNorm2d'>, context: Context): Float64Array {
  const [weight, bias, mean, variance] = node.inputs.slice(1).map((x) => {
    const { origin } = storageOf(x);
    if (origin.kind === 'constant') return origin.data as Float32Array;
    if (origin.kind === 'weight') return context.around.values(origin.name);
    if (origin.kind === 'node' && origin.node.op === 'round') return rounded(origin.node, context);
    throw new Error(
      'batchNorm2d: parameters that are computed are not supported by the SIMD executor; take executor reference',
    );
  });
  return batchNormAC(weight, bias, mean, variance, node.attributes.eps);
}

/** A parameter that is rounded. */
function rounded(node: RecordedNode<'round'>, context: Context): Float32Array {
  const { origin } = storageOf(node.inputs[0]);
  if (origin.kind !== 'weight')
    throw new Error(
      'batchNorm2d: parameters that are computed are not supported by the SIMD executor; take executor reference',
    );
  const values = context.around.values(origin.name);
  roundInto(values, values, node.attributes.format);
  return values;
}
