// What the comparisons of the SIMD executor with the plain definitions share in both precisions: executors of several
// numbers of threads, sizes, and those cases that do not tell weights from inputs.

import fc from 'fast-check';
import ndarray from 'ndarray';
import { afterAll } from 'vitest';
import type { Precision } from '../../src/executors/executor.ts';
import { SimdExecutor } from '../../src/executors/simd.ts';
import type { Operations } from '../../src/ops/operations.ts';
import type { Tensor } from '../../src/ops/tensor.ts';
import { laidOut, layout, seed } from './arbitraries.ts';
import { expectSameBits } from './bits.ts';

const THREADS = [1, 2, 3, 7];

export type Compute = (ops: Operations) => Tensor;

/** Executors by their numbers of threads, closed after the tests of the file that asks for them. */
export function simdExecutors(): ReadonlyMap<number, SimdExecutor> {
  const executors = new Map(THREADS.map((count) => [count, new SimdExecutor(count)]));
  afterAll(async () => {
    for (const executor of executors.values()) await executor.close();
  });
  return executors;
}

/** A property of numbers of threads and computations: the executor has the bits of `plain`. */
export const sameBitsAs =
  (plain: Operations, executors: ReadonlyMap<number, SimdExecutor>, precision: Precision) =>
  async (count: number, compute: Compute): Promise<void> => {
    const expected = compute(plain);
    const actual = await executors.get(count)!.run([], (_, ops) => compute(ops), { precision });
    expectSameBits(actual, expected);
  };

export const threads = fc.constantFrom(...THREADS);
export const batch = fc.constantFrom(1, 2, 5);
/** Depths around blocks of 128. */
export const depth = fc.constantFrom(1, 2, 5, 127, 128, 129, 256, 300);

export interface Sizes<Content> {
  rows: fc.Arbitrary<number>;
  columns: fc.Arbitrary<number>;
  content: fc.Arbitrary<Content>;
  /** An input: the n-th of its case. */
  tensor: (shape: number[], content: Content, n: number) => Tensor;
  /** What stands for weights. */
  parameter: (shape: number[], content: Content, n: number) => Tensor;
}

export const sharedCases = <Content>({
  rows,
  columns,
  content,
  tensor,
  parameter,
}: Sizes<Content>): Record<string, fc.Arbitrary<Compute>> => ({
  conv2d: fc
    .tuple(
      batch,
      fc.constantFrom(1, 3, 15, 40),
      fc.integer({ min: 1, max: 19 }),
      fc.integer({ min: 1, max: 19 }),
      fc.constantFrom(1, 4, 5, 9, 16),
      fc.constantFrom(1, 2, 3, 4),
      fc.constantFrom(1, 2, 3),
      fc.constantFrom(0, 1, 2),
      fc.boolean(),
      content,
    )
    .filter(([, , H, W, , k, , p]) => H + 2 * p >= k && W + 2 * p >= k)
    .map(
      ([N, C, H, W, O, k, stride, padding, withBias, c]) =>
        (ops) =>
          ops.conv2d(
            tensor([N, C, H, W], c, 0),
            parameter([O, C, k, k], c, 1),
            withBias ? parameter([O], c, 2) : null,
            { stride, padding },
          ),
    ),
  attention: fc
    .tuple(
      batch,
      fc.constantFrom(1, 5, 40, 41, 83),
      fc.constantFrom(1, 7, 8, 50, 129),
      fc.constantFrom(1, 2, 3),
      fc.constantFrom(1, 4, 8, 64, 80, 81, 88, 104),
      fc.boolean(),
      content,
      fc.boolean(),
    )
    .map(([N, T, S, heads, d, withMask, c, tokensFirst]) => (ops) => {
      const D = heads * d;
      const of = (t: number, n: number): Tensor =>
        tokensFirst ? tensor([t, N, D], c, n).transpose(1, 0, 2) : tensor([N, t, D], c, n);
      return ops.attention(of(T, 0), of(S, 1), of(S, 2), { heads, mask: withMask ? parameter([T, S], c, 3) : null });
    }),
  l2Normalize: fc.tuple(rows, columns, content).map(
    ([M, D, c]) =>
      (ops) =>
        ops.l2Normalize(tensor([M, D], c, 0)),
  ),
  mean: fc.tuple(rows, columns, content).map(
    ([M, D, c]) =>
      (ops) =>
        ops.mean(tensor([M, D], c, 0)),
  ),
  avgPool2d: fc
    .tuple(
      batch,
      fc.constantFrom(1, 5),
      fc.integer({ min: 2, max: 17 }),
      fc.integer({ min: 2, max: 17 }),
      fc.constantFrom(1, 2, 3),
      fc.constantFrom(1, 2, 3),
      fc.constantFrom(0, 1),
      fc.boolean(),
      content,
    )
    .filter(
      ([, , H, W, kernel, , padding]) =>
        2 * padding <= kernel && H + 2 * padding >= kernel && W + 2 * padding >= kernel,
    )
    .map(
      ([N, C, H, W, kernel, stride, padding, countIncludePad, c]) =>
        (ops) =>
          ops.avgPool2d(tensor([N, C, H, W], c, 0), kernel, { stride, padding, countIncludePad }),
    ),
  'relu, sigmoid, quickGelu, gelu': fc
    .tuple(rows, columns, fc.constantFrom('relu', 'sigmoid', 'quickGelu', 'gelu'), content, layout)
    .map(
      ([M, D, op, c, l]) =>
        (ops) =>
          ops[op as 'relu'](laidOut(tensor([M, D], c, 0), l)),
    ),
  'concat, contiguous, embedding': fc
    .tuple(fc.constantFrom(1, 2, 5), columns, fc.constantFrom(0, 1, 2), content, seed)
    .map(([N, D, axis, c, start]) => (ops) => {
      const joined = ops.concat([parameter([N, 3, D], c, 0), tensor([N, 3, D], c, 1)], axis);
      const table = ops.contiguous(joined.transpose(2, 0, 1));
      const flat = ndarray(
        table.data,
        [table.shape[0], table.shape[1] * table.shape[2]],
        [table.shape[1] * table.shape[2], 1],
        table.offset,
      ) as Tensor;
      const ids = Int32Array.from({ length: 6 }, (_, i) => (start + 7 * i) % flat.shape[0]);
      return ops.embedding(ndarray(ids, [2, 3]), flat);
    }),
});
