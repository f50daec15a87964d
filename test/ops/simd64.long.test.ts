// Float64 mode of the SIMD executor: every operation equals its plain definition in float64 (reference64.ts) as bit
// patterns, for sizes around every tile and block, special values, strided views, parameters of either width, and any
// number of threads.

import fc from 'fast-check';
import ndarray from 'ndarray';
import { describe, expect, test } from 'vitest';
import { reference64 } from '../../src/ops/reference64.ts';
import type { Tensor } from '../../src/ops/tensor.ts';
import {
  fill,
  laidOut,
  layout,
  rawNumbers,
  rawNumbers64,
  seed,
  unitNumbers,
  unitTensor,
} from '../support/arbitraries.ts';
import { expectSameBits } from '../support/bits.ts';
import { batch, depth, sameBitsAs, sharedCases, simdExecutors, threads, type Compute } from '../support/simd-cases.ts';

const executors = simdExecutors();
const sameBits = sameBitsAs(reference64, executors, 'float64');

/** Rows around tiles of 4 and 5 and their remainders, and one that takes several blocks of rows. */
const rows = fc.constantFrom(1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 19, 20, 145);
/** Columns around halves of panels of 8, panels, and groups of them. */
const columns = fc.constantFrom(1, 3, 4, 5, 7, 8, 9, 16, 17, 64, 127, 128, 137);

/**
 * Numbers between -1 and 1 with 53 bits, or, one time in three, any bit patterns: NaN, infinities, subnormals, -0.
 * Parameters are float32 or float64.
 */
const content = fc.record({ start: seed, any: fc.constantFrom(false, false, true), narrow: fc.boolean() });
type Content = { start: number; any: boolean; narrow: boolean };
const tensor = (shape: number[], { start, any }: Content, n: number): Tensor => {
  const [high, low] = [unitNumbers(start + n), unitNumbers(start + n + 77)];
  return fill(shape, any ? rawNumbers64(start + n, true) : () => high() + low() / 2 ** 24, Float64Array);
};
const parameter = (shape: number[], c: Content, n: number): Tensor => {
  if (!c.narrow) return tensor(shape, c, n);
  return c.any ? fill(shape, rawNumbers(c.start + n, true)) : unitTensor(shape, c.start + n);
};
const norm = (C: number, c: Content, n: number) => ({
  weight: parameter([C], c, n),
  bias: parameter([C], c, n + 1),
  runningMean: parameter([C], c, n + 2),
  runningVar: reference64.relu(parameter([C], c, n + 3)),
});

const cases: Record<string, fc.Arbitrary<Compute>> = {
  ...sharedCases({ rows, columns, content, tensor, parameter }),
  linear: fc.tuple(rows, depth, columns, fc.boolean(), content, layout, layout).map(
    ([M, K, O, withBias, c, l, w]) =>
      (ops) =>
        ops.linear(
          laidOut(tensor([M, K], c, 0), l),
          laidOut(parameter([O, K], c, 1), w),
          withBias ? parameter([O], c, 2) : null,
        ),
  ),
  'linear, activation, residual': fc
    .tuple(batch, rows, depth, columns, fc.constantFrom('quickGelu', 'gelu', 'sigmoid', 'relu', null), content)
    .map(([N, T, K, O, activation, c]) => (ops) => {
      const y = ops.linear(tensor([N, T, K], c, 0), parameter([O, K], c, 1), parameter([O], c, 2));
      return ops.add(tensor([N, T, O], c, 3), activation === null ? y : ops[activation as 'gelu'](y));
    }),
  matmul: fc.tuple(batch, fc.constantFrom(1, 4, 5, 9), depth, columns, content, layout, layout).map(
    ([N, M, K, O, c, l, w]) =>
      (ops) =>
        ops.matmul(laidOut(tensor([N, M, K], c, 0), l), laidOut(parameter([N, K, O], c, 1), w)),
  ),
  'conv2d of many outputs': fc.tuple(fc.constantFrom(7, 14, 33), fc.constantFrom(127, 128, 129, 257), content).map(
    ([H, O, c]) =>
      (ops) =>
        ops.conv2d(tensor([1, 8, H, H], c, 0), parameter([O, 8, 1, 1], c, 1), parameter([O], c, 2)),
  ),
  'conv2d, batchNorm2d, residual, relu, avgPool2d': fc
    .tuple(
      batch,
      fc.constantFrom(3, 43),
      fc.constantFrom(2, 5, 7, 8, 14),
      fc.constantFrom(4, 9, 20),
      fc.constantFrom(1, 3),
      fc.boolean(),
      fc.boolean(),
      content,
    )
    .map(([N, C, H, O, k, withResidual, pooled, c]) => (ops) => {
      const x = tensor([N, C, H, H], c, 0);
      let y = ops.batchNorm2d(
        ops.conv2d(x, parameter([O, C, k, k], c, 1), null, { padding: (k - 1) / 2 }),
        norm(O, c, 2),
      );
      if (withResidual) y = ops.add(y, ops.conv2d(x, parameter([O, C, 1, 1], c, 6), null));
      y = ops.relu(y);
      return pooled ? ops.avgPool2d(y, 2) : y;
    }),
  layerNorm: fc.tuple(rows, columns, content, layout).map(
    ([M, D, c, l]) =>
      (ops) =>
        ops.layerNorm(laidOut(tensor([M, D], c, 0), l), parameter([D], c, 1), laidOut(parameter([D], c, 2), l)),
  ),
  softmax: fc.tuple(rows, columns, content, layout).map(
    ([M, D, c, l]) =>
      (ops) =>
        ops.softmax(laidOut(tensor([M, D], c, 0), l)),
  ),
  batchNorm2d: fc.tuple(batch, columns, fc.constantFrom(1, 3, 4, 7), content, layout).map(
    ([N, C, H, c, l]) =>
      (ops) =>
        ops.batchNorm2d(laidOut(tensor([N, C, H, H], c, 0), l), norm(C, c, 1)),
  ),
  scale: fc.tuple(columns, fc.double({ noNaN: true }), content).map(
    ([n, factor, c]) =>
      (ops) =>
        ops.scale(tensor([n], c, 0), factor),
  ),
  add: fc.tuple(rows, columns, fc.boolean(), content, layout).map(
    ([M, D, repeated, c, l]) =>
      (ops) =>
        ops.add(tensor([M, D], c, 0), laidOut(parameter(repeated ? [D] : [M, D], c, 1), l)),
  ),
  'embedding of a float32 table': fc.tuple(columns, content, seed).map(
    ([D, c, start]) =>
      (ops) =>
        ops.embedding(
          ndarray(
            Int32Array.from({ length: 6 }, (_, i) => (start + 7 * i) % 11),
            [6],
          ),
          c.any ? fill([11, D], rawNumbers(c.start, true)) : unitTensor([11, D], c.start),
        ),
  ),
};

describe.each(Object.keys(cases))('%s', (name) => {
  test('has the bits of the plain definition in float64, whatever the sizes, the values and the threads', async () => {
    await fc.assert(fc.asyncProperty(threads, cases[name], sameBits), { numRuns: 60 });
  });
});

test('the comparison catches a product without blocks of 128, and one whose operand was rounded to float32', async () => {
  const [high, low] = [unitNumbers(1), unitNumbers(2)];
  const x = fill([4, 300], () => high() + low() / 2 ** 24, Float64Array);
  const w = unitTensor([9, 300], 2);
  const actual = await executors.get(1)!.run([], (_, ops) => ops.linear(x, w, null), { precision: 'float64' });
  expectSameBits(actual, reference64.linear(x, w, null));
  const unblocked = ndarray(
    Float64Array.from({ length: 36 }, (_, i) => {
      let s = 0;
      for (let k = 0; k < 300; k++) s += x.get(Math.floor(i / 9), k) * w.get(i % 9, k);
      return s;
    }),
    [4, 9],
  );
  expect(() => expectSameBits(actual, unblocked)).toThrow();
  const rounded = ndarray(Float64Array.from(Float32Array.from(x.data)), [4, 300]);
  expect(() => expectSameBits(actual, reference64.linear(rounded, w, null))).toThrow();
});

test('float32 mode still refuses float64 tensors, and says what to do', async () => {
  const x = fill([2, 2], unitNumbers(1), Float64Array);
  await expect(executors.get(1)!.run([], (_, ops) => ops.relu(x))).rejects.toThrow(/compute with precision float64/);
  await expect(executors.get(1)!.run([x], ([y], ops) => ops.relu(y))).rejects.toThrow(/compute with precision float64/);
});
