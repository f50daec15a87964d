// The size of a plan's constants, known before its steps: their region is before the arena.

import type { Recorder } from '../graph/recorder.ts';
import { storageOf, type RecordedNode, type Storage } from '../graph/node.ts';
import type { Operand } from '../ops/operation.ts';
import { sizeOf, type Tensor } from '../ops/tensor.ts';
import { constantRoom } from './context.ts';

/** Bytes of all constants: what came with the recording, and what emitters add for convolutions and batch norms. */
export function constantBytes(recorder: Recorder, outputs: readonly Tensor[], wide: boolean): number {
  const operands: readonly Operand[] = [...recorder.nodes.flatMap((node) => node.operands), ...outputs];
  const recorded = [...new Set<Storage>(operands.map(storageOf))].flatMap(({ origin }) =>
    origin.kind === 'constant' ? [origin.data.byteLength] : [],
  );
  const added = recorder.nodes.flatMap((node) => {
    if (node.op === 'conv2d' && !isPointwise(node)) return [4 * sizeOf(node.inputs[1].shape.slice(1))];
    // a and c in float64, per channel; in float64 mode batchNorm2d reads its parameters
    return node.op === 'batchNorm2d' && !wide ? [16 * node.inputs[0].shape[1]] : [];
  });
  return [...recorded, ...added].reduce((sum, byteLength) => sum + constantRoom(byteLength), 0);
}

/** Whether a convolution's windows are the pixels themselves: no offsets are needed. */
export function isPointwise({ inputs: [, weight], attributes }: RecordedNode<'conv2d'>): boolean {
  const { stride, padding } = attributes;
  return [weight.shape[2], weight.shape[3], ...stride].every((n) => n === 1) && padding.every((n) => n === 0);
}
