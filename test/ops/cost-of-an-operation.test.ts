// What a new operation costs, by adding some to a copy of src: an elementwise one its two twins, its entry and a line
// in compiler/steps.ts; recorder, planner, float64 mode, emulation and replay then have it, with its plain bits.

import ndarray from 'ndarray';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type * as Simd from '../../src/executors/simd.ts';
import type * as Emulate from '../../src/graph/emulate.ts';
import type * as Causes from '../../src/oracle/causes/arithmetic.ts';
import type * as OperationsModule from '../../src/ops/operations.ts';
import type { Operations } from '../../src/ops/operations.ts';
import type * as Reference from '../../src/ops/reference.ts';
import type * as Reference64 from '../../src/ops/reference64.ts';
import type { Tensor } from '../../src/ops/tensor.ts';
import { copiedSource, type CopiedSource } from '../support/copied-source.ts';
import { SQUARE, TOYS } from '../support/toy-operations.ts';

type Toys = Operations & {
  square(x: Tensor): Tensor;
  sumAndDifference(a: Tensor, b: Tensor): readonly Tensor[];
  sumAndMean(a: Tensor, b: Tensor): readonly Tensor[];
};

const PRECISIONS = ['float32', 'float64'] as const;

let copy: CopiedSource;
let simd: typeof Simd;
let emulate: typeof Emulate;
let causes: typeof Causes;
let operations: typeof OperationsModule;
let plain: Readonly<Record<(typeof PRECISIONS)[number], Toys>>;

beforeAll(async () => {
  copy = copiedSource(TOYS);
  simd = await copy.load('src/executors/simd.ts');
  emulate = await copy.load('src/graph/emulate.ts');
  causes = await copy.load('src/oracle/causes/arithmetic.ts');
  operations = await copy.load('src/ops/operations.ts');
  const { reference } = await copy.load<typeof Reference>('src/ops/reference.ts');
  const { reference64 } = await copy.load<typeof Reference64>('src/ops/reference64.ts');
  plain = { float32: reference as Toys, float64: reference64 as Toys };
});
afterAll(() => {
  copy.remove();
});

/** Numbers that need rounding, over views whose elements are not side by side. */
function numbers(precision: (typeof PRECISIONS)[number], seed: number, shape: readonly [number, number]): Tensor {
  const all = Array.from({ length: shape[0] * shape[1] }, (_, i) => ((i * 7919 + seed) % 1009) / 97 - 5);
  const data = precision === 'float32' ? Float32Array.from(all) : Float64Array.from(all);
  return ndarray(data, [shape[1], shape[0]]).transpose(1, 0) as Tensor;
}

const same = (actual: Tensor, expected: Tensor): void => {
  expect(actual.shape).toEqual(expected.shape);
  expect(plain.float64.contiguous(actual).data).toEqual(plain.float64.contiguous(expected).data);
};

test('an elementwise operation is two files, and four lines in two others', () => {
  expect(Object.keys(SQUARE.files)).toEqual(['src/ops/square.ts', 'src/ops/square.simd.ts']);
  expect(Object.values(SQUARE.lines).map((lines) => lines.length)).toEqual([2, 2]);
});

describe.each(PRECISIONS)('%s', (precision) => {
  const shape = [37, 301] as const; // more than one run of plain64

  test.each([
    ['square', (ops: Toys, a: Tensor) => [ops.square(a)]],
    ['square of a square, beside its operand', (ops: Toys, a: Tensor) => [ops.square(ops.square(a)), ops.relu(a)]],
    ['two outputs', (ops: Toys, a: Tensor, b: Tensor) => ops.sumAndDifference(a, b)],
    ['two outputs, one a sum over all', (ops: Toys, a: Tensor, b: Tensor) => ops.sumAndMean(a, b)],
    ['the second output alone', (ops: Toys, a: Tensor, b: Tensor) => [ops.square(ops.sumAndDifference(a, b)[1])]],
  ] as const)('%s: recorded, planned and run, the plain bits', async (_, compute) => {
    const inputs = [numbers(precision, 1, shape), numbers(precision, 5, shape)] as const;
    const executor = new simd.SimdExecutor(1);
    try {
      const results = await executor.run(inputs, ([a, b], ops) => compute(ops as Toys, a, b), { precision });
      compute(plain[precision], ...inputs).forEach((expected, i) => {
        same(results[i], expected);
      });
    } finally {
      await executor.close();
    }
  });

  test('replay computes both kinds from operands and attributes', async () => {
    const inputs = [numbers(precision, 1, shape), numbers(precision, 5, shape)] as const;
    const arithmetic = new causes.Arithmetic(new causes.SearchExecutor(1), precision);
    const replayed = (name: string, operands: readonly Tensor[]): Promise<unknown> =>
      arithmetic.compute(name as 'relu', operands, {});
    same((await replayed('square', inputs.slice(0, 1))) as Tensor, plain[precision].square(inputs[0]));
    const outputs = (await replayed('sumAndMean', inputs)) as readonly Tensor[];
    plain[precision].sumAndMean(...inputs).forEach((expected, i) => {
      same(outputs[i], expected);
    });
  });
});

test('emulation rounds every output, on the plain and the SIMD path alike', async () => {
  const inputs = [numbers('float32', 1, [5, 7]), numbers('float32', 5, [5, 7])] as const;
  const emulation = { ...emulate.EXACT, storage: 'float16' } as const;
  const compute = (ops: Operations, a: Tensor, b: Tensor): readonly Tensor[] => [
    ...(ops as Toys).sumAndDifference(a, b),
    (ops as Toys).square(a),
  ];
  const { round } = plain.float32;
  const [a, b] = inputs.map((x) => round(x, 'float16'));
  const expected = compute(plain.float32, a, b).map((y) => round(y, 'float16'));
  compute(emulate.emulating(plain.float32, emulation), ...inputs).forEach((y, i) => {
    same(y, expected[i]);
  });
  const executor = new simd.SimdExecutor(1);
  try {
    const results = await executor.run(inputs, ([x, y], ops) => compute(ops, x, y), { emulate: emulation });
    results.forEach((y, i) => {
      same(y, expected[i]);
    });
  } finally {
    await executor.close();
  }
});

test('the copy has the toys, and nothing else has', () => {
  expect(operations.OPERATION_NAMES).toEqual(expect.arrayContaining(['square', 'sumAndDifference', 'sumAndMean']));
});
