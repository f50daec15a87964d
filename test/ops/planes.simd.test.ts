// batchNorm2d with what is fused to it, avgPool2d: the SIMD twins have the bits of the plain functions, one after the
// other.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { add, avgPool2d, batchNorm2d, relu } from '../../src/ops/index.ts';
import { batchNormAC, type BatchNorm2dStep } from '../../src/ops/batch-norm2d.simd.ts';
import type { AvgPool2dStep } from '../../src/ops/avg-pool2d.simd.ts';
import { rawNumbers, seed, tensorOf, unitNumbers } from '../support/arbitraries.ts';
import type { Bench } from '../support/simd.ts';
import { BENCHES, PARTS } from '../support/simd.ts';

const of = (count: number, next: () => number): Float32Array => Float32Array.from({ length: count }, () => next());

interface Norm {
  N: number;
  C: number;
  plane: number;
  relu: boolean;
  residual: boolean;
  next: () => number;
  after?: number;
  parts?: number;
}

function checkNorm(
  bench: Bench,
  { N, C, plane, relu: rectified, residual, next, after = 0, parts = 1 }: Norm,
  change: (step: BatchNorm2dStep) => BatchNorm2dStep = (s) => s,
): void {
  const x = of(N * C * plane, next);
  const r = of(N * C * plane, next);
  const [weight, bias, runningMean] = [of(C, next), of(C, next), of(C, next)];
  const runningVar = of(C, next).map((v) => Math.abs(v));
  let expected = batchNorm2d(tensorOf(x, [N, C, plane]), {
    weight: tensorOf(weight),
    bias: tensorOf(bias),
    runningMean: tensorOf(runningMean),
    runningVar: tensorOf(runningVar),
  });
  if (residual) expected = add(expected, tensorOf(r, [N, C, plane]));
  if (rectified) expected = relu(expected);
  const ac = bench.place(batchNormAC(weight, bias, runningMean, runningVar, 1e-5));
  const from = bench.place(x, after);
  const y = bench.room(x.length, (after + 2) % 4);
  const step = change({
    kind: 'batchNorm2d',
    x: from,
    y,
    planes: N * C,
    channels: C,
    plane,
    ac,
    relu: rectified,
    residual: residual ? bench.place(r, (after + 1) % 4) : 0,
  });
  bench.expect(
    () => {
      bench.run(step, parts);
    },
    { address: y, rows: 1, width: x.length },
    expected.data,
  );
  bench.expect(
    () => {
      bench.run({ ...step, y: from }, parts);
    },
    { address: from, rows: 1, width: x.length },
    expected.data,
  );
}

interface Pool {
  N: number;
  H: number;
  W: number;
  kernel: [number, number];
  stride: [number, number];
  padding: [number, number];
  countIncludePad: boolean;
  next: () => number;
  parts?: number;
  gap?: number;
}

function checkPool(
  bench: Bench,
  { N, H, W, kernel, stride, padding, countIncludePad, next, parts = 1, gap = 0 }: Pool,
  change: (step: AvgPool2dStep) => AvgPool2dStep = (s) => s,
): void {
  const x = of(N * H * W, next);
  const expected = avgPool2d(tensorOf(x, [1, N, H, W]), kernel, { stride, padding, countIncludePad });
  const [, , OH, OW] = expected.shape;
  const xPlane = 4 * (H * W + gap);
  const yPlane = 4 * (OH * OW + 2 * gap);
  const y = bench.room((N * yPlane) / 4, gap % 4);
  const step = change({
    kind: 'avgPool2d',
    x: bench.placeRows(x, H * W, xPlane, (gap + 1) % 4),
    y,
    planes: N,
    xPlane,
    yPlane,
    H,
    W,
    OH,
    OW,
    kernelH: kernel[0],
    kernelW: kernel[1],
    strideH: stride[0],
    strideW: stride[1],
    padH: padding[0],
    padW: padding[1],
    countIncludePad,
  });
  bench.expect(
    () => {
      bench.run(step, parts);
    },
    { address: y, rows: N, width: OH * OW, stride: yPlane },
    expected.data,
  );
}

describe.each(BENCHES)('%s', (_, benchOf) => {
  test('batchNorm2d of planes of 1 to 70 elements, with and without residual and ReLU, in parts', () => {
    for (let plane = 1; plane <= 70; plane++) {
      checkNorm(benchOf(), {
        N: 1 + (plane % 3),
        C: 1 + (plane % 5),
        plane,
        relu: plane % 2 === 0,
        residual: plane % 4 < 2,
        next: unitNumbers(plane),
        after: plane % 4,
        parts: PARTS[plane % 4],
      });
    }
  });

  test('batchNorm2d of raw-bit numbers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 0, max: 20 }),
        fc.boolean(),
        fc.boolean(),
        seed,
        fc.boolean(),
        fc.constantFrom(...PARTS),
        (N, C, plane, rectified, residual, start, all, parts) => {
          checkNorm(benchOf(), { N, C, plane, relu: rectified, residual, next: rawNumbers(start, all), parts });
        },
      ),
      { numRuns: 80 },
    );
  });

  test('ReLU and residual of zeros of both signs and NaN', () => {
    for (const value of [0, -0, NaN, Infinity, -Infinity]) {
      for (const [rectified, residual] of [
        [true, true],
        [true, false],
        [false, true],
        [false, false],
      ])
        checkNorm(benchOf(), { N: 1, C: 2, plane: 7, relu: rectified, residual, next: () => value });
    }
  });

  test('avgPool2d of 2x2 windows side by side', () => {
    for (let W = 2; W <= 33; W++) {
      const H = 2 + ((5 * W) % 9);
      checkPool(benchOf(), {
        N: 1 + (W % 4),
        H,
        W,
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        countIncludePad: W % 2 === 0,
        next: unitNumbers(W),
        parts: PARTS[W % 4],
        gap: W % 4,
      });
    }
    for (const start of [1, 2, 3, 4, 5, 6]) {
      checkPool(benchOf(), {
        N: 2,
        H: 6,
        W: 22,
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        countIncludePad: false,
        next: rawNumbers(start, start % 2 === 0),
        parts: 3,
      });
    }
    for (const value of [0, -0, 1e-45, -1e-45, 3.4028234663852886e38, NaN]) {
      checkPool(benchOf(), {
        N: 1,
        H: 2,
        W: 12,
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        countIncludePad: false,
        next: () => value,
      });
    }
  });

  test('avgPool2d of any window', () => {
    const extent = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(
        fc.tuple(extent, extent),
        fc.tuple(extent, extent),
        fc.tuple(fc.nat(2), fc.nat(2)),
        fc.tuple(fc.nat(9), fc.nat(9)),
        fc.boolean(),
        seed,
        fc.boolean(),
        fc.constantFrom(...PARTS),
        (kernel, stride, pads, more, countIncludePad, start, raw, parts) => {
          const padding: [number, number] = [Math.min(pads[0], kernel[0] >> 1), Math.min(pads[1], kernel[1] >> 1)];
          checkPool(benchOf(), {
            N: 2,
            H: kernel[0] + more[0],
            W: kernel[1] + more[1],
            kernel,
            stride,
            padding,
            countIncludePad,
            next: raw ? rawNumbers(start, true) : unitNumbers(start),
            parts,
            gap: start % 5,
          });
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('planted faults are caught', () => {
  const norm = { N: 2, C: 3, plane: 9, relu: true, residual: true, next: unitNumbers(3) };
  const pool = {
    N: 2,
    H: 9,
    W: 9,
    kernel: [3, 3] as [number, number],
    stride: [2, 2] as [number, number],
    padding: [1, 1] as [number, number],
    countIncludePad: false,
    next: unitNumbers(4),
  };
  const bench = (): Bench => BENCHES[0][1]();
  test.each<[string, () => void]>([
    [
      'no ReLU',
      () => {
        checkNorm(bench(), norm, (s) => ({ ...s, relu: false }));
      },
    ],
    [
      'no residual',
      () => {
        checkNorm(bench(), norm, (s) => ({ ...s, residual: 0 }));
      },
    ],
    [
      'the wrong number of channels',
      () => {
        checkNorm(bench(), norm, (s) => ({ ...s, channels: 2 }));
      },
    ],
    [
      'a plane too few',
      () => {
        checkNorm(bench(), norm, (s) => ({ ...s, planes: 5 }));
      },
    ],
    [
      'a plane too many',
      () => {
        checkNorm(bench(), norm, (s) => ({ ...s, planes: 7 }));
      },
    ],
    [
      'padding counted',
      () => {
        checkPool(bench(), pool, (s) => ({ ...s, countIncludePad: true }));
      },
    ],
    [
      'another padding',
      () => {
        checkPool(bench(), pool, (s) => ({ ...s, padH: 0 }));
      },
    ],
    [
      'another stride',
      () => {
        checkPool(bench(), pool, (s) => ({ ...s, strideW: 1 }));
      },
    ],
    [
      'a plane of the pool too many',
      () => {
        checkPool(bench(), pool, (s) => ({ ...s, planes: 3 }));
      },
    ],
  ])('%s', (_, wrong) => {
    expect(wrong).toThrow(/expected/);
  });
});
