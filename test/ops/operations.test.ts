// Every operation's description: what `record` takes apart, `call` puts together again; `shapes` tells the result's
// shape; plans of recorded operations give the plain bits, in both precisions.

import fc from 'fast-check';
import ndarray from 'ndarray';
import { afterAll, describe, expect, test } from 'vitest';
import { SimdExecutor } from '../../src/executors/simd.ts';
import { emulating, EXACT } from '../../src/graph/emulate.ts';
import { wrap } from '../../src/graph/wrap.ts';
import * as index from '../../src/ops/index.ts';
import type { Operand } from '../../src/ops/operation.ts';
import {
  DESCRIPTIONS,
  OPERATION_NAMES,
  type ArgumentsOf,
  type OperationName,
  type Operations,
} from '../../src/ops/operations.ts';
import { reference } from '../../src/ops/reference.ts';
import { reference64 } from '../../src/ops/reference64.ts';
import { sizeOf, type Tensor } from '../../src/ops/tensor.ts';
import { ROUND_FORMATS } from '../../src/ops/round.ts';

/** Draws arguments for an operation. */
interface Draw {
  (least: number, most: number): number;
  tensor: (...shape: number[]) => Tensor;
  of: <T>(...choices: readonly T[]) => T;
}

const ARGUMENTS: { readonly [Name in OperationName]: (draw: Draw) => ArgumentsOf[Name] } = {
  conv2d: (draw) => {
    const [C, O, K] = [draw(1, 3), draw(1, 9), draw(1, 3)];
    const options = draw.of({ stride: draw(1, 2), padding: draw(0, 1) }, {}, undefined);
    return [draw.tensor(2, C, 5, 4), draw.tensor(O, C, K, K), draw.of(null, draw.tensor(O)), options];
  },
  batchNorm2d: (draw) => {
    const C = draw(1, 4);
    const [weight, bias, runningMean] = [draw.tensor(C), draw.tensor(C), draw.tensor(C)];
    const runningVar = reference.sigmoid(draw.tensor(C));
    return [draw.tensor(2, C, 3, 3), { weight, bias, runningMean, runningVar }, ...draw.of<[] | [number]>([], [1e-3])];
  },
  avgPool2d: (draw) => [
    draw.tensor(1, draw(1, 3), 6, 5),
    draw.of<number | readonly [number, number]>(2, [3, 2]),
    draw.of(undefined, { stride: draw(1, 2), padding: draw(0, 1), countIncludePad: draw.of(true, false) }),
  ],
  relu: (draw) => [draw.tensor(draw(1, 4), draw(1, 9))],
  sigmoid: (draw) => [draw.tensor(draw(1, 4), draw(1, 9))],
  quickGelu: (draw) => [draw.tensor(draw(1, 4), draw(1, 9))],
  gelu: (draw) => [draw.tensor(draw(1, 4), draw(1, 9))],
  add: (draw) => {
    const [N, D] = [draw(1, 4), draw(1, 9)];
    return [draw.tensor(N, D), draw.of(draw.tensor(N, D), draw.tensor(D))];
  },
  softmax: (draw) => [draw.tensor(draw(1, 4), draw(1, 9))],
  layerNorm: (draw) => {
    const D = draw(1, 9);
    return [draw.tensor(2, 3, D), draw.tensor(D), draw.tensor(D), ...draw.of<[] | [number]>([], [1e-3])];
  },
  l2Normalize: (draw) => [draw.tensor(draw(1, 4), draw(1, 9))],
  matmul: (draw) => {
    const K = draw(1, 9);
    return [draw.tensor(2, draw(1, 5), K), draw.tensor(2, K, draw(1, 9))];
  },
  linear: (draw) => {
    const [K, O] = [draw(1, 9), draw(1, 9)];
    return [draw.tensor(2, draw(1, 5), K), draw.tensor(O, K), draw.of(null, draw.tensor(O))];
  },
  attention: (draw) => {
    const [heads, T, S] = [draw(1, 3), draw(1, 5), draw(1, 5)];
    const D = heads * draw(1, 3);
    const q = draw.of(draw.tensor(2, T, D), draw.tensor(T, 2, D).transpose(1, 0, 2) as Tensor);
    const mask = draw.of(null, draw.tensor(T, S));
    return [q, draw.tensor(2, S, D), draw.tensor(2, S, D), draw.of({ heads, mask }, { heads }, undefined)];
  },
  mean: (draw) => [draw.tensor(draw(1, 4), draw(1, 9))],
  concat: (draw) => {
    const D = draw(1, 5);
    return draw.of<ArgumentsOf['concat']>(
      [[draw.tensor(2, D), draw.tensor(3, D)], 0],
      [[draw.tensor(D, 1), draw.tensor(D, 4), draw.tensor(D, 2)], 1],
    );
  },
  embedding: (draw) => {
    const ids = ndarray(
      Int32Array.from({ length: 6 }, () => draw(0, 4)),
      [2, 3],
    );
    return [draw.of(ids, ids.transpose(1, 0)), draw.tensor(5, draw(1, 9))];
  },
  scale: (draw) => [draw.tensor(draw(1, 4), draw(1, 9)), draw.of(0.5, Math.fround(0.1), -3)],
  contiguous: (draw) => {
    const x = draw.tensor(draw(1, 4), draw(1, 9));
    return [draw.of(x, x.transpose(1, 0) as Tensor)];
  },
  round: (draw) => [draw.tensor(draw(1, 4), draw(1, 9)), draw.of(...ROUND_FORMATS)],
  quantize: (draw) => [
    draw.tensor(draw(1, 4), draw(1, 9)),
    ...draw.of<['first' | 'last'] | []>(['first'], ['last'], []),
  ],
};

/** Emulation rounds float32 numbers. */
const FLOAT32_ONLY: readonly OperationName[] = ['round', 'quantize'];

const executor = new SimdExecutor(1);
afterAll(() => executor.close());

const seeds = fc.infiniteStream(fc.integer({ min: 0, max: 2 ** 31 - 1 }));

function drawFrom(stream: Iterator<number>, precision: 'float32' | 'float64'): Draw {
  const next = (): number => stream.next().value as number;
  const draw = (least: number, most: number): number => least + (next() % (most - least + 1));
  return Object.assign(draw, {
    tensor: (...shape: number[]): Tensor => {
      const numbers = Array.from({ length: sizeOf(shape) }, () => (next() % 20001) / 4096 - 2.5);
      return ndarray(
        precision === 'float32' ? Float32Array.from(numbers) : Float64Array.from(numbers),
        shape,
      ) as Tensor;
    },
    of: <T>(...choices: readonly T[]): T => choices[next() % choices.length],
  });
}

const apply = <Name extends OperationName>(ops: Operations, name: Name, args: ArgumentsOf[Name]): Tensor =>
  ops[name](...args);

function calledAgain<Name extends OperationName>(ops: Operations, name: Name, args: ArgumentsOf[Name]): Tensor {
  const { record, call } = DESCRIPTIONS[name];
  const { inputs, attributes } = record(...args);
  return call((...again) => apply(ops, name, again), inputs, attributes);
}

const same = (actual: Tensor, expected: Tensor): void => {
  expect(actual.shape).toEqual(expected.shape);
  // toEqual tells -0 from +0 and takes every NaN for the same
  expect(reference.contiguous(actual).data).toEqual(reference.contiguous(expected).data);
};

describe.each(['float32', 'float64'] as const)('%s', (precision) => {
  const ops = precision === 'float32' ? reference : reference64;
  const names = OPERATION_NAMES.filter((name) => precision === 'float32' || !FLOAT32_ONLY.includes(name));

  const check = (
    name: OperationName,
    runs: number,
    property: (args: ArgumentsOf[typeof name]) => void | Promise<void>,
  ) =>
    fc.assert(
      fc.asyncProperty(seeds, async (stream) => property(ARGUMENTS[name](drawFrom(stream, precision)))),
      { numRuns: runs },
    );

  test.each(names)('%s: call after record gives the result, bit for bit', (name) =>
    check(name, 40, (args) => {
      same(calledAgain(ops, name, args), apply(ops, name, args));
    }),
  );

  test.each(names)('%s: shapes gives the shape', (name) =>
    check(name, 40, (args) => {
      const { record, shapes } = DESCRIPTIONS[name] as (typeof DESCRIPTIONS)['relu'];
      const { inputs, attributes } = record(...(args as ArgumentsOf['relu']));
      expect(shapes(inputs, attributes)).toEqual([apply(ops, name, args).shape]);
    }),
  );

  test.each(names)('%s: recorded and planned, the same bits', (name) =>
    check(name, 15, async (args) => {
      const result = await executor.run([], (_, recording) => apply(recording, name, args), { precision });
      same(result, apply(ops, name, args));
    }),
  );

  test.each(names)('%s: an emulation that rounds nothing, and a wrapped set, change nothing', (name) =>
    check(name, 15, (args) => {
      if (precision === 'float32') same(apply(emulating(ops, EXACT), name, args), apply(ops, name, args));
      same(apply(wrap(ops, {}), name, args), apply(ops, name, args));
    }),
  );
});

test('a wrapped set has the changes, and calls the methods of an instance as methods', () => {
  const x = ndarray(Float32Array.of(-1, 2), [2]) as Tensor;
  class Counting {
    calls = 0;
    relu(y: Tensor): Tensor {
      this.calls++;
      return reference.relu(y);
    }
  }
  const counting = new Counting();
  const wrapped = wrap(counting as unknown as Operations, { gelu: reference.relu });
  expect([...wrapped.relu(x).data, ...wrapped.gelu(x).data]).toEqual([0, 2, 0, 2]);
  expect(counting.calls).toBe(1);
});

test('index.ts exports every operation', () => {
  const exported = index as unknown as Record<string, unknown>;
  for (const name of OPERATION_NAMES) expect(exported[name], name).toBe(DESCRIPTIONS[name].plain);
  const others = Object.entries(exported).filter(
    ([name, value]) => typeof value === 'function' && !(name in DESCRIPTIONS),
  );
  expect(others.map(([name]) => name).sort()).toEqual(['erf', 'exp', 'isContiguous', 'reshape', 'sizeOf', 'zeros']);
});

test('a description names as many parameters as rows have operands after the first', () => {
  for (const name of OPERATION_NAMES) {
    const { layout, parameters = [], record } = DESCRIPTIONS[name] as (typeof DESCRIPTIONS)['relu'];
    if (layout !== 'rows') continue;
    fc.assert(
      fc.property(seeds, (stream) => {
        const args = ARGUMENTS[name](drawFrom(stream, 'float32')) as ArgumentsOf['relu'];
        const inputs: readonly Operand[] = record(...args).inputs;
        expect(inputs.slice(1)).toHaveLength(parameters.length);
      }),
      { numRuns: 1 },
    );
  }
});
