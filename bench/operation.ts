// One operation through the executor's public path: its weights are read into the executor's memory as a model's are,
// then it runs again and again.

import type { Executor, WeightSource } from '../src/executors/executor.ts';
import type { Tensor } from '../src/ops/tensor.ts';
import type { Product } from './products.ts';

export interface Timing {
  /** Seconds. */
  fastest: number;
  typical: number;
  runs: number;
}

/**
 * Verifies, then times.
 * @param seconds for how long, and at least three times
 */
export async function measureOperation(executor: Executor, product: Product, seconds: number): Promise<Timing> {
  const weights = await executor.readWeights(sourceOf(product.weights), product.uses);
  const run = (): Promise<Tensor> =>
    executor.run([product.input], ([x], ops) => product.compute(ops, x, weights), { key: product.name });
  product.verify(await run());
  const times: number[] = [];
  const end = performance.now() + 1000 * seconds;
  while (times.length < 3 || performance.now() < end) {
    const start = performance.now();
    await run();
    times.push((performance.now() - start) / 1000);
  }
  product.verify(await run());
  times.sort((a, b) => a - b);
  return { fastest: times[0], typical: times[times.length >> 1], runs: times.length };
}

/** Weights in memory, as an executor reads them. */
export function sourceOf(weights: Product['weights']): WeightSource {
  return {
    tensors: new Map([...weights].map(([name, { shape }]) => [name, { dtype: 'F32', shape }])),
    async read(name, into) {
      into.set(weights.get(name)!.data);
    },
  };
}
