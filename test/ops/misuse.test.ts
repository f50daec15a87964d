// Misuse: every entry point, every argument, everything that people pass by mistake. Each must be refused with a
// TypeError or RangeError that names the function and the argument and says what was expected and what came.

import ndarray from 'ndarray';
import { describe, expect, test } from 'vitest';
import * as ops from '../../src/ops/index.ts';
import type { Tensor } from '../../src/ops/index.ts';
import { unitTensor } from '../support/arbitraries.ts';

type Any = (...args: unknown[]) => unknown;

/** A call that is right, and the names of those arguments that are tensors. */
interface Entry {
  name: keyof typeof ops;
  args: () => unknown[];
  /** Path to each tensor among the arguments, by its name in messages. */
  tensors: Record<string, (string | number)[]>;
  /** Which tensors fix a rank: any other rank is refused. */
  ranked?: string[];
  /** Which tensors may not be float64 beside a float32 first argument. */
  parameters?: string[];
}

const t = (...shape: number[]): Tensor => unitTensor(shape, 1);

const ENTRIES: Entry[] = [
  {
    name: 'conv2d',
    args: () => [t(1, 2, 4, 4), t(3, 2, 3, 3), t(3), { stride: 1, padding: 1 }],
    tensors: { x: [0], weight: [1], bias: [2] },
    ranked: ['x', 'weight', 'bias'],
    parameters: ['weight', 'bias'],
  },
  {
    name: 'batchNorm2d',
    args: () => [t(2, 3, 2, 2), { weight: t(3), bias: t(3), runningMean: t(3), runningVar: t(3) }, 1e-5],
    tensors: {
      x: [0],
      weight: [1, 'weight'],
      bias: [1, 'bias'],
      runningMean: [1, 'runningMean'],
      runningVar: [1, 'runningVar'],
    },
    ranked: ['weight', 'bias', 'runningMean', 'runningVar'],
    parameters: ['weight', 'bias', 'runningMean', 'runningVar'],
  },
  { name: 'avgPool2d', args: () => [t(1, 2, 4, 4), 2, {}], tensors: { x: [0] }, ranked: ['x'] },
  { name: 'matmul', args: () => [t(2, 3), t(3, 4)], tensors: { a: [0], b: [1] }, ranked: ['b'], parameters: ['b'] },
  {
    name: 'linear',
    args: () => [t(2, 3), t(4, 3), t(4)],
    tensors: { x: [0], weight: [1], bias: [2] },
    ranked: ['weight', 'bias'],
    parameters: ['weight', 'bias'],
  },
  {
    name: 'layerNorm',
    args: () => [t(2, 3), t(3), t(3), 1e-5],
    tensors: { x: [0], weight: [1], bias: [2] },
    ranked: ['weight', 'bias'],
    parameters: ['weight', 'bias'],
  },
  {
    name: 'attention',
    args: () => [t(2, 4), t(3, 4), t(3, 4), { heads: 2, mask: t(2, 3) }],
    tensors: { q: [0], k: [1], v: [2], mask: [3, 'mask'] },
    ranked: ['k', 'v', 'mask'],
    parameters: ['k', 'v', 'mask'],
  },
  ...(
    ['softmax', 'l2Normalize', 'mean', 'relu', 'sigmoid', 'quickGelu', 'gelu', 'exp', 'erf', 'contiguous'] as const
  ).map((name): Entry => ({ name, args: () => [t(2, 3)], tensors: { x: [0] } })),
  { name: 'add', args: () => [t(2, 3), t(3)], tensors: { a: [0], b: [1] }, parameters: ['b'] },
  { name: 'scale', args: () => [t(2, 3), 0.5], tensors: { x: [0] } },
  {
    name: 'concat',
    args: () => [[t(2, 3), t(2, 4)], 1],
    tensors: { 'tensors[0]': [0, 0], 'tensors[1]': [0, 1] },
    ranked: ['tensors[1]'],
    parameters: ['tensors[1]'],
  },
  {
    name: 'embedding',
    args: () => [ndarray(new Int32Array([1, 0]), [2]), t(2, 3)],
    tensors: { table: [1] },
    ranked: ['table'],
  },
];

const NOT_TENSORS: [string, unknown][] = [
  ['undefined', undefined],
  ['a number', 3],
  ['NaN', NaN],
  ['a string', 'x'],
  ['a function', () => 1],
  ['an Array', [1, 2, 3]],
  ['a Float32Array', new Float32Array(6)],
  ['an object', {}],
  ['an ndarray over an Array', ndarray([1, 2, 3, 4, 5, 6], [2, 3])],
  ['an ndarray over an Int32Array', ndarray(new Int32Array(6), [2, 3])],
  ['an ndarray over a Uint8Array', ndarray(new Uint8Array(6), [2, 3])],
];

const BROKEN: [string, unknown][] = [
  ['a shape larger than the data', ndarray(new Float32Array(5), [2, 3])],
  ['an offset beyond the data', ndarray(new Float32Array(6), [2, 3], [3, 1], 1)],
  ['a negative reach', ndarray(new Float32Array(6), [2, 3], [-3, 1], 0)],
  ['a fractional extent', ndarray(new Float32Array(6), [2, 1.5])],
  ['a negative extent', ndarray(new Float32Array(6), [2, -3], [3, 1], 0)],
  ['NaN as a stride', ndarray(new Float32Array(6), [2, 3], [NaN, 1], 0)],
];

function withArgument(args: unknown[], path: (string | number)[], value: unknown): unknown[] {
  const copy = [...args];
  if (path.length === 1) copy[path[0] as number] = value;
  else if (Array.isArray(copy[path[0] as number]))
    copy[path[0] as number] = (copy[path[0] as number] as unknown[]).map((part, i) => (i === path[1] ? value : part));
  else copy[path[0] as number] = { ...(copy[path[0] as number] as object), [path[1]]: value };
  return copy;
}

function refusal(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('was accepted');
}

describe.each(ENTRIES)('$name', ({ name, args, tensors, ranked = [], parameters = [] }) => {
  const operation = ops[name] as Any;

  test('accepts the call that the others are made from', () => {
    operation(...args());
  });

  for (const [argument, path] of Object.entries(tensors)) {
    const optional = argument === 'mask';
    test.each(NOT_TENSORS.filter(([, value]) => !(optional && value === undefined)))(
      `${argument}: %s is a TypeError`,
      (_, value) => {
        const error = refusal(() => operation(...withArgument(args(), path, value)));
        expect(error).toBeInstanceOf(TypeError);
        expect(error.message).toMatch(
          new RegExp(`^${name}: "${argument.replace(/[[\]]/g, '\\$&')}" expected .+, got .+`),
        );
      },
    );
    test.each(BROKEN)(`${argument}: %s is a RangeError`, (_, value) => {
      const error = refusal(() => operation(...withArgument(args(), path, value)));
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toMatch(
        new RegExp(`^${name}: "${argument.replace(/[[\]]/g, '\\$&')}" expected .+, got .+`),
      );
    });
    if (ranked.includes(argument)) {
      const anyOfRankTwo = name === 'concat' || name === 'embedding'; // (2, 2) is right there
      test.each(
        [[[]], [[1]], [[2, 2]], [[2, 2, 2]], [[1, 1, 1, 1, 1]]].filter(
          ([shape]) => !(anyOfRankTwo && shape.length === 2),
        ),
      )(`${argument}: shape (%s) is a RangeError that says the shape`, (shape) => {
        const error = refusal(() => operation(...withArgument(args(), path, t(...shape))));
        expect(error).toBeInstanceOf(RangeError);
        expect(error.message).toMatch(new RegExp(`^${name}: "`));
        expect(error.message).toContain(`got (${shape.join(', ')})`);
      });
    }
    if (parameters.includes(argument)) {
      test(`${argument}: float64 beside float32 is a TypeError`, () => {
        const right = path.reduce<unknown>(
          (value, key) => (value as Record<string | number, unknown>)[key],
          args(),
        ) as Tensor;
        const wide = unitTensor(right.shape, 1, Float64Array);
        const error = refusal(() => operation(...withArgument(args(), path, wide)));
        expect(error).toBeInstanceOf(TypeError);
        expect(error.message).toContain('Float32Array');
      });
    }
  }
});

describe('options and numbers', () => {
  const [x, w] = [t(1, 2, 5, 5), t(3, 2, 3, 3)];
  const [q, k] = [t(2, 4), t(3, 4)];
  const WHOLE: [unknown, typeof Error][] = [
    [0, RangeError],
    [-1, RangeError],
    [1.5, RangeError],
    [NaN, RangeError],
    [Infinity, RangeError],
    ['2', TypeError],
    [[1], TypeError],
    [[1, 2, 3], TypeError],
    [[1, NaN], RangeError],
    [[1, '1'], TypeError],
    [{}, TypeError],
    [true, TypeError],
    [null, null as unknown as typeof Error],
  ];
  const whole = WHOLE.filter(([value]) => value !== null);
  test.each(whole)('conv2d: stride %j', (stride, Kind) => {
    expect(() => (ops.conv2d as Any)(x, w, null, { stride })).toThrow(Kind);
  });
  test.each(whole.filter(([v]) => v !== 0))('conv2d: padding %j', (padding, Kind) => {
    expect(() => (ops.conv2d as Any)(x, w, null, { padding })).toThrow(Kind);
  });
  test.each(whole)('avgPool2d: kernel %j', (kernel, Kind) => {
    expect(() => (ops.avgPool2d as Any)(x, kernel)).toThrow(Kind);
  });
  test.each(whole)('avgPool2d: stride %j', (stride, Kind) => {
    expect(() => (ops.avgPool2d as Any)(x, 2, { stride })).toThrow(Kind);
  });
  test.each(whole.filter(([v]) => v !== 0))('avgPool2d: padding %j', (padding, Kind) => {
    expect(() => (ops.avgPool2d as Any)(x, 2, { padding })).toThrow(Kind);
  });

  const CASES: [string, () => unknown, typeof Error, string][] = [
    [
      'a misspelt option',
      () => (ops.conv2d as Any)(x, w, null, { strides: 2 }),
      RangeError,
      'conv2d: "options" expected only stride, padding, got "strides"',
    ],
    [
      'options that are a number',
      () => (ops.conv2d as Any)(x, w, null, 2),
      TypeError,
      'conv2d: "options" expected an object with stride, padding, got 2',
    ],
    [
      'options null',
      () => (ops.avgPool2d as Any)(x, 2, null),
      TypeError,
      'avgPool2d: "options" expected an object with stride, padding, countIncludePad, got null',
    ],
    [
      'channels that do not fit',
      () => ops.conv2d(x, t(3, 4, 3, 3), null),
      RangeError,
      'conv2d: "weight" expected shape (O, C=2, KH, KW), got (3, 4, 3, 3)',
    ],
    [
      'a kernel larger than the padded image',
      () => ops.conv2d(t(1, 2, 2, 5), w, null),
      RangeError,
      'conv2d: "weight" expected to fit into the padded input, got KH 3 > 2 + 2·0; pad more, or use a smaller kernel',
    ],
    [
      'an image of no rows',
      () => ops.conv2d(t(1, 2, 0, 5), w, null),
      RangeError,
      'conv2d: "weight" expected to fit into the padded input, got KH 3 > 0 + 2·0; pad more, or use a smaller kernel',
    ],
    [
      'a kernel of no rows',
      () => ops.conv2d(x, t(3, 2, 0, 3), null),
      RangeError,
      'conv2d: "weight" expected a kernel of at least 1 x 1, got 0 x 3',
    ],
    [
      'padding beyond half of the window',
      () => ops.avgPool2d(x, 2, { padding: 2 }),
      RangeError,
      'avgPool2d: "padding" expected at most half of the kernel (2, 2), got (2, 2)',
    ],
    [
      'countIncludePad 1',
      () => (ops.avgPool2d as Any)(x, 2, { countIncludePad: 1 }),
      TypeError,
      'avgPool2d: "countIncludePad" expected true or false, got 1',
    ],
    [
      'no bias, forgotten',
      () => (ops.linear as Any)(t(2, 3), t(4, 3)),
      TypeError,
      'linear: "bias" expected an ndarray over a Float32Array or Float64Array, got undefined; make one with ' +
        'ndarray(new Float32Array(values), shape)',
    ],
    [
      'a transposed weight',
      () => ops.linear(t(2, 3), t(3, 4), null),
      RangeError,
      'linear: "weight" expected shape (O, K=3), got (3, 4)',
    ],
    [
      'products that do not fit',
      () => ops.matmul(t(2, 2, 3), t(2, 4, 3)),
      RangeError,
      'matmul: "b" expected shape (2, K=3, O), got (2, 4, 3)',
    ],
    [
      'batches that do not fit',
      () => ops.matmul(t(2, 2, 3), t(3, 3, 4)),
      RangeError,
      'matmul: "b" expected shape (2, K=3, O), got (3, 3, 4)',
    ],
    [
      'a vector as a matrix',
      () => ops.matmul(t(3), t(3, 4)),
      RangeError,
      'matmul: "a" expected shape (…, M, K), got (3)',
    ],
    [
      'a scalar where rows are needed',
      () => ops.softmax(t()),
      RangeError,
      'softmax: "x" expected shape (…, D), got ()',
    ],
    [
      'eps negative',
      () => ops.layerNorm(t(2, 3), t(3), t(3), -1),
      RangeError,
      'layerNorm: "eps" expected a finite number of at least 0, got -1',
    ],
    [
      'eps NaN',
      () => ops.layerNorm(t(2, 3), t(3), t(3), NaN),
      RangeError,
      'layerNorm: "eps" expected a finite number of at least 0, got NaN',
    ],
    [
      'eps a string',
      () => (ops.layerNorm as Any)(t(2, 3), t(3), t(3), '1e-5'),
      TypeError,
      'layerNorm: "eps" expected a number, got "1e-5"',
    ],
    [
      'parameters null',
      () => (ops.batchNorm2d as Any)(x, null),
      TypeError,
      'batchNorm2d: "parameters" expected { weight, bias, runningMean, runningVar }, got null',
    ],
    [
      'heads that do not divide the width',
      () => ops.attention(q, k, k, { heads: 3 }),
      RangeError,
      'attention: "heads" expected a divisor of D=4, got 3',
    ],
    [
      'heads 0',
      () => ops.attention(q, k, k, { heads: 0 }),
      RangeError,
      'attention: "heads" expected a divisor of D=4, got 0',
    ],
    [
      'heads NaN',
      () => ops.attention(q, k, k, { heads: NaN }),
      RangeError,
      'attention: "heads" expected a divisor of D=4, got NaN',
    ],
    [
      'heads a string',
      () => (ops.attention as Any)(q, k, k, { heads: '2' }),
      TypeError,
      'attention: "heads" expected a number, got "2"',
    ],
    [
      'keys and values of different length',
      () => ops.attention(q, k, t(2, 4)),
      RangeError,
      'attention: "v" expected shape (3, 4) like k, got (2, 4)',
    ],
    [
      'a mask for other tokens',
      () => ops.attention(q, k, k, { mask: t(3, 2) }),
      RangeError,
      'attention: "mask" expected shape (T=2, S=3), got (3, 2)',
    ],
    [
      'shapes that cannot be added',
      () => ops.add(t(2, 3), t(2)),
      RangeError,
      'add: "b" expected shape (2, 3) or that of its last axes, got (2)',
    ],
    [
      'the larger tensor second',
      () => ops.add(t(3), t(2, 3)),
      RangeError,
      'add: "b" expected shape (3) or that of its last axes, got (2, 3)',
    ],
    [
      'a factor that is no float32',
      () => ops.scale(t(2), 0.1),
      RangeError,
      'scale: "factor" expected a float32 number beside float32 tensors, got 0.1; round it with Math.fround',
    ],
    [
      'a factor that is a tensor',
      () => (ops.scale as Any)(t(2), t(2)),
      TypeError,
      'scale: "factor" expected a number, got an ndarray over Float32Array',
    ],
    [
      'nothing to join',
      () => ops.concat([], 0),
      RangeError,
      'concat: "tensors" expected at least one tensor, got none',
    ],
    [
      'a tensor instead of a list',
      () => (ops.concat as Any)(t(2), 0),
      TypeError,
      'concat: "tensors" expected an Array of ndarrays, got an ndarray over Float32Array',
    ],
    [
      'an axis that is not there',
      () => ops.concat([t(2, 3)], 2),
      RangeError,
      'concat: "axis" expected a whole number from 0 to 1, got 2',
    ],
    [
      'an axis NaN',
      () => ops.concat([t(2, 3)], NaN),
      RangeError,
      'concat: "axis" expected a whole number from 0 to 1, got NaN',
    ],
    [
      'an axis that is a string',
      () => (ops.concat as Any)([t(2, 3)], '0'),
      TypeError,
      'concat: "axis" expected a number, got "0"',
    ],
    [
      'extents that do not fit',
      () => ops.concat([t(2, 3), t(3, 4)], 1),
      RangeError,
      'concat: "tensors[1]" expected shape (2, …), got (3, 4)',
    ],
    [
      'ids that are floats',
      () => (ops.embedding as Any)(t(2), t(2, 3)),
      TypeError,
      'embedding: "ids" expected an ndarray over an Int32Array, got an ndarray over Float32Array',
    ],
    [
      'an id beyond the table',
      () => ops.embedding(ndarray(new Int32Array([0, 2]), [2]), t(2, 3)),
      RangeError,
      'embedding: "ids" expected numbers from 0 to V - 1 = 1, got 2',
    ],
    [
      'a negative id',
      () => ops.embedding(ndarray(new Int32Array([-1]), [1]), t(2, 3)),
      RangeError,
      'embedding: "ids" expected numbers from 0 to V - 1 = 1, got -1',
    ],
    [
      'ids beyond their data',
      () => ops.embedding(ndarray(new Int32Array(1), [2]), t(2, 3)),
      RangeError,
      'embedding: "ids" expected shape (2) to be within its data, got elements 0 to 1 of data of length 1',
    ],
    [
      'a view for reshape',
      () => ops.reshape(t(2, 3).transpose(1, 0) as Tensor, [6]),
      RangeError,
      'reshape: "x" expected row-major order, got strides (1, 3) for shape (3, 2); copy it with contiguous(x) first',
    ],
    [
      'another size for reshape',
      () => ops.reshape(t(2, 3), [7]),
      RangeError,
      'reshape: "shape" expected 6 elements like (2, 3), got (7)',
    ],
  ];
  test.each(CASES)('%s', (_, call, Kind, message) => {
    const error = refusal(call);
    expect(error).toBeInstanceOf(Kind);
    expect(error.message).toBe(message);
  });
});
