// What an implementation of matmul must keep; the test of it and planted wrong ones run these checks.

import fc from 'fast-check';
import type { Operations, Tensor } from '../../src/ops/index.ts';
import { laidOut, layout, seed, tensorOf, tileExtent, tileExtentOrNone, unitTensor } from '../support/arbitraries.ts';
import { expectSameBits, elements } from '../support/bits.ts';
import { assertWithinGamma, contractDot, judgeMatmul } from '../support/judges.ts';
import type { Checks } from '../support/checks.ts';
import { K_PROBE, RUNS, depth, kind, numbers, row, assertOrder } from '../support/dot-products-checks.ts';

export const matmulChecks: Checks<Operations['matmul']> = {
  'stays within the γ bound of float64 loops': (matmul) => {
    fc.assert(
      fc.property(tileExtent, depth, tileExtent, seed, (M, K, O, s) => {
        const a = unitTensor([M, K], s);
        const b = unitTensor([K, O], s + 1);
        assertWithinGamma(matmul(a, b), judgeMatmul(a, b));
      }),
      RUNS,
    );
  },
  'equals the contract bit for bit, whatever the bits of the input': (matmul) => {
    fc.assert(
      fc.property(tileExtent, depth, tileExtent, seed, kind, (M, K, O, s, of) => {
        const a = numbers([M, K], of, s);
        const b = numbers([K, O], of, s + 1);
        const expected = Array.from({ length: M * O }, (_, i) =>
          contractDot(row(a, Math.floor(i / O)), row(b.transpose(1, 0) as Tensor, i % O), null),
        );
        expectSameBits(matmul(a, b), tensorOf(expected, [M, O]));
      }),
      RUNS,
    );
  },
  'in float64 the same order without rounding to binary32; float32 beside it is taken exactly': (matmul) => {
    fc.assert(
      fc.property(tileExtent, depth, tileExtent, seed, fc.boolean(), (M, K, O, s, mixed) => {
        const a = unitTensor([M, K], s, Float64Array);
        const b = unitTensor([K, O], s + 1, mixed ? Float32Array : Float64Array);
        const expected = Array.from({ length: M * O }, (_, i) =>
          contractDot(row(a, Math.floor(i / O)), row(b.transpose(1, 0) as Tensor, i % O), null, Float64Array),
        );
        expectSameBits(matmul(a, b), tensorOf(expected, [M, O], Float64Array));
      }),
      RUNS,
    );
  },
  'sums k in blocks of 128': (matmul) => {
    assertOrder((a) =>
      elements(matmul(tensorOf(a, [1, K_PROBE]), tensorOf(new Array<number>(K_PROBE * 6).fill(1), [K_PROBE, 6]))),
    );
  },
  'reads strided views like contiguous copies': (matmul) => {
    fc.assert(
      fc.property(
        tileExtentOrNone,
        tileExtentOrNone,
        tileExtentOrNone,
        seed,
        layout,
        layout,
        (M, K, O, s, left, right) => {
          const a = unitTensor([2, M, K], s);
          const b = unitTensor([2, K, O], s + 1);
          expectSameBits(matmul(laidOut(a, left), laidOut(b, right)), matmul(a, b));
        },
      ),
      RUNS,
    );
  },
  'a batch of N equals N single products bit for bit': (matmul) => {
    const a = unitTensor([3, 5, 130], 7);
    const b = unitTensor([3, 130, 6], 8);
    const y = matmul(a, b);
    for (let n = 0; n < 3; n++)
      expectSameBits(
        y.pick(n, null, null) as Tensor,
        matmul(a.pick(n, null, null) as Tensor, b.pick(n, null, null) as Tensor),
      );
  },
  'a column of b belongs to an output': (matmul) => {
    expectSameBits(
      matmul(tensorOf([1, 10, 100], [1, 3]), tensorOf([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3])),
      tensorOf([741, 852, 963], [1, 3]),
    );
  },
  'of no rows is empty, over no k is +0': (matmul) => {
    expectSameBits(matmul(tensorOf([], [0, 3]), tensorOf(new Array<number>(12).fill(1), [3, 4])), tensorOf([], [0, 4]));
    expectSameBits(matmul(tensorOf([], [2, 0]), tensorOf([], [0, 5])), tensorOf(new Array<number>(10).fill(0), [2, 5]));
  },
};
