// The optimiser and its line search on functions whose minimum is known.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dot, minimize, type Minimum, type MinimizeOptions } from '../../../src/train/head/lbfgs.ts';
import { lineSearch } from '../../../src/train/head/line-search.ts';
import { LogisticObjective } from '../../../src/train/head/objective.ts';
import { seed, unitNumbers } from '../../support/arbitraries.ts';
import { apart, clouds } from './support.ts';

function run(
  options: Omit<MinimizeOptions, 'maxIterations' | 'curvature' | 'isDone'> & Partial<MinimizeOptions>,
): Minimum {
  const steps = minimize({
    maxIterations: 500,
    curvature: new Float64Array(options.start.length).fill(1),
    isDone: (_, gradient) => dot(gradient, gradient) < 1e-24,
    ...options,
  });
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
}

/** Rosenbrock's valley in any even number of dimensions: its minimum 0 is where every variable is 1. */
function rosenbrock(x: Float64Array, gradient: Float64Array): number {
  let value = 0;
  for (let i = 0; i < x.length; i += 2) {
    const a = x[i + 1] - x[i] * x[i],
      b = 1 - x[i];
    value += 100 * a * a + b * b;
    gradient[i] = -400 * a * x[i] - 2 * b;
    gradient[i + 1] = 200 * a;
  }
  return value;
}

test.for([2, 10, 100])("Rosenbrock's valley in %i dimensions", (n) => {
  const found = run({ start: new Float64Array(n).map((_, i) => (i % 2 === 0 ? -1.2 : 1)), evaluate: rosenbrock });
  expect(found.ended).toBe('done');
  expect(apart(found.x, new Float64Array(n).fill(1))).toBeLessThan(1e-11);
  expect(found.iterations).toBeLessThan(80);
});

test('squares whose curvatures differ by 10^4: the diagonal takes them as if they were one', () => {
  const n = 20;
  const scales = Float64Array.from({ length: n }, (_, i) => 10 ** ((4 * i) / (n - 1)));
  const evaluate = (x: Float64Array, gradient: Float64Array): number => {
    let value = 0;
    x.forEach((one, i) => {
      gradient[i] = scales[i] * (one - i);
      value += (gradient[i] * (one - i)) / 2;
    });
    return value;
  };
  const isDone = (x: Float64Array): boolean => x.every((one, i) => Math.abs(one - i) < 1e-10 * (1 + i));
  const [with_, without] = [scales, new Float64Array(n).fill(1)].map((curvature) =>
    run({ start: new Float64Array(n), evaluate, curvature, isDone }),
  );
  expect([with_.ended, without.ended]).toEqual(['done', 'done']);
  expect(with_.iterations).toBeLessThan(5);
  expect(without.iterations).toBeGreaterThan(with_.iterations);
});

test('near the optimum, where f no longer changes, it goes on by slopes: nearly all digits are found', () => {
  // f = 1e6 + ½·Σ x²: below |x| = 1e-5 the sum does not see x at all
  const found = run({
    start: Float64Array.of(3, -2, 1),
    evaluate: (x, gradient) => {
      gradient.set(x);
      return 1e6 + dot(x, x) / 2;
    },
    curvature: Float64Array.of(3, 0.5, 1),
  });
  expect(found.ended).toBe('done');
  expect(apart(found.x, [0, 0, 0])).toBeLessThan(1e-11);
});

test('maxIterations ends it', () => {
  const found = run({ start: Float64Array.of(-1.2, 1), evaluate: rosenbrock, maxIterations: 3 });
  expect([found.ended, found.iterations]).toEqual(['limit', 3]);
});

test('where rounding leaves no step, it ends instead of running on', () => {
  // Nothing satisfies this isDone.
  const found = run({
    start: Float64Array.of(-1.2, 1),
    evaluate: (x, gradient) => rosenbrock(x, gradient) + 1,
    isDone: () => false,
  });
  expect(found.ended).toBe('rounding');
  expect(apart(found.x, [1, 1])).toBeLessThan(1e-8);
});

test('a function that is not finite at the start is an error; one that overflows on the way is not', () => {
  expect(() => run({ start: Float64Array.of(0), evaluate: () => NaN })).toThrow(
    /"evaluate" expected a finite value at the start, got NaN/,
  );
  // 1/x + x, which is Infinity at 0 and NaN below: the minimum is at 1
  const evaluate = (x: Float64Array, gradient: Float64Array): number => {
    gradient[0] = x[0] > 0 ? 1 - 1 / (x[0] * x[0]) : NaN;
    return x[0] > 0 ? 1 / x[0] + x[0] : NaN;
  };
  expect(apart(run({ start: Float64Array.of(100), evaluate, curvature: Float64Array.of(1e-3) }).x, [1])).toBeLessThan(
    1e-11,
  );
});

describe('line search', () => {
  const along = (f: (step: number) => [number, number]) => (step: number) => ({
    step,
    value: f(step)[0],
    slope: f(step)[1],
  });

  test('on any parabola and from any first step, the step satisfies the Wolfe conditions and is the last one tried', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
        fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
        fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
        (curvature, slope, first) => {
          let last = -1;
          const at = along((step) => [(curvature * step * step) / 2 - slope * step, curvature * step - slope]);
          const found = lineSearch(at(0), first, (step) => at((last = step)))!;
          expect(found.step).toBe(last);
          expect(found.slope).toBeGreaterThanOrEqual(-0.9 * slope);
          // Sufficient decrease, or what equals it where f cannot tell
          expect(found.value <= -0.1 * found.step * slope || (found.value <= 0 && found.slope <= 0.8 * slope)).toBe(
            true,
          );
        },
      ),
    );
  });

  test('hills and valleys: the step is lower than the start', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 50, noNaN: true }),
        fc.double({ min: 0.1, max: 5, noNaN: true }),
        (first, wave) => {
          const at = along((step) => [
            (step * step) / 20 - Math.sin(wave * step),
            step / 10 - wave * Math.cos(wave * step),
          ]);
          const found = lineSearch(at(0), first, at)!;
          expect(found.value).toBeLessThan(0);
          expect(found.slope).toBeGreaterThanOrEqual(-0.9 * wave);
        },
      ),
    );
  });

  test('a function without a minimum gives null, not a loop', () => {
    expect(lineSearch({ step: 0, value: 0, slope: -1 }, 1, (step) => ({ step, value: -step, slope: -1 }))).toBeNull();
  });
});

test('the optimum of logistic regression is the same from any start', () => {
  fc.assert(
    fc.property(seed, fc.constantFrom(2, 3), (start, classes) => {
      const { features, labels } = clouds(40, 5, classes, start);
      const objective = new LogisticObjective(
        {
          features: features.data,
          E: 5,
          rows: Int32Array.from(labels.keys()),
          classOf: Int32Array.from(labels),
          weightOf: null,
        },
        classes === 2 ? 1 : classes,
        0.05,
      );
      const next = unitNumbers(start);
      const optimum = (from: Float64Array): Float64Array =>
        run({
          start: from,
          evaluate: (x, gradient) => objective.evaluate(x, gradient),
          curvature: objective.curvature(),
        }).x.subarray(0, objective.K * 5);
      const here = optimum(new Float64Array(objective.length));
      expect(Math.max(...here.map(Math.abs))).toBeGreaterThan(0.01);
      expect(apart(here, optimum(new Float64Array(objective.length).map(() => 20 * next())))).toBeLessThan(1e-9);
    }),
    { numRuns: 20 },
  );
});
