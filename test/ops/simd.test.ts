// The two paths are one oracle: every operation through the SIMD executor equals its plain definition as bit patterns,
// for sizes around every tile and block, special values, strided views, and any number of threads.

import fc from 'fast-check';
import ndarray from 'ndarray';
import { describe, expect, test } from 'vitest';
import { reference } from '../../src/ops/reference.ts';
import type { Tensor } from '../../src/ops/tensor.ts';
import { fill, laidOut, layout, rawNumbers, seed, unitTensor } from '../support/arbitraries.ts';
import { expectSameBits } from '../support/bits.ts';
import { batch, depth, sameBitsAs, sharedCases, simdExecutors, threads, type Compute } from '../support/simd-cases.ts';

const executors = simdExecutors();
const sameBits = sameBitsAs(reference, executors, 'float32');

/** Rows around tiles of 4 and 5 and their remainders, and one that takes several blocks of rows. */
const rows = fc.constantFrom(1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 19, 20, 289);
/** Columns around panels of 8 and groups of them. */
const columns = fc.constantFrom(1, 3, 7, 8, 9, 16, 17, 64, 127, 128, 137);

/** Numbers between -1 and 1, or, one time in three, any bit patterns: NaN, infinities, subnormals, -0. */
const content = fc.record({ start: seed, any: fc.constantFrom(false, false, true) });
type Content = { start: number; any: boolean };
const tensor = (shape: number[], { start, any }: Content, n: number): Tensor =>
  any ? fill(shape, rawNumbers(start + n, true)) : unitTensor(shape, start + n);

const cases: Record<string, fc.Arbitrary<Compute>> = {
  ...sharedCases({ rows, columns, content, tensor, parameter: tensor }),
  linear: fc.tuple(rows, depth, columns, fc.boolean(), content, layout).map(
    ([M, K, O, withBias, c, l]) =>
      (ops) =>
        ops.linear(laidOut(tensor([M, K], c, 0), l), tensor([O, K], c, 1), withBias ? tensor([O], c, 2) : null),
  ),
  'linear, activation, residual': fc
    .tuple(batch, rows, depth, columns, fc.constantFrom('quickGelu', 'gelu', null), content)
    .map(([N, T, K, O, activation, c]) => (ops) => {
      const y = ops.linear(tensor([N, T, K], c, 0), tensor([O, K], c, 1), tensor([O], c, 2));
      return ops.add(tensor([N, T, O], c, 3), activation === null ? y : ops[activation as 'gelu'](y));
    }),
  matmul: fc.tuple(batch, fc.constantFrom(1, 4, 5, 9), depth, columns, content, layout).map(
    ([N, M, K, O, c, l]) =>
      (ops) =>
        ops.matmul(tensor([N, M, K], c, 0), laidOut(tensor([N, K, O], c, 1), l)),
  ),
  'conv2d, batchNorm2d, residual, relu': fc
    .tuple(
      batch,
      fc.constantFrom(3, 43),
      fc.constantFrom(1, 2, 5, 7, 8, 14),
      fc.constantFrom(4, 9, 20),
      fc.constantFrom(1, 3),
      fc.boolean(),
      fc.boolean(),
      content,
    )
    .map(([N, C, H, O, k, withResidual, withRelu, c]) => (ops) => {
      const x = tensor([N, C, H, H], c, 0);
      const norm = {
        weight: tensor([O], c, 2),
        bias: tensor([O], c, 3),
        runningMean: tensor([O], c, 4),
        runningVar: reference.relu(tensor([O], c, 5)),
      };
      let y = ops.batchNorm2d(ops.conv2d(x, tensor([O, C, k, k], c, 1), null, { padding: (k - 1) / 2 }), norm);
      if (withResidual) y = ops.add(y, ops.conv2d(x, tensor([O, C, 1, 1], c, 6), null));
      return withRelu ? ops.relu(y) : y;
    }),
  layerNorm: fc.tuple(rows, columns, content, layout).map(
    ([M, D, c, l]) =>
      (ops) =>
        ops.layerNorm(laidOut(tensor([M, D], c, 0), l), tensor([D], c, 1), tensor([D], c, 2)),
  ),
  softmax: fc.tuple(rows, columns, content).map(
    ([M, D, c]) =>
      (ops) =>
        ops.softmax(tensor([M, D], c, 0)),
  ),
  batchNorm2d: fc.tuple(batch, columns, fc.constantFrom(1, 3, 4, 7), content).map(
    ([N, C, H, c]) =>
      (ops) =>
        ops.batchNorm2d(tensor([N, C, H, H], c, 0), {
          weight: tensor([C], c, 1),
          bias: tensor([C], c, 2),
          runningMean: tensor([C], c, 3),
          runningVar: reference.relu(tensor([C], c, 4)),
        }),
  ),
  scale: fc.tuple(columns, fc.float({ noNaN: true }), content).map(
    ([n, factor, c]) =>
      (ops) =>
        ops.scale(tensor([n], c, 0), factor),
  ),
  add: fc.tuple(rows, columns, fc.boolean(), content).map(
    ([M, D, repeated, c]) =>
      (ops) =>
        ops.add(tensor([M, D], c, 0), tensor(repeated ? [D] : [M, D], c, 1)),
  ),
};

describe.each(Object.keys(cases))('%s', (name) => {
  test('has the bits of the plain definition, whatever the sizes, the values and the threads', async () => {
    await fc.assert(fc.asyncProperty(threads, cases[name], sameBits), { numRuns: 24 });
  });
});

test('the comparison catches a product without blocks of 128', async () => {
  const x = unitTensor([4, 300], 1);
  const w = unitTensor([9, 300], 2);
  const wrong: Compute = (ops) => ops.linear(x, w, null);
  const actual = await executors.get(1)!.run([], (_, ops) => wrong(ops));
  const unblocked = ndarray(
    Float32Array.from({ length: 36 }, (_, i) => {
      let s = 0;
      for (let k = 0; k < 300; k++) s = Math.fround(s + Math.fround(x.get(Math.floor(i / 9), k) * w.get(i % 9, k)));
      return s;
    }),
    [4, 9],
  );
  expect(() => expectSameBits(actual, unblocked)).toThrow();
});
