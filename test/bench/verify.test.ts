// The benchmarks verify before they time: what they must refuse is planted here.

import ndarray from 'ndarray';
import { describe, expect, test } from 'vitest';
import { ceilingHere } from '../../bench/ceiling.ts';
import { expectedFeatures } from '../../bench/golden.ts';
import { measureOperation } from '../../bench/operation.ts';
import { product } from '../../bench/products.ts';
import type { Shape } from '../../bench/shapes.ts';
import { ReferenceExecutor } from '../../src/executors/reference.ts';
import type { Compute, Executor, Outputs, RunOptions } from '../../src/executors/executor.ts';
import type { Tensor } from '../../src/ops/tensor.ts';

const SHAPES: readonly Shape[] = [
  { kind: 'linear', M: 3, K: 300, O: 5, times: 1, note: '' },
  { kind: 'conv', C: 20, H: 6, O: 4, K: 3, stride: 1, padding: 1, times: 1, note: '' },
  { kind: 'conv', C: 3, H: 8, O: 4, K: 4, stride: 4, padding: 0, times: 1, note: '' },
];

/** An executor whose results are passed through `spoil`. */
function spoiled(spoil: (y: Tensor) => Tensor): Executor {
  const executor = new ReferenceExecutor('float32');
  const run = executor.run.bind(executor);
  executor.run = async <R extends Outputs>(...given: [readonly Tensor[], Compute<R>, RunOptions?]): Promise<R> =>
    spoil((await run(...given)) as Tensor) as R;
  return executor;
}

describe.each(SHAPES)('a product: %j', (shape) => {
  test('that is right is timed', async () => {
    const { fastest, typical, runs } = await measureOperation(
      spoiled((y) => y),
      product(shape, 2),
      0,
    );
    expect(fastest).toBeGreaterThan(0);
    expect(typical).toBeGreaterThanOrEqual(fastest);
    expect(runs).toBe(3);
  });

  test('whose last output is one unit in the last place off is refused', async () => {
    const off = spoiled((y) => {
      const data = Float32Array.from(y.data as Float32Array);
      new Uint32Array(data.buffer)[data.length - 1] += 1;
      return ndarray(data, y.shape) as Tensor;
    });
    await expect(measureOperation(off, product(shape), 0)).rejects.toThrow(
      /expected .*, got .*not timed, because it is wrong/,
    );
  });
});

test('the ceiling is a rate, and its loops compute what they should', () => {
  expect(ceilingHere(0.01)).toBeGreaterThan(1e8);
});

test(
  'features are measured against float64: exact ones have no error, shifted ones theirs, NaN is never within a ' +
    'bound',
  () => {
    const expected = expectedFeatures('ViT-B/32');
    expect(expected.pytorch.error).toBeGreaterThan(1e-8);
    expect(expected.pytorch.error).toBeLessThan(1e-5);
    const broken = new Float32Array(512).fill(NaN);
    expect(expected.error(broken) <= 1).toBe(false);
    expect(expected.difference(broken) <= 1).toBe(false);
    expect(expected.error(new Float32Array(512))).toBe(1); // nothing at all: an error as large as the feature
  },
);
