// The plain loops, on the calling thread. Weights stay float32 in both precisions: float64 takes them exactly.

import ndarray from 'ndarray';
import { emulating } from '../graph/emulate.ts';
import type { Operations } from '../ops/operations.ts';
import { reference } from '../ops/reference.ts';
import { reference64 } from '../ops/reference64.ts';
import { sizeOf, type Tensor } from '../ops/tensor.ts';
import type { Tap } from '../layers/module.ts';
import type { Checkpoint } from '../clip/weights/checkpoint.ts';
import { checkedTap } from './checked-tap.ts';
import { emulationIn, type Executor, type Precision, type RunOptions } from './executor.ts';

export class ReferenceExecutor implements Executor {
  readonly name = 'reference';
  readonly threads = 1;
  readonly precision: Precision;
  readonly ops: Operations;

  constructor(precision: Precision) {
    this.precision = precision;
    this.ops = precision === 'float64' ? reference64 : reference;
  }

  async readWeights(checkpoint: Checkpoint, names: Iterable<string>): Promise<Map<string, Tensor>> {
    const weights = new Map<string, Tensor>();
    for (const name of names) {
      const info = checkpoint.tensors.get(name)!;
      const data = new Float32Array(sizeOf(info.shape));
      await checkpoint.read(name, data);
      weights.set(name, ndarray(data, [...info.shape]));
    }
    return weights;
  }

  async rewriteWeights(checkpoint: Checkpoint, weights: ReadonlyMap<string, Tensor>): Promise<void> {
    for (const [name, { data }] of weights) await checkpoint.read(name, data as Float32Array);
  }

  async run(
    inputs: readonly Tensor[],
    compute: (inputs: readonly Tensor[], ops: Operations, tap: Tap | null) => Tensor,
    options: RunOptions = {},
  ): Promise<Tensor> {
    options.signal?.throwIfAborted();
    const precision = options.precision ?? this.precision;
    const emulation = emulationIn(precision, options);
    const ops = precision === 'float64' ? reference64 : reference;
    return compute(
      inputs,
      emulation === null ? ops : emulating(ops, emulation),
      options.tap ? checkedTap(options.tap) : null,
    );
  }

  async close(): Promise<void> {
    // Nothing is held open.
  }
}
