// Float64 mode of the SIMD executor: every operation equals its plain definition in float64 (reference64.ts) as bit patterns, for sizes around every tile and
// block, special values, strided views, parameters of either width, and any number of threads.

import fc from 'fast-check';
import ndarray from 'ndarray';
import { afterAll, describe, expect, test } from 'vitest';
import { SimdExecutor } from '../../src/clip/simd-executor.ts';
import type { Operations } from '../../src/ops/operations.ts';
import { reference64 } from '../../src/ops/reference64.ts';
import type { Tensor } from '../../src/ops/tensor.ts';
import { fill, laidOut, layout, rawNumbers, rawNumbers64, seed, unitNumbers, unitTensor } from '../support/arbitraries.ts';
import { expectSameBits } from '../support/bits.ts';

const THREADS = [1, 2, 3, 7];
const executors = new Map(THREADS.map((threads) => [threads, new SimdExecutor(threads)]));
afterAll(async () => {
  for (const executor of executors.values()) await executor.close();
});

type Compute = (ops: Operations) => Tensor;

async function sameBits(threads: number, compute: Compute): Promise<void> {
  const expected = compute(reference64);
  const actual = await executors.get(threads)!.run([], (_, ops) => compute(ops), { precision: 'float64' });
  expectSameBits(actual, expected);
}

/** Rows around tiles of 4 and 5 and their remainders, and one that takes several blocks of rows. */
const rows = fc.constantFrom(1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 19, 20, 145);
/** Columns around halves of panels of 8, panels, and groups of them. */
const columns = fc.constantFrom(1, 3, 4, 5, 7, 8, 9, 16, 17, 64, 127, 128, 137);
/** Depths around blocks of 128. */
const depth = fc.constantFrom(1, 2, 5, 127, 128, 129, 256, 300);
const threads = fc.constantFrom(...THREADS);
const batch = fc.constantFrom(1, 2, 5);

/** Numbers between -1 and 1 with 53 bits, or, one time in three, any bit patterns: NaN, infinities, subnormals, -0. Parameters are float32 or float64. */
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
const norm = (C: number, c: Content, n: number) =>
  ({ weight: parameter([C], c, n), bias: parameter([C], c, n + 1), runningMean: parameter([C], c, n + 2), runningVar: reference64.relu(parameter([C], c, n + 3)) });

const cases: Record<string, fc.Arbitrary<Compute>> = {
  linear: fc.tuple(rows, depth, columns, fc.boolean(), content, layout, layout).map(([M, K, O, withBias, c, l, w]) => (ops) =>
    ops.linear(laidOut(tensor([M, K], c, 0), l), laidOut(parameter([O, K], c, 1), w), withBias ? parameter([O], c, 2) : null)),
  'linear, activation, residual': fc.tuple(batch, rows, depth, columns, fc.constantFrom('quickGelu', 'gelu', 'sigmoid', 'relu', null), content).map(([N, T, K, O, activation, c]) => (ops) => {
    const y = ops.linear(tensor([N, T, K], c, 0), parameter([O, K], c, 1), parameter([O], c, 2));
    return ops.add(tensor([N, T, O], c, 3), activation === null ? y : ops[activation as 'gelu'](y));
  }),
  matmul: fc.tuple(batch, fc.constantFrom(1, 4, 5, 9), depth, columns, content, layout, layout).map(([N, M, K, O, c, l, w]) => (ops) =>
    ops.matmul(laidOut(tensor([N, M, K], c, 0), l), laidOut(parameter([N, K, O], c, 1), w))),
  conv2d: fc.tuple(batch, fc.constantFrom(1, 3, 15, 40), fc.integer({ min: 1, max: 19 }), fc.integer({ min: 1, max: 19 }), fc.constantFrom(1, 4, 5, 9, 16), fc.constantFrom(1, 2, 3, 4),
    fc.constantFrom(1, 2, 3), fc.constantFrom(0, 1, 2), fc.boolean(), content).filter(([, , H, W, , k, , p]) => H + 2 * p >= k && W + 2 * p >= k)
    .map(([N, C, H, W, O, k, stride, padding, withBias, c]) => (ops) =>
      ops.conv2d(tensor([N, C, H, W], c, 0), parameter([O, C, k, k], c, 1), withBias ? parameter([O], c, 2) : null, { stride, padding })),
  'conv2d of many outputs': fc.tuple(fc.constantFrom(7, 14, 33), fc.constantFrom(127, 128, 129, 257), content)
    .map(([H, O, c]) => (ops) => ops.conv2d(tensor([1, 8, H, H], c, 0), parameter([O, 8, 1, 1], c, 1), parameter([O], c, 2))),
  'conv2d, batchNorm2d, residual, relu, avgPool2d': fc.tuple(batch, fc.constantFrom(3, 43), fc.constantFrom(2, 5, 7, 8, 14), fc.constantFrom(4, 9, 20), fc.constantFrom(1, 3), fc.boolean(), fc.boolean(), content)
    .map(([N, C, H, O, k, withResidual, pooled, c]) => (ops) => {
      const x = tensor([N, C, H, H], c, 0);
      let y = ops.batchNorm2d(ops.conv2d(x, parameter([O, C, k, k], c, 1), null, { padding: (k - 1) / 2 }), norm(O, c, 2));
      if (withResidual) y = ops.add(y, ops.conv2d(x, parameter([O, C, 1, 1], c, 6), null));
      y = ops.relu(y);
      return pooled ? ops.avgPool2d(y, 2) : y;
    }),
  attention: fc.tuple(batch, fc.constantFrom(1, 5, 40, 41, 83), fc.constantFrom(1, 7, 8, 50, 129), fc.constantFrom(1, 2, 3), fc.constantFrom(1, 4, 8, 64), fc.boolean(), content, fc.boolean())
    .map(([N, T, S, heads, d, withMask, c, tokensFirst]) => (ops) => {
      const D = heads * d;
      const of = (t: number, n: number): Tensor => tokensFirst ? tensor([t, N, D], c, n).transpose(1, 0, 2) : tensor([N, t, D], c, n);
      return ops.attention(of(T, 0), of(S, 1), of(S, 2), { heads, mask: withMask ? parameter([T, S], c, 3) : null });
    }),
  layerNorm: fc.tuple(rows, columns, content, layout).map(([M, D, c, l]) => (ops) => ops.layerNorm(laidOut(tensor([M, D], c, 0), l), parameter([D], c, 1), laidOut(parameter([D], c, 2), l))),
  softmax: fc.tuple(rows, columns, content, layout).map(([M, D, c, l]) => (ops) => ops.softmax(laidOut(tensor([M, D], c, 0), l))),
  l2Normalize: fc.tuple(rows, columns, content).map(([M, D, c]) => (ops) => ops.l2Normalize(tensor([M, D], c, 0))),
  mean: fc.tuple(rows, columns, content).map(([M, D, c]) => (ops) => ops.mean(tensor([M, D], c, 0))),
  batchNorm2d: fc.tuple(batch, columns, fc.constantFrom(1, 3, 4, 7), content, layout).map(([N, C, H, c, l]) => (ops) => ops.batchNorm2d(laidOut(tensor([N, C, H, H], c, 0), l), norm(C, c, 1))),
  avgPool2d: fc.tuple(batch, fc.constantFrom(1, 5), fc.integer({ min: 2, max: 17 }), fc.integer({ min: 2, max: 17 }), fc.constantFrom(1, 2, 3), fc.constantFrom(1, 2, 3), fc.constantFrom(0, 1), fc.boolean(), content)
    .filter(([, , H, W, kernel, , padding]) => 2 * padding <= kernel && H + 2 * padding >= kernel && W + 2 * padding >= kernel)
    .map(([N, C, H, W, kernel, stride, padding, countIncludePad, c]) => (ops) => ops.avgPool2d(tensor([N, C, H, W], c, 0), kernel, { stride, padding, countIncludePad })),
  'relu, sigmoid, quickGelu, gelu': fc.tuple(rows, columns, fc.constantFrom('relu', 'sigmoid', 'quickGelu', 'gelu'), content, layout).map(([M, D, op, c, l]) => (ops) =>
    ops[op as 'relu'](laidOut(tensor([M, D], c, 0), l))),
  scale: fc.tuple(columns, fc.double({ noNaN: true }), content).map(([n, factor, c]) => (ops) => ops.scale(tensor([n], c, 0), factor)),
  add: fc.tuple(rows, columns, fc.boolean(), content, layout).map(([M, D, repeated, c, l]) => (ops) => ops.add(tensor([M, D], c, 0), laidOut(parameter(repeated ? [D] : [M, D], c, 1), l))),
  'concat, contiguous, embedding': fc.tuple(fc.constantFrom(1, 2, 5), columns, fc.constantFrom(0, 1, 2), content, seed).map(([N, D, axis, c, start]) => (ops) => {
    const joined = ops.concat([parameter([N, 3, D], c, 0), tensor([N, 3, D], c, 1)], axis);
    const table = ops.contiguous(joined.transpose(2, 0, 1));
    const flat = ndarray(table.data, [table.shape[0], table.shape[1] * table.shape[2]], [table.shape[1] * table.shape[2], 1], table.offset) as Tensor;
    const ids = Int32Array.from({ length: 6 }, (_, i) => (start + 7 * i) % flat.shape[0]);
    return ops.embedding(ndarray(ids, [2, 3]), flat);
  }),
  'embedding of a float32 table': fc.tuple(columns, content, seed).map(([D, c, start]) => (ops) =>
    ops.embedding(ndarray(Int32Array.from({ length: 6 }, (_, i) => (start + 7 * i) % 11), [6]), c.any ? fill([11, D], rawNumbers(c.start, true)) : unitTensor([11, D], c.start))),
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
  const unblocked = ndarray(Float64Array.from({ length: 36 }, (_, i) => {
    let s = 0;
    for (let k = 0; k < 300; k++) s += x.get(Math.floor(i / 9), k) * w.get(i % 9, k);
    return s;
  }), [4, 9]);
  expect(() => expectSameBits(actual, unblocked)).toThrow();
  const rounded = ndarray(Float64Array.from(Float32Array.from(x.data)), [4, 300]);
  expect(() => expectSameBits(actual, reference64.linear(rounded, w, null))).toThrow();
});

test('float32 mode still refuses float64 tensors, and says what to do', async () => {
  const x = fill([2, 2], unitNumbers(1), Float64Array);
  await expect(executors.get(1)!.run([], (_, ops) => ops.relu(x))).rejects.toThrow(/compute with precision float64/);
  await expect(executors.get(1)!.run([x], ([y], ops) => ops.relu(y))).rejects.toThrow(/compute with precision float64/);
});
