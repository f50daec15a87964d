// The objective against its definition in plain float64 with the engine's own functions, its gradient against finite
// differences.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LogisticObjective } from '../../../src/train/head/objective.ts';
import { seed } from '../../support/arbitraries.ts';
import { unitNumbers } from '../../support/arbitraries.ts';
import { clouds } from './support.ts';

interface Problem {
  objective: LogisticObjective;
  /** The definition, with W and the intercept of the features as they are. */
  definition: (W: number[][], b: number[]) => number;
  E: number;
}

function problem(N: number, E: number, classes: number, l2: number, weighted: boolean, start: number): Problem {
  const { features, labels } = clouds(N, E, classes, start);
  const rows = Int32Array.from(Array.from({ length: N }, (_, n) => n).filter((n) => n < classes || n % 5 !== 4));
  const next = unitNumbers(start + 1);
  const weightOf = weighted ? Float64Array.from({ length: N }, () => 1.5 + next()) : null;
  const K = classes === 2 ? 1 : classes;
  const objective = new LogisticObjective(
    { features: features.data, E, rows, classOf: Int32Array.from(labels), weightOf },
    K,
    l2,
  );
  const definition = (W: number[][], b: number[]): number => {
    let loss = 0,
      S = 0;
    for (const n of rows) {
      const z = W.map((w, k) => w.reduce((sum, value, j) => sum + value * features.get(n, j), b[k]));
      const s = weightOf?.[n] ?? 1;
      S += s;
      loss +=
        s *
        (K === 1
          ? Math.log(1 + Math.exp(z[0])) - labels[n] * z[0]
          : Math.log(z.reduce((sum, one) => sum + Math.exp(one), 0)) - z[labels[n]]);
    }
    return loss / S + (l2 / 2) * W.flat().reduce((sum, w) => sum + w * w, 0);
  };
  return { objective, definition, E };
}

const problems = fc.record({
  N: fc.integer({ min: 5, max: 30 }),
  E: fc.constantFrom(1, 2, 4, 5, 8),
  classes: fc.constantFrom(2, 3, 5),
  l2: fc.constantFrom(0.001, 0.1, 1),
  weighted: fc.boolean(),
  start: seed,
});

function somewhere(length: number, start: number): Float64Array {
  const next = unitNumbers(start);
  return Float64Array.from({ length }, () => 3 * next());
}

test("its value is the definition's", () => {
  fc.assert(
    fc.property(problems, ({ N, E, classes, l2, weighted, start }) => {
      const { objective, definition } = problem(N, E, classes, l2, weighted, start);
      const x = somewhere(objective.length, start);
      const W = Array.from({ length: objective.K }, (_, k) => [...x.subarray(k * E, (k + 1) * E)]);
      const expected = definition(W, [...objective.intercepts(x)]);
      expect(Math.abs(objective.evaluate(x, new Float64Array(x.length)) - expected)).toBeLessThan(
        1e-13 * (1 + Math.abs(expected)),
      );
    }),
  );
});

/** The largest error of the gradient beside central differences. */
function gradientError(objective: Pick<LogisticObjective, 'evaluate' | 'length'>, x: Float64Array): number {
  const gradient = new Float64Array(x.length),
    unused = new Float64Array(x.length);
  objective.evaluate(x, gradient);
  let most = 0;
  const h = 1e-5;
  for (let i = 0; i < x.length; i++) {
    const [up, down] = [h, -h].map((step) =>
      objective.evaluate(
        x.map((value, j) => (j === i ? value + step : value)),
        unused,
      ),
    );
    most = Math.max(most, Math.abs((up - down) / (2 * h) - gradient[i]));
  }
  return most;
}

test('its gradient is what finite differences say', () => {
  fc.assert(
    fc.property(problems, ({ N, E, classes, l2, weighted, start }) => {
      const { objective } = problem(N, E, classes, l2, weighted, start);
      expect(gradientError(objective, somewhere(objective.length, start))).toBeLessThan(1e-8);
    }),
    { numRuns: 40 },
  );
});

describe('finite differences notice a wrong gradient', () => {
  const { objective, E } = problem(20, 4, 3, 0.1, true, 7);
  const x = somewhere(objective.length, 3);
  const bent = (
    bend: (gradient: Float64Array, x: Float64Array) => void,
  ): Pick<LogisticObjective, 'evaluate' | 'length'> => ({
    length: objective.length,
    evaluate: (at, gradient) => {
      const value = objective.evaluate(at, gradient);
      bend(gradient, at);
      return value;
    },
  });
  test.for<[string, (gradient: Float64Array, x: Float64Array) => void]>([
    [
      'a penalty that is twice as large',
      (gradient, at) => {
        for (let i = 0; i < 3 * E; i++) gradient[i] += 0.1 * at[i];
      },
    ],
    [
      'a penalised intercept',
      (gradient, at) => {
        for (let i = 3 * E; i < at.length; i++) gradient[i] += 0.1 * at[i];
      },
    ],
    [
      'features that were not centred',
      (gradient) => {
        for (let i = 0; i < 3 * E; i++) gradient[i] += gradient[3 * E + Math.floor(i / E)] * objective.mean[i % E];
      },
    ],
    [
      'two classes exchanged',
      (gradient) => {
        [gradient[0], gradient[E]] = [gradient[E], gradient[0]];
      },
    ],
  ])('%s', ([, bend]) => {
    expect(
      gradientError(
        bent(() => undefined),
        x,
      ),
    ).toBeLessThan(1e-8);
    expect(gradientError(bent(bend), x)).toBeGreaterThan(1e-4);
  });
});

test.for([2, 3])('logits of any size give finite values: %i classes', (classes) => {
  const { objective } = problem(12, 3, classes, 0.1, false, 5);
  for (const size of [1e3, 1e8, 1e100]) {
    const gradient = new Float64Array(objective.length);
    expect(
      Number.isFinite(
        objective.evaluate(
          new Float64Array(objective.length).fill(size).map((value, i) => (i % 2 === 0 ? value : -value)),
          gradient,
        ),
      ),
    ).toBe(true);
    expect(gradient.every(Number.isFinite)).toBe(true);
  }
});
