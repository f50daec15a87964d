// Runs that return several tensors, end after a module, and use weights in several ways or after they were rewritten:
// on every executor the bits are those of separate runs of the plain definitions.

import ndarray from 'ndarray';
import { afterAll, describe, expect, test } from 'vitest';
import { load } from '../../src/clip/load.ts';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import { ReferenceExecutor } from '../../src/executors/reference.ts';
import { SimdExecutor } from '../../src/executors/simd.ts';
import type { Executor, WeightSource, WeightUse } from '../../src/executors/executor.ts';
import type { BatchNormParameters } from '../../src/ops/batch-norm2d.ts';
import type { Operations } from '../../src/ops/operations.ts';
import { reference } from '../../src/ops/reference.ts';
import { reference64 } from '../../src/ops/reference64.ts';
import { toFloat64 } from '../../src/ops/contiguous.ts';
import { sizeOf, type Tensor } from '../../src/ops/tensor.ts';
import { readGolden } from '../support/golden.ts';
import { expectSameBits } from '../support/bits.ts';

const numbers = (start: number, ...shape: number[]): Tensor<Float32Array> => {
  let state = start;
  const data = Float32Array.from({ length: sizeOf(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 23 - 1;
  });
  return ndarray(data, shape);
};

const sourceOf = (tensors: Record<string, Tensor<Float32Array>>): WeightSource => ({
  tensors: new Map(Object.entries(tensors).map(([name, { shape }]) => [name, { dtype: 'F32', shape }])),
  read: (name, into) => {
    into.set(tensors[name].data);
    return Promise.resolve();
  },
});

const executors: [string, Executor][] = [
  ['plain', new ReferenceExecutor('float32')],
  ['SIMD, 1 thread', new SimdExecutor(1)],
  ['SIMD, 3 threads', new SimdExecutor(3)],
];
afterAll(async () => {
  for (const [, executor] of executors) await executor.close();
});

describe.each(executors)('%s', (_, executor) => {
  const x = numbers(1, 7, 33);
  const weight = numbers(2, 40, 33);

  describe.each(['float32', 'float64'] as const)('%s', (precision) => {
    const plain: Operations = precision === 'float64' ? reference64 : reference;
    const given = precision === 'float64' ? toFloat64(x) : x;

    test('a list of outputs: an intermediate that is used again, a view, an input, one tensor twice', async () => {
      const compute = ([a]: readonly Tensor[], ops: Operations): Tensor[] => {
        const y = ops.linear(a, weight, null);
        const z = ops.quickGelu(y);
        return [z, y, y.transpose(1, 0), a, ops.softmax(z), z];
      };
      const results = await executor.run([given], compute, { precision, key: 'list' });
      const again = await executor.run([given], compute, { precision, key: 'list' });
      const expected = compute([given], plain);
      expect(results).toHaveLength(6);
      expected.forEach((one, i) => {
        expectSameBits(results[i], plain.contiguous(one));
        expectSameBits(again[i], plain.contiguous(one));
      });
    });

    test('outputs by name, each with the bits of a run of its own', async () => {
      const y = ([a]: readonly Tensor[], ops: Operations): Tensor => ops.relu(ops.linear(a, weight, null));
      const norm = ([a]: readonly Tensor[], ops: Operations): Tensor => ops.l2Normalize(a);
      const both = await executor.run([given], (inputs, ops) => ({ y: y(inputs, ops), norm: norm(inputs, ops) }), {
        precision,
      });
      expect(Object.keys(both)).toEqual(['y', 'norm']);
      expectSameBits(both.y, await executor.run([given], y, { precision }));
      expectSameBits(both.norm, await executor.run([given], norm, { precision }));
    });

    test('no outputs at all, and an input that nothing is computed from', async () => {
      expect(await executor.run([given], () => [], { precision })).toEqual([]);
      const [back] = await executor.run([given, given], ([, b]) => [b], { precision });
      expectSameBits(back, given);
    });
  });

  test('a matrix that is read for two uses is multiplied in both ways, and so after it was rewritten', async () => {
    const [first, second] = [numbers(3, 40, 33), numbers(4, 40, 33)];
    const weights = await executor.readWeights(sourceOf({ w: first }), new Map([['w', ['linear', 'matrix']]]));
    const w = weights.get('w')!;
    const both = (): Promise<readonly Tensor[]> =>
      executor.run(
        [x],
        ([a], ops) => {
          const y = ops.linear(a, w, null);
          return [y, ops.matmul(y, w)]; // as the gradient of a linear layer is made: dy · W
        },
        { key: 'both' },
      );
    for (const now of [first, second]) {
      if (now === second) await executor.rewriteWeights(sourceOf({ w: second }), weights);
      const [y, back] = await both();
      const expected = reference.linear(x, now, null);
      expectSameBits(y, expected);
      expectSameBits(back, reference.matmul(expected, now));
    }
  });

  test.each([
    ['linear', [40, 33]],
    ['matrix', [33, 40]],
    ['table', [7, 33]],
    ['vector', [33]],
  ] as const)('a parameter used as a %s is rewritten in place; plans stay', async (use, shape) => {
    const values = [numbers(5, ...shape), numbers(6, ...shape)];
    const weights = await executor.readWeights(sourceOf({ p: values[0] }), new Map([['p', use]]));
    const compute = (ops: Operations, a: Tensor, p: Tensor): Tensor =>
      use === 'linear' ? ops.linear(a, p, null) : use === 'matrix' ? ops.matmul(a, p) : ops.add(a, p);
    for (const [i, value] of values.entries()) {
      if (i > 0) await executor.rewriteWeights(sourceOf({ p: value }), weights);
      const y = await executor.run([x], ([a], ops) => compute(ops, a, weights.get('p')!), { key: `in place ${use}` });
      expectSameBits(y, compute(reference, x, value));
    }
  });
});

describe.each(executors)('%s: outputs that are written over weights', (_, executor) => {
  const zeros = (...shape: number[]): Tensor<Float32Array> => ndarray(new Float32Array(sizeOf(shape)), shape);

  test('an accumulator outlives its runs', async () => {
    const sum = (await executor.readWeights(sourceOf({ sum: zeros(5, 9) }), new Map([['sum', 'table']]))).get('sum')!;
    let expected: Tensor = zeros(5, 9);
    for (const start of [1, 2, 3]) {
      const x = numbers(start, 5, 9);
      const result = await executor.run([x], ([a], ops) => ops.add(sum, a), {
        key: 'sum',
        into: new Map([['0', sum]]),
      });
      expected = reference.add(expected, x);
      expectSameBits(result, expected);
    }
    expectSameBits(await executor.run([], (_inputs, ops) => ops.scale(sum, 1)), expected);
  });

  test('a packed matrix takes a step, from its other packing too, and both are new afterwards', async () => {
    const [x, start] = [numbers(1, 7, 33), numbers(2, 40, 33)];
    const weights = await executor.readWeights(
      sourceOf({ step: start, change: numbers(3, 40, 33) }),
      new Map<string, WeightUse | WeightUse[]>([
        ['step', ['linear', 'matrix']],
        ['change', 'table'],
      ]),
    );
    const [w, change] = [weights.get('step')!, weights.get('change')!];
    const next = reference.scale(numbers(3, 40, 33), 0.5);
    await executor.run([], (_inputs, ops) => ({ next: ops.scale(change, 0.5) }), { into: new Map([['next', w]]) });
    const [y, back] = await executor.run([x], ([a], ops) => {
      const product = ops.linear(a, w, null);
      return [product, ops.matmul(product, w)];
    });
    expectSameBits(y, reference.linear(x, next, null));
    expectSameBits(back, reference.matmul(y, next));
  });

  test('what does not fit is refused', async () => {
    const w = (await executor.readWeights(sourceOf({ w2: zeros(2, 3) }), new Map([['w2', 'table']]))).get('w2')!;
    const run = (name: string): Promise<unknown> =>
      executor.run([numbers(1, 3, 2)], ([a], ops) => ({ y: ops.relu(a) }), {
        into: new Map([[name, w]]),
        call: 'train',
      });
    await expect(run('z')).rejects.toThrow('train: "into" expected outputs among y, got "z"');
    await expect(run('y')).rejects.toThrow('train: "into" expected an output of shape (2, 3) for "y", got (3, 2)');
  });
});

describe.each(executors)('%s: BatchNorm', (_, executor) => {
  test('has the rewritten parameters, though plans hold what they were folded to', async () => {
    const x = numbers(1, 2, 6, 3, 3);
    const of = (start: number): Record<string, Tensor<Float32Array>> => ({
      weight: numbers(start, 6),
      bias: numbers(start + 1, 6),
      runningMean: numbers(start + 2, 6),
      runningVar: ndarray(
        numbers(start + 3, 6).data.map((v) => v * v + 0.5),
        [6],
      ),
    });
    const names = Object.keys(of(0));
    const weights = await executor.readWeights(sourceOf(of(1)), new Map(names.map((name) => [name, 'vector'])));
    const parameters = Object.fromEntries(weights) as unknown as BatchNormParameters;
    const run = (): Promise<Tensor> =>
      executor.run([x], ([a], ops) => ops.batchNorm2d(a, parameters, 1e-5), { key: 'norm' });
    for (const start of [1, 7]) {
      if (start === 7) await executor.rewriteWeights(sourceOf(of(7)), weights);
      const expected = reference.batchNorm2d(x, of(start) as unknown as BatchNormParameters, 1e-5);
      expectSameBits(await run(), expected);
    }
  });
});

test('a packed matrix is refused for a use that was not named', async () => {
  const [, executor] = executors[1];
  const weights = await executor.readWeights(sourceOf({ w: numbers(1, 8, 16) }), new Map([['w', 'linear']]));
  await expect(executor.run([numbers(2, 3, 8)], ([a], ops) => ops.matmul(a, weights.get('w')!))).rejects.toThrow(
    'a parameter of shape (8, 16) expected a product of its use, "linear", got another; name the other use, too',
  );
});

test('weights beyond the memory are refused before anything is read, with the sum and what to do', async () => {
  const executor = new SimdExecutor(1);
  const huge = (dtype: string): WeightSource => ({
    tensors: new Map(['a', 'b'].map((name) => [name, { dtype, shape: [30000, 25000] }])),
    read: () => Promise.reject(new Error('read all the same')),
  });
  const uses = new Map([
    ['a', 'linear'],
    ['b', 'linear'],
  ] as const);
  await expect(executor.readWeights(huge('F32'), uses)).rejects.toThrow(
    /^the weights need 6000 MB in one WebAssembly memory, which holds at most 4295 MB; take the plain loops/,
  );
  await expect(executor.readWeights(huge('F16'), uses)).rejects.toThrow(/; take residency half, or the plain loops/);
  await executor.close();
});

describe.each(['tiny-rn', 'tiny-vit'])('%s up to a module', (name) => {
  test.each(['reference', 'simd'] as const)('%s: its output, and no tap after it', async (executor) => {
    const { model } = await load(name, { executor, threads: 2 });
    const image = syntheticImage(0, 2, model.architecture.vision!.resolution);
    const outputs = new Map<string, Tensor>();
    const whole: string[] = [];
    await model.encodeImage(image, {
      tap: (module, output) => {
        whole.push(module);
        outputs.set(
          module,
          reference.contiguous(ndarray(output.data.slice(), output.shape, output.stride, output.offset) as Tensor),
        );
      },
    });
    for (const until of [whole[0], whole[7], whole[whole.length - 2], 'visual']) {
      const seen: string[] = [];
      const tapped = await model.encodeImage(image, { until, tap: (module) => void seen.push(module) });
      expect(seen).toEqual(whole.slice(0, whole.indexOf(until) + 1));
      expectSameBits(tapped, outputs.get(until)!, until);
      expectSameBits(await model.encodeImage(image, { until }), outputs.get(until)!, until);
    }
    const doubled = await model.encodeImage(image, {
      until: whole[0],
      tap: (_, output) => reference.add(output, output),
    });
    expectSameBits(doubled, reference.add(outputs.get(whole[0])!, outputs.get(whole[0])!));
    await expect(model.encodeImage(image, { until: 'visual.none' })).rejects.toThrow(
      /^encodeImage: "until" expected the path of a module, such as visual\.conv1, .*, got "visual\.none"/,
    );
    await model.close();
  });
});

test('a text up to a module', async () => {
  const tokens = readGolden('fixtures/tiny/tiny-vit.trace.safetensors').integers('input/tokens');
  const { model } = await load('tiny-vit', { executor: 'simd', threads: 1 });
  const y = await model.encodeText(tokens, { until: 'transformer.resblocks.0.ln_1' });
  expect(y.shape).toEqual([tokens.shape[1], tokens.shape[0], 64]);
  await model.close();
});
