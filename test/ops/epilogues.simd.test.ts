// What follows a product, in place on a block of it: the bits of the plain functions, one after the other.

import { describe, expect, test } from 'vitest';
import { add, batchNorm2d, gelu, quickGelu, relu } from '../../src/ops/index.ts';
import { batchNormAC } from '../../src/ops/batch-norm2d.simd.ts';
import type { Tensor } from '../../src/ops/index.ts';
import { rawNumbers, tensorOf, unitNumbers } from '../support/arbitraries.ts';
import type { Bench } from '../support/simd.ts';
import { BENCHES } from '../support/simd.ts';

const of = (count: number, next: () => number): Float32Array => Float32Array.from({ length: count }, () => next());

interface Options {
  rows: number;
  cols: number;
  next: () => number;
  bias: boolean;
  residual: boolean;
  after?: number;
}

type Call = (kernel: (...args: number[]) => number, args: number[]) => void;
const asIs: Call = (kernel, args) => {
  kernel(...args);
};

function checkLinear(
  bench: Bench,
  act: 0 | 1 | 2,
  { rows, cols, next, bias, residual, after = 0 }: Options,
  call = asIs,
): void {
  const [x, b, r] = [of(rows * cols, next), of(cols, next), of(rows * cols, next)];
  let expected: Tensor = tensorOf(x, [rows, cols]);
  if (bias) expected = add(expected, tensorOf(b));
  if (act > 0) expected = [quickGelu, gelu][act - 1](expected);
  if (residual) expected = add(expected, tensorOf(r, [rows, cols]));
  const [ldc, ldr] = [4 * (cols + after), 4 * (cols + 8)];
  const c = bench.placeRows(x, cols, ldc, after);
  const args = [
    c,
    ldc,
    rows,
    cols,
    bias ? bench.place(b, after) : 0,
    act,
    residual ? bench.placeRows(r, cols, ldr, (after + 1) % 4) : 0,
    ldr,
    bench.tables,
  ];
  bench.expect(
    () => {
      call(bench.machine.kernels.linearEpilogue, args);
    },
    { address: c, rows, width: cols, stride: ldc },
    expected.data,
  );
}

function checkConv(
  bench: Bench,
  ac: boolean,
  rectified: boolean,
  { rows, cols, next, bias, residual, after = 0 }: Options,
  call = asIs,
): void {
  const [x, b, r] = [of(rows * cols, next), of(rows, next), of(rows * cols, next)];
  const [weight, shift, runningMean] = [of(rows, next), of(rows, next), of(rows, next)];
  const runningVar = of(rows, next).map((v) => Math.abs(v));
  let expected: Tensor = tensorOf(x, [1, rows, cols]);
  if (bias)
    expected = add(
      expected,
      tensorOf(
        Float32Array.from(x, (_, i) => b[Math.floor(i / cols)]),
        [1, rows, cols],
      ),
    );
  if (ac)
    expected = batchNorm2d(expected, {
      weight: tensorOf(weight),
      bias: tensorOf(shift),
      runningMean: tensorOf(runningMean),
      runningVar: tensorOf(runningVar),
    });
  if (residual) expected = add(expected, tensorOf(r, [1, rows, cols]));
  if (rectified) expected = relu(expected);
  const [ldc, ldr] = [4 * (cols + after), 4 * (cols + 8)];
  const c = bench.placeRows(x, cols, ldc, after);
  const args = [
    c,
    ldc,
    rows,
    cols,
    ac ? bench.place(batchNormAC(weight, shift, runningMean, runningVar, 1e-5)) : 0,
    bias ? bench.place(b, after) : 0,
    residual ? bench.placeRows(r, cols, ldr, (after + 1) % 4) : 0,
    ldr,
    rectified ? 1 : 0,
  ];
  bench.expect(
    () => {
      call(bench.machine.kernels.convEpilogue, args);
    },
    { address: c, rows, width: cols, stride: ldc },
    expected.data,
  );
}

const flags = (count: number): boolean[][] =>
  Array.from({ length: 1 << count }, (_, i) => Array.from({ length: count }, (_, bit) => ((i >> bit) & 1) === 1));

describe.each(BENCHES)('%s', (_, benchOf) => {
  for (const act of [0, 1, 2] as const) {
    test(`linearEpilogue with ${['no activation', 'quickGelu', 'gelu'][act]}`, () => {
      for (const [bias, residual] of flags(2)) {
        for (const cols of [8, 16, 24, 64, 136]) {
          checkLinear(benchOf(), act, {
            rows: 5,
            cols,
            next: unitNumbers(cols),
            bias,
            residual,
            after: (cols >> 3) % 4,
          });
          checkLinear(benchOf(), act, { rows: 3, cols, next: rawNumbers(cols, true), bias, residual });
        }
        checkLinear(benchOf(), act, { rows: 0, cols: 8, next: unitNumbers(1), bias, residual });
        for (const value of [-0, 0, NaN])
          checkLinear(benchOf(), act, { rows: 1, cols: 8, next: () => value, bias, residual });
      }
    });
  }

  test('convEpilogue with every choice', () => {
    for (const [ac, rectified, bias, residual] of flags(4)) {
      for (const cols of [8, 16, 24, 64, 136]) {
        checkConv(benchOf(), ac, rectified, {
          rows: 5,
          cols,
          next: unitNumbers(cols),
          bias,
          residual,
          after: (cols >> 3) % 4,
        });
        checkConv(benchOf(), ac, rectified, { rows: 3, cols, next: rawNumbers(cols, true), bias, residual });
      }
      checkConv(benchOf(), ac, rectified, { rows: 0, cols: 8, next: unitNumbers(1), bias, residual });
      for (const value of [-0, 0, NaN])
        checkConv(benchOf(), ac, rectified, { rows: 2, cols: 8, next: () => value, bias, residual });
    }
  });
});

describe('planted faults are caught', () => {
  const options = { rows: 3, cols: 16, next: unitNumbers(5), bias: true, residual: true };
  const bench = (): Bench => BENCHES[0][1]();
  const change =
    (index: number, value: (old: number) => number): Call =>
    (kernel, args) => {
      kernel(...args.map((arg, i) => (i === index ? value(arg) : arg)));
    };
  test.each<[string, Call]>([
    ['a row left out', change(2, (rows) => rows - 1)],
    ['eight columns left out', change(3, (cols) => cols - 8)],
    ['eight columns too many', change(3, (cols) => cols + 8)],
    ['the other addend left out', change(6, () => 0)],
    ['its rows at a wrong distance', change(7, (stride) => stride + 4)],
  ])('%s', (_, wrong) => {
    expect(() => {
      checkLinear(bench(), 1, options, wrong);
    }).toThrow(/expected/);
    expect(() => {
      checkConv(bench(), true, true, options, wrong);
    }).toThrow(/expected/);
  });
  test('another activation, no bias', () => {
    expect(() => {
      checkLinear(
        bench(),
        1,
        options,
        change(5, () => 2),
      );
    }).toThrow(/expected/);
    expect(() => {
      checkLinear(
        bench(),
        1,
        options,
        change(4, () => 0),
      );
    }).toThrow(/expected/);
  });
  test('no normalisation, no bias, no ReLU', () => {
    for (const index of [4, 5, 8])
      expect(() => {
        checkConv(
          bench(),
          true,
          true,
          options,
          change(index, () => 0),
        );
      }).toThrow(/expected/);
  });
});
