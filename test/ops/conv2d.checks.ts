// What an implementation of conv2d must keep; the test of it and planted wrong ones run these checks.

import fc from 'fast-check';
import type { Operations, Tensor } from '../../src/ops/index.ts';
import { fill, laidOut, layout, seed, tensorOf, unitTensor } from '../support/arbitraries.ts';
import { expectSameBits, elements } from '../support/bits.ts';
import { assertWithinGamma, contractDot, convolutionOperands, judgeConv2d } from '../support/judges.ts';
import type { Checks } from '../support/checks.ts';
import { probe, revealingPairs, survivorsOfBlocks } from '../support/sums.ts';
import { LARGE, RUNS, kind, numbers } from '../support/dot-products-checks.ts';

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
