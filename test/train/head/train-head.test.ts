// Trained heads: scikit-learn's solutions to 1e-6, the symmetries of the problem, and what is refused.

import fc from 'fast-check';
import ndarray from 'ndarray';
import { describe, expect, test } from 'vitest';
import { trainHead } from '../../../src/train/head/train-head.ts';
import type { TrainedHead, TrainHeadOptions } from '../../../src/train/head/trained-head.ts';
import type { Tensor } from '../../../src/ops/tensor.ts';
import { seed } from '../../support/arbitraries.ts';
import { apart, biasOf, clouds, featuresOf, lists, weightOf, type HeadCase } from './support.ts';

const all: TrainHeadOptions = { validation: 0 };

async function solve(
  { features, labels, C, weights, balanced }: HeadCase,
  more: TrainHeadOptions = {},
): Promise<TrainedHead> {
  return trainHead(featuresOf(features), labels, {
    validation: 0,
    C,
    ...(weights !== null && { weights }),
    balanced,
    ...more,
  });
}

describe("scikit-learn's solution", () => {
  test.for(lists.heads)('$name: weights and intercepts to 1e-6, the objective to 1e-12', async (one) => {
    const { exact, weight, bias, report } = await solve(one);
    expect(one.distance).toBeLessThan(5e-7); // the judge is near enough
    expect(apart(exact.weight.data, weightOf(one).data)).toBeLessThan(1e-6);
    expect(apart(exact.bias.data, biasOf(one).data)).toBeLessThan(1e-6);
    expect(Math.abs(report.objective / one.objective - 1)).toBeLessThan(1e-12);
    expect(report.converged).toBe(true);
    expect(report.distance).toBeLessThan(1e-7);
    // The head itself: the same in float32
    expect([weight.shape, bias.shape]).toEqual([exact.weight.shape, exact.bias.shape]);
    expect([weight.data, bias.data]).toEqual([
      Float32Array.from(exact.weight.data),
      Float32Array.from(exact.bias.data),
    ]);
  });

  test('1e-6 is narrow: half as strong a penalty or unweighted samples would be seen', async () => {
    const one = lists.heads.find(({ name }) => name === 'clouds four weighted')!;
    const distance = async (more: TrainHeadOptions): Promise<number> =>
      apart((await solve(one, more)).exact.weight.data, weightOf(one).data);
    expect(await distance({})).toBeLessThan(1e-7);
    expect(await distance({ C: 2 * one.C })).toBeGreaterThan(1e-3);
    expect(await distance({ weights: undefined })).toBeGreaterThan(1e-3);
  });

  test('a feature that never varies is left to the intercept, which costs nothing', async () => {
    const { features, labels } = clouds(40, 3, 2, 9);
    const wider = ndarray(
      Float64Array.from({ length: 160 }, (_, i) => (i % 4 === 3 ? 1 : features.get(Math.floor(i / 4), i % 4))),
      [40, 4],
    );
    const [one, other] = [await trainHead(features, labels, all), await trainHead(wider, labels, all)];
    expect(Math.abs(other.exact.weight.get(0, 3))).toBeLessThan(1e-15);
    expect(apart(other.exact.weight.data.subarray(0, 3), one.exact.weight.data)).toBeLessThan(1e-7);
  });

  test('l2 is C by another name', async () => {
    const one = lists.heads.find(({ name }) => name === 'clouds four C=0.1')!;
    const { exact, report } = await solve(one, { C: undefined, l2: 1 / (0.1 * one.labels.length) });
    expect(apart(exact.weight.data, weightOf(one).data)).toBeLessThan(1e-6);
    expect(report.C).toBeCloseTo(0.1, 14);
  });
});

describe('the same bits', () => {
  const { features, labels } = clouds(60, 6, 3, 5);
  const bits = async (x: Tensor, options = all): Promise<string> => {
    const { exact, report } = await trainHead(x, labels, options);
    return [...exact.weight.data, ...exact.bias.data, report.objective].map((value) => value.toString()).join();
  };

  test('again, at the same time, and while others compute', async () => {
    const [a, b, c] = await Promise.all([
      bits(features),
      bits(features, { ...all, onIteration: () => undefined }),
      bits(features),
    ]);
    expect([b, c]).toEqual([a, a]);
    expect(await bits(features, { ...all, C: 1.0000001 })).not.toBe(a);
  });

  test('for features in another layout in memory', async () => {
    const [N, E] = features.shape;
    const columns = ndarray(
      Float64Array.from({ length: N * E + 7 }, (_, i) =>
        i < 7 ? NaN : features.get((i - 7) % N, Math.floor((i - 7) / N)),
      ),
      [N, E],
      [1, N],
      7,
    );
    expect(await bits(columns)).toBe(await bits(features));
  });
});

describe('symmetries of the optimum', () => {
  const problems = fc.record({ classes: fc.constantFrom(2, 3, 4), start: seed, C: fc.constantFrom(0.1, 1, 10) });
  const E = 5,
    N = 40;
  const runs = { numRuns: 15 };
  const map = (x: Tensor, f: (value: number, column: number) => number): Tensor =>
    ndarray(
      Float64Array.from(x.data, (value, i) => f(value, i % E)),
      [...x.shape],
    );

  test('classes in another order: the outputs in that order, or of two the other sign', async () => {
    await fc.assert(
      fc.asyncProperty(problems, async ({ classes, start, C }) => {
        const { features, labels } = clouds(N, E, classes, start);
        const one = await trainHead(features, labels, { ...all, C });
        const other = await trainHead(features, labels, { ...all, C, classes: [...one.labels].reverse() });
        expect(other.labels).toEqual([...one.labels].reverse());
        const K = one.bias.shape[0];
        const expected =
          K === 1
            ? one.exact.weight.data.map((w) => -w)
            : Array.from({ length: K }, (_, k) => [
                ...one.exact.weight.data.subarray((K - 1 - k) * E, (K - k) * E),
              ]).flat();
        expect(apart(other.exact.weight.data, expected)).toBeLessThan(1e-6);
      }),
      runs,
    );
  });

  test('a sample of weight 2 is as good as the sample twice', async () => {
    await fc.assert(
      fc.asyncProperty(problems, async ({ classes, start, C }) => {
        const { features, labels } = clouds(N, E, classes, start);
        const weights = labels.map((_, n) => 1 + (n % 2));
        const rows = labels.flatMap((_, n) => (n % 2 === 0 ? [n] : [n, n]));
        const twice = ndarray(Float64Array.from(rows.flatMap((n) => [...features.data.subarray(n * E, (n + 1) * E)])), [
          rows.length,
          E,
        ]);
        const a = await trainHead(features, labels, { ...all, C, weights }),
          b = await trainHead(
            twice,
            rows.map((n) => labels[n]),
            { ...all, C },
          );
        expect(apart(a.exact.weight.data, b.exact.weight.data)).toBeLessThan(1e-6);
        expect(apart(a.exact.bias.data, b.exact.bias.data)).toBeLessThan(1e-6);
      }),
      runs,
    );
  });

  test('features moved by a constant: the same weights, because the intercept is free', async () => {
    await fc.assert(
      fc.asyncProperty(problems, async ({ classes, start, C }) => {
        const { features, labels } = clouds(N, E, classes, start);
        const a = await trainHead(features, labels, { ...all, C }),
          b = await trainHead(
            map(features, (value, column) => value + 10 * (column - 1)),
            labels,
            { ...all, C },
          );
        expect(apart(a.exact.weight.data, b.exact.weight.data)).toBeLessThan(1e-6);
      }),
      runs,
    );
  });

  test('features twice as large with a fourth of C: half the weights', async () => {
    await fc.assert(
      fc.asyncProperty(problems, async ({ classes, start, C }) => {
        const { features, labels } = clouds(N, E, classes, start);
        const a = await trainHead(features, labels, { ...all, C }),
          b = await trainHead(
            map(features, (value) => 2 * value),
            labels,
            { ...all, C: C / 4 },
          );
        expect(
          apart(
            a.exact.weight.data.map((w) => w / 2),
            b.exact.weight.data,
          ),
        ).toBeLessThan(1e-6);
      }),
      runs,
    );
  });

  test('no head nearby has a smaller objective', async () => {
    await fc.assert(
      fc.asyncProperty(problems, async ({ classes, start, C }) => {
        const { features, labels } = clouds(N, E, classes, start);
        const {
          exact: { weight, bias },
          report,
        } = await trainHead(features, labels, { ...all, C });
        const K = bias.shape[0];
        const objective = (W: Float64Array, b: Float64Array): number => {
          let sum = W.reduce((total, w) => total + w * w, 0) / 2;
          labels.forEach((label, n) => {
            const z = Array.from(
              b,
              (one, k) =>
                one + [...W.subarray(k * E, (k + 1) * E)].reduce((total, w, j) => total + w * features.get(n, j), 0),
            );
            sum +=
              C *
              (K === 1
                ? Math.log1p(Math.exp(z[0])) - label * z[0]
                : Math.log(z.reduce((total, one) => total + Math.exp(one), 0)) - z[label]);
          });
          return sum;
        };
        const value = objective(weight.data, bias.data);
        expect(Math.abs(report.objective / value - 1)).toBeLessThan(1e-12);
        for (let i = 0; i < K * E; i++)
          for (const step of [-1e-4, 1e-4])
            expect(
              objective(
                weight.data.map((w, j) => (j === i ? w + step : w)),
                bias.data,
              ),
            ).toBeGreaterThan(value);
        for (let k = 0; k < K; k++)
          for (const step of [-1e-3, 1e-3])
            expect(
              objective(
                weight.data,
                bias.data.map((b, j) => (j === k ? b + step : b)),
              ),
            ).toBeGreaterThan(value);
      }),
      { numRuns: 5 },
    );
  });
});

describe('what is measured', () => {
  const { features, labels } = clouds(100, 6, 2, 11);
  const names = labels.map((k) => ['real', 'fake'][k]);
  const options: TrainHeadOptions = { classes: ['real', 'fake'], validation: 0.3, seed: 4 };

  test('two classes: the threshold is right most often among the held-out, and measured with >', async () => {
    const { report, weight, bias, labels: order, threshold } = await trainHead(features, names, options);
    expect([order, threshold]).toEqual([['real', 'fake'], report.threshold]);
    const { validation } = report.split;
    expect(validation.length).toBe(report.classes[0].validation + report.classes[1].validation);
    const p = (n: number): number =>
      1 / (1 + Math.exp(-[...weight.data].reduce((sum, w, j) => sum + w * features.get(n, j), bias.data[0])));
    const accuracy = (at: number, only?: number): number => {
      const rows = [...validation].filter((n) => only === undefined || labels[n] === only);
      return rows.filter((n) => (p(n) > at ? 1 : 0) === labels[n]).length / rows.length;
    };
    expect(report.validation!.accuracy).toBeCloseTo(accuracy(threshold!), 12);
    expect(report.validation!.accuracyOf).toEqual([accuracy(threshold!, 0), accuracy(threshold!, 1)]);
    expect(report.validationAtHalf!.accuracy).toBeCloseTo(accuracy(0.5), 12);
    for (let at = 0; at <= 1; at += 0.01) expect(accuracy(at)).toBeLessThanOrEqual(report.validation!.accuracy);
    expect(report.validation!.averagePrecision).toBeGreaterThan(0.5);
  });

  test('what is held out has no influence on the weights', async () => {
    const one = await trainHead(features, names, options);
    const spoiled = ndarray(features.data.slice(), [100, 6]);
    for (const n of one.report.split.validation) for (let j = 0; j < 6; j++) spoiled.set(n, j, 1000);
    expect((await trainHead(spoiled, names, options)).exact.weight.data).toEqual(one.exact.weight.data);
    spoiled.set(one.report.split.training[0], 0, 10);
    expect((await trainHead(spoiled, names, options)).exact.weight.data).not.toEqual(one.exact.weight.data);
  });

  test('three classes: no threshold; several intercepts sum to 0', async () => {
    const three = clouds(90, 4, 3, 2);
    const { report, threshold, exact } = await trainHead(three.features, three.labels);
    expect([threshold, report.threshold, report.validationAtHalf]).toEqual([undefined, null, null]);
    expect(report.validation!.accuracyOf.length).toBe(3);
    expect(Math.abs(exact.bias.data.reduce((sum, b) => sum + b, 0))).toBeLessThan(1e-14);
  });

  test('too few to hold out: half, and no verdict from one class', async () => {
    const few = ndarray(Float64Array.of(0, 1, 2, 3), [4, 1]);
    const { report } = await trainHead(few, ['a', 'a', 'a', 'b']);
    expect([report.threshold, report.validation!.averagePrecision, report.validation!.accuracyOf[1]]).toEqual([
      0.5,
      null,
      null,
    ]);
    expect((await trainHead(few, ['a', 'a', 'b', 'b'], all)).report).toMatchObject({
      threshold: 0.5,
      validation: null,
    });
  });

  test('normalised features are noticed', async () => {
    const unit = ndarray(Float32Array.of(0.6, 0.8, 1, 0, 0, -1, -0.8, 0.6), [4, 2]);
    expect((await trainHead(unit, [0, 1, 0, 1], all)).normalized).toBe(true);
    expect((await trainHead(features, labels, all)).normalized).toBeUndefined();
  });
});

test('maxIterations that are not enough are admitted, onIteration counts them', async () => {
  const { features, labels } = clouds(60, 6, 3, 5);
  const seen: number[] = [];
  const { report } = await trainHead(features, labels, {
    ...all,
    maxIterations: 3,
    onIteration: (iteration) => seen.push(iteration),
  });
  expect([report.converged, report.iterations, seen]).toEqual([false, 3, [1, 2, 3]]);
  expect(report.distance).toBeGreaterThan(1e-6);
});

test('a signal cancels', async () => {
  const { features, labels } = clouds(60, 6, 3, 5);
  await expect(trainHead(features, labels, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
    'enough',
  );
  const controller = new AbortController();
  const slow = trainHead(features, labels, {
    ...all,
    signal: controller.signal,
    tolerance: 1e-300,
    onIteration: () => {
      controller.abort(new Error('on the way'));
      for (const until = Date.now() + 25; Date.now() < until;); // the optimiser lets others have their turn every 20 ms
    },
  });
  await expect(slow).rejects.toThrow('on the way');
});

test('features that say nothing give the shares of the classes', async () => {
  const { exact } = await trainHead(ndarray(new Float32Array(8).fill(0.5), [4, 2]), ['a', 'b', 'b', 'b'], all);
  expect([...exact.weight.data]).toEqual([0, 0]);
  expect(exact.bias.data[0]).toBeCloseTo(Math.log(3), 8);
});

describe('what is refused', () => {
  const x = ndarray(Float32Array.of(1, 2, 3, 4), [2, 2]);
  test.for<[string, unknown, unknown, unknown, RegExp]>([
    [
      'NaN',
      ndarray(Float32Array.of(1, 2, NaN, 4), [2, 2]),
      ['a', 'b'],
      {},
      /"features" expected finite numbers, got NaN in row 1, column 0; leave out the samples that failed/,
    ],
    [
      'Infinity',
      ndarray(Float64Array.of(1, Infinity, 3, 4), [2, 2]),
      ['a', 'b'],
      {},
      /got Infinity in row 0, column 1/,
    ],
    [
      'a list of lists',
      [[1], [2]],
      ['a', 'b'],
      {},
      /"features" expected an ndarray over a Float32Array or Float64Array, got something else/,
    ],
    ['integers', ndarray(Int32Array.of(1, 2), [2, 1]), ['a', 'b'], {}, /expected an ndarray over a Float32Array/],
    [
      'another rank',
      ndarray(Float32Array.of(1, 2), [2]),
      ['a', 'b'],
      {},
      /"features" expected shape \(N,E\), got \(2\)/,
    ],
    ['no rows', ndarray(new Float32Array(0), [0, 2]), [], {}, /expected shape \(N,E\), got \(0, 2\)/],
    ['labels that are no list', x, 'ab', {}, /"labels" expected a list of names or numbers, got something else/],
    ['too few labels', x, ['a'], {}, /"labels" expected 2, one per row of the features, got 1/],
    ['one class', x, ['a', 'a'], {}, /at least two classes, got "a" for every sample/],
    ['an unknown label', x, ['a', 'b'], { classes: ['a', 'c'] }, /expected one of "a", "c", got "b" at 1/],
    ['C and l2', x, ['a', 'b'], { C: 1, l2: 1 }, /expected either "C" or "l2", got both/],
    ['C = 0', x, ['a', 'b'], { C: 0 }, /"C" expected a positive number, got 0/],
    ['a negative l2', x, ['a', 'b'], { l2: -1 }, /"l2" expected a positive number, got -1/],
    ['C as a text', x, ['a', 'b'], { C: '1' }, /"C" expected a positive number, got 1/],
    [
      'validation of everything',
      x,
      ['a', 'b'],
      { validation: 1 },
      /"validation" expected a share from 0 to below 1, got 1/,
    ],
    [
      'a seed that is no whole number',
      x,
      ['a', 'b'],
      { seed: 0.5 },
      /"seed" expected a whole number from 0 to 4294967295, got 0.5/,
    ],
    ['a tolerance of 0', x, ['a', 'b'], { tolerance: 0 }, /"tolerance" expected a positive number, got 0/],
    [
      'no iterations',
      x,
      ['a', 'b'],
      { maxIterations: 0 },
      /"maxIterations" expected a whole number of at least 1, got 0/,
    ],
    ['classes as a text', x, ['a', 'b'], { classes: 'ab' }, /"classes" expected a list of names, got something else/],
    ['too few weights', x, ['a', 'b'], { weights: [1] }, /"weights" expected 2, one per row of the features, got 1/],
    [
      'a weight of 0',
      x,
      ['a', 'b'],
      { weights: [1, 0] },
      /"weights" expected positive numbers, got 0 at 1; leave the sample out instead/,
    ],
    [
      "features too small for float32's range",
      ndarray(Float64Array.of(1e-45, -1e-45), [2, 1]),
      ['a', 'b'],
      { validation: 0, l2: 1e-88 },
      /does not fit into float32; scale the features/,
    ],
  ])('%s', async ([, features, labels, options, message]) => {
    await expect(trainHead(features as Tensor, labels as string[], options as TrainHeadOptions)).rejects.toThrow(
      message,
    );
  });
});
