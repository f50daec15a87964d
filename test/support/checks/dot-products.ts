// Checks of matmul, linear and conv2d: the operations that are dot products.

import fc from 'fast-check';
import type { Operations, Tensor } from '../../../src/ops/index.ts';
import {
  blockDepth,
  fill,
  laidOut,
  layout,
  rawNumbers,
  seed,
  tensorOf,
  tileExtent,
  tileExtentOrNone,
  unitTensor,
} from '../arbitraries.ts';
import { expectSameBits, elements } from '../bits.ts';
import {
  assertWithinGamma,
  contractDot,
  convolutionOperands,
  judgeConv2d,
  judgeLinear,
  judgeMatmul,
} from '../judges.ts';
import type { Checks } from './checks.ts';
import { probe, revealingPairs, survivorsOfBlocks } from './sums.ts';

const LARGE = 2 ** 40; // its neighbours lie 2^17 apart: hundreds of ones vanish beside it
const K_PROBE = 389; // three blocks and a remainder of 5
const RUNS = { numRuns: 40 };
// tileExtent again, so that K = O comes up: square weights hide nothing else than a transposition
const depth = fc.oneof(blockDepth, tileExtent);

/**
 * Numbers of four kinds: as in networks (they show the order of summation), so small that products and sums are
 * subnormal, all finite bit patterns, all bit patterns.
 */
const kind = fc.constantFrom('unit', 'tiny', 'finite', 'any');

function numbers(shape: readonly number[], of: string, s: number): Tensor {
  if (of === 'tiny')
    return tensorOf(
      elements(unitTensor(shape, s)).map((v) => v * 2 ** -68),
      shape,
    );
  return of === 'unit' ? unitTensor(shape, s) : fill(shape, rawNumbers(s, of === 'any'));
}

/** Row m of a matrix as a list. */
function row(x: Tensor, m: number): number[] {
  return Array.from({ length: x.shape[1] }, (_, k) => x.get(m, k));
}

/** Throws unless every probe's sum leaves the ones that the contract's order leaves. */
function assertOrder(sum: (a: number[]) => ArrayLike<number>): void {
  for (const [i, j] of revealingPairs(K_PROBE)) {
    const sums = sum(probe(K_PROBE, i, j, LARGE));
    for (let o = 0; o < sums.length; o++) {
      const expected = survivorsOfBlocks(K_PROBE, i, j);
      if (sums[o] !== expected)
        throw new Error(`large at ${i} and ${j}, output ${o}: expected ${expected} ones to survive, got ${sums[o]}`);
    }
  }
}

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

export const linearChecks: Checks<Operations['linear']> = {
  'stays within the γ bound of float64 loops': (linear) => {
    fc.assert(
      fc.property(tileExtent, depth, tileExtent, seed, fc.boolean(), (M, K, O, s, biased) => {
        const x = unitTensor([M, K], s);
        const weight = unitTensor([O, K], s + 1);
        const bias = biased ? unitTensor([O], s + 2) : null;
        assertWithinGamma(linear(x, weight, bias), judgeLinear(x, weight, bias));
      }),
      RUNS,
    );
  },
  'equals the contract bit for bit, bias last, whatever the bits of the input': (linear) => {
    fc.assert(
      fc.property(tileExtent, depth, tileExtent, seed, kind, (M, K, O, s, of) => {
        const x = numbers([M, K], of, s);
        const weight = numbers([O, K], of, s + 1);
        const bias = numbers([O], of, s + 2);
        const expected = Array.from({ length: M * O }, (_, i) =>
          contractDot(row(x, Math.floor(i / O)), row(weight, i % O), bias.get(i % O)),
        );
        expectSameBits(linear(x, weight, bias), tensorOf(expected, [M, O]));
      }),
      RUNS,
    );
  },
  'in float64 mode takes float32 weights exactly': (linear) => {
    const x = unitTensor([3, 300], 1, Float64Array);
    const weight = unitTensor([5, 300], 2);
    const bias = unitTensor([5], 3);
    const expected = Array.from({ length: 15 }, (_, i) =>
      contractDot(row(x, Math.floor(i / 5)), row(weight, i % 5), bias.get(i % 5), Float64Array),
    );
    expectSameBits(linear(x, weight, bias), tensorOf(expected, [3, 5], Float64Array));
  },
  'sums k in blocks of 128': (linear) => {
    assertOrder((a) =>
      elements(linear(tensorOf(a, [1, K_PROBE]), tensorOf(new Array<number>(K_PROBE * 6).fill(1), [6, K_PROBE]), null)),
    );
  },
  'takes any leading axes, strided views too': (linear) => {
    fc.assert(
      fc.property(tileExtentOrNone, tileExtent, tileExtentOrNone, seed, layout, layout, (M, K, O, s, left, right) => {
        const x = unitTensor([2, M, K], s);
        const weight = unitTensor([O, K], s + 1);
        const bias = unitTensor([O], s + 2);
        const y = linear(x, weight, bias);
        expectSameBits(linear(laidOut(x, left), laidOut(weight, right), laidOut(bias, left)), y);
        for (let n = 0; n < 2; n++)
          expectSameBits(y.pick(n, null, null) as Tensor, linear(x.pick(n, null, null) as Tensor, weight, bias));
      }),
      RUNS,
    );
  },
  'maps a single vector (K) to (O); a row of the weight belongs to an output': (linear) => {
    expectSameBits(
      linear(tensorOf([1, 2, 3]), tensorOf([1, 1, 1, 0, 1, -1], [2, 3]), tensorOf([10, 20])),
      tensorOf([16, 19]),
    );
    expectSameBits(
      linear(tensorOf([1, 10, 100]), tensorOf([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3]), null),
      tensorOf([321, 654, 987]),
    );
  },
};

const convolution = fc.record({
  N: fc.constantFrom(1, 2),
  C: fc.constantFrom(1, 3, 16),
  O: fc.constantFrom(1, 4, 5),
  H: fc.integer({ min: 3, max: 8 }),
  W: fc.integer({ min: 3, max: 8 }),
  KH: fc.integer({ min: 1, max: 3 }),
  KW: fc.integer({ min: 1, max: 3 }),
  stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  padding: fc.tuple(fc.nat(2), fc.nat(2)),
  s: seed,
});

export const conv2dChecks: Checks<Operations['conv2d']> = {
  'stays within the γ bound of seven nested float64 loops': (conv2d) => {
    fc.assert(
      fc.property(convolution, fc.boolean(), ({ N, C, O, H, W, KH, KW, stride, padding, s }, biased) => {
        const x = unitTensor([N, C, H, W], s);
        const weight = unitTensor([O, C, KH, KW], s + 1);
        const bias = biased ? unitTensor([O], s + 2) : null;
        assertWithinGamma(conv2d(x, weight, bias, { stride, padding }), judgeConv2d(x, weight, bias, stride, padding));
      }),
      { numRuns: 60 },
    );
  },
  'equals the contract bit for bit, k over (c, kh, kw), padding as +0, whatever the bits of the input': (conv2d) => {
    fc.assert(
      fc.property(convolution, kind, ({ N, C, O, H, W, KH, KW, stride, padding, s }, of) => {
        const x = numbers([N, C, H, W], of, s);
        const weight = numbers([O, C, KH, KW], of, s + 1);
        const bias = numbers([O], of, s + 2);
        const y = conv2d(x, weight, bias, { stride, padding });
        const [, , OH, OW] = judgeConv2d(x, weight, bias, stride, padding).truth.shape;
        const expected: number[] = [];
        for (let n = 0; n < N; n++)
          for (let o = 0; o < O; o++)
            for (let i = 0; i < OH; i++)
              for (let j = 0; j < OW; j++) {
                expected.push(contractDot(...convolutionOperands(x, weight, stride, padding, n, o, i, j), bias.get(o)));
              }
        expectSameBits(y, tensorOf(expected, [N, O, OH, OW]));
      }),
      RUNS,
    );
  },
  'sums k in blocks of 128 across channels and kernel': (conv2d) => {
    const [C, KH, KW] = [43, 3, 3]; // 387 products
    for (const [i, j] of revealingPairs(C * KH * KW)) {
      const y = conv2d(
        tensorOf(probe(C * KH * KW, i, j, LARGE), [1, C, KH, KW]),
        tensorOf(new Array<number>(5 * C * KH * KW).fill(1), [5, C, KH, KW]),
        null,
      );
      expectSameBits(
        y,
        tensorOf(new Array<number>(5).fill(survivorsOfBlocks(C * KH * KW, i, j)), [1, 5, 1, 1]),
        `large at ${i} and ${j}`,
      );
    }
  },
  'is linear: in whole numbers, where nothing is rounded, conv(2x + z) = 2·conv(x) + conv(z)': (conv2d) => {
    fc.assert(
      fc.property(seed, fc.nat(2), fc.integer({ min: 1, max: 3 }), (s, padding, stride) => {
        const whole = (start: number, shape: number[]): Tensor =>
          tensorOf(
            elements(unitTensor(shape, start)).map((v) => Math.round(v * 50)),
            shape,
          );
        const x = whole(s, [1, 3, 6, 7]);
        const z = whole(s + 1, [1, 3, 6, 7]);
        const weight = whole(s + 2, [4, 3, 3, 2]);
        const mixed = tensorOf(
          elements(x).map((v, i) => 2 * v + elements(z)[i]),
          x.shape,
        );
        const [yx, yz] = [conv2d(x, weight, null, { stride, padding }), conv2d(z, weight, null, { stride, padding })];
        expectSameBits(
          conv2d(mixed, weight, null, { stride, padding }),
          tensorOf(
            elements(yx).map((v, i) => 2 * v + elements(yz)[i]),
            yx.shape,
          ),
        );
      }),
      RUNS,
    );
  },
  'a shifted image with room around it gives the shifted result bit for bit': (conv2d) => {
    fc.assert(
      fc.property(seed, fc.integer({ min: -2, max: 2 }), fc.integer({ min: -2, max: 2 }), (s, down, right) => {
        const picture = unitTensor([3, 4, 4], s);
        const weight = unitTensor([4, 3, 3, 3], s + 1);
        const placed = (top: number, left: number): Tensor => {
          const canvas = fill([1, 3, 12, 12], () => 0);
          for (let c = 0; c < 3; c++)
            for (let h = 0; h < 4; h++)
              for (let w = 0; w < 4; w++) canvas.set(0, c, top + h, left + w, picture.get(c, h, w));
          return conv2d(canvas, weight, null, { padding: 1 });
        };
        const still = placed(4, 4);
        const moved = placed(4 + down, 4 + right);
        for (let o = 0; o < 4; o++)
          for (let h = 2; h < 10; h++)
            for (let w = 2; w < 10; w++) {
              const [a, b] = [still.get(0, o, h, w), moved.get(0, o, h + down, w + right)];
              if (!Object.is(a, b))
                throw new Error(`output (${o}, ${h}, ${w}): ${a} moved by (${down}, ${right}) became ${b}`);
            }
      }),
      RUNS,
    );
  },
  'a batch of N equals N single calls bit for bit, and images larger than one band of windows come out whole': (
    conv2d,
  ) => {
    const x = unitTensor([2, 70, 40, 41], 5); // 1640 windows of 630 elements: two bands or three
    const weight = unitTensor([2, 70, 3, 3], 6);
    const bias = unitTensor([2], 7);
    const y = conv2d(x, weight, bias, { padding: 1 });
    for (let n = 0; n < 2; n++)
      expectSameBits(y.hi(n + 1).lo(n) as Tensor, conv2d(x.hi(n + 1).lo(n) as Tensor, weight, bias, { padding: 1 }));
    for (const [n, o, h, w] of [
      [0, 0, 0, 0],
      [1, 1, 39, 40],
      [0, 1, 20, 7],
      [1, 0, 20, 40],
      [0, 0, 21, 0],
    ]) {
      const expected = contractDot(...convolutionOperands(x, weight, [1, 1], [1, 1], n, o, h, w), bias.get(o));
      if (!Object.is(y.get(n, o, h, w), expected))
        throw new Error(`output (${n}, ${o}, ${h}, ${w}): expected ${expected}, got ${y.get(n, o, h, w)}`);
    }
  },
  'reads strided views like contiguous copies': (conv2d) => {
    fc.assert(
      fc.property(convolution, layout, layout, ({ N, C, O, H, W, KH, KW, stride, padding, s }, left, right) => {
        const x = unitTensor([N, C, H, W], s);
        const weight = unitTensor([O, C, KH, KW], s + 1);
        const bias = unitTensor([O], s + 2);
        expectSameBits(
          conv2d(laidOut(x, left), laidOut(weight, right), laidOut(bias, right), { stride, padding }),
          conv2d(x, weight, bias, { stride, padding }),
        );
      }),
      RUNS,
    );
  },
  'an infinite weight over padding gives NaN: the zeros take part in the products': (conv2d) => {
    const y = conv2d(tensorOf([1, 1], [1, 1, 1, 2]), tensorOf([Infinity, 1], [1, 1, 1, 2]), null, { padding: [0, 1] });
    expectSameBits(y, tensorOf([NaN, Infinity, Infinity], [1, 1, 1, 3]));
  },
  'in float64 mode takes float32 weights exactly': (conv2d) => {
    const x = unitTensor([1, 16, 5, 5], 1, Float64Array);
    const weight = unitTensor([3, 16, 3, 3], 2);
    const y = conv2d(x, weight, null, { padding: 1 });
    const expected: number[] = [];
    for (let o = 0; o < 3; o++)
      for (let i = 0; i < 5; i++)
        for (let j = 0; j < 5; j++)
          expected.push(contractDot(...convolutionOperands(x, weight, [1, 1], [1, 1], 0, o, i, j), null, Float64Array));
    expectSameBits(y, tensorOf(expected, [1, 3, 5, 5], Float64Array));
  },
  'empty extents: no images and no kernels give empty results, no channels the bias': (conv2d) => {
    expectSameBits(conv2d(tensorOf([], [0, 2, 4, 4]), unitTensor([3, 2, 3, 3], 1), null), tensorOf([], [0, 3, 2, 2]));
    expectSameBits(
      conv2d(unitTensor([1, 2, 4, 4], 1), tensorOf([], [0, 2, 3, 3]), tensorOf([])),
      tensorOf([], [1, 0, 2, 2]),
    );
    expectSameBits(
      conv2d(tensorOf([], [1, 0, 2, 2]), tensorOf([], [2, 0, 2, 2]), tensorOf([3, -4])),
      tensorOf([3, -4], [1, 2, 1, 1]),
    );
  },
};
