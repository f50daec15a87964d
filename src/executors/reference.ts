// The plain loops, on the calling thread. Weights stay float32 in both precisions: float64 takes them exactly.

import ndarray from 'ndarray';
import { emulating } from '../graph/emulate.ts';
import type { Operations } from '../ops/operations.ts';
import { contiguous } from '../ops/contiguous.ts';
import { reference } from '../ops/reference.ts';
import { reference64 } from '../ops/reference64.ts';
import { sizeOf, type Tensor } from '../ops/tensor.ts';
import { checkedTap } from './checked-tap.ts';
import { emulationIn } from './emulation.ts';
import type { Compute, Executor, Outputs, Precision, RunOptions, WeightSource, WeightUse } from './executor.ts';
import { arrangedAs, computeUntil, overwritten, tensorsOf } from './outputs.ts';

export class ReferenceExecutor implements Executor {
  readonly name = 'reference';
  readonly threads = 1;
  readonly precision: Precision;
  readonly ops: Operations;

  constructor(precision: Precision) {
    this.precision = precision;
    this.ops = precision === 'float64' ? reference64 : reference;
  }

  async readWeights(
    source: WeightSource,
    uses: ReadonlyMap<string, WeightUse | readonly WeightUse[]>,
  ): Promise<Map<string, Tensor>> {
    const weights = new Map<string, Tensor>();
    for (const name of uses.keys()) {
      const info = source.tensors.get(name)!;
      const data = new Float32Array(sizeOf(info.shape));
      await source.read(name, data);
      weights.set(name, ndarray(data, [...info.shape]));
    }
    return weights;
  }

  async rewriteWeights(source: WeightSource, weights: ReadonlyMap<string, Tensor>): Promise<void> {
    for (const [name, { data }] of weights) await source.read(name, data as Float32Array);
  }

  async run<R extends Outputs>(inputs: readonly Tensor[], compute: Compute<R>, options: RunOptions = {}): Promise<R> {
    options.signal?.throwIfAborted();
    const precision = options.precision ?? this.precision;
    const emulation = emulationIn(precision, options);
    const ops = precision === 'float64' ? reference64 : reference;
    const outputs = computeUntil(
      compute,
      inputs,
      emulation === null ? ops : emulating(ops, emulation),
      options.tap ? checkedTap(options.tap) : null,
      options,
    );
    const results = arrangedAs(outputs, tensorsOf(outputs).map(contiguous));
    // copies first: an output may be a weight
    const writes = overwritten(results, options).map(({ target, output }) => [target, output.data.slice()] as const);
    for (const [target, data] of writes) target.data.set(data);
    return results;
  }

  async close(): Promise<void> {
    // Nothing is held open.
  }
}
