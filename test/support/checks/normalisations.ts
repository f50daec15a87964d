// Checks of layerNorm, batchNorm2d, l2Normalize, softmax, mean and avgPool2d: the operations with small reductions.

import fc from 'fast-check';
import type { Operations, Tensor } from '../../../src/ops/index.ts';
import { fill, laidOut, layout, rawNumbers, seed, tensorOf, unitFloat32, unitTensor } from '../arbitraries.ts';
import { expectSameBits, elements } from '../bits.ts';
import { U, assertClose, contractTotal, judgeMoments, judgeSoftmax } from '../judges.ts';
import type { Checks } from './checks.ts';
import { probe, survivorsOfStripes } from './sums.ts';

const RUNS = { numRuns: 50 };
const HUGE = 2 ** 100;
const width = fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 64, 130);

function rowsOf(x: Tensor): number[][] {
  const D = x.shape[x.shape.length - 1];
  const all = Array.from(elements(x));
  return Array.from({ length: D === 0 ? 0 : all.length / D }, (_, r) => all.slice(r * D, (r + 1) * D));
}

/**
 * Pairs of positions that tell stripes, their order and how they are joined apart from any other sum of 11 elements.
 */
function stripePairs(): [number, number][] {
  const pairs: [number, number][] = [];
  for (let i = 0; i < 11; i++) for (let j = i + 1; j < 11; j++) pairs.push([i, j]);
  return pairs;
}

export const layerNormChecks: Checks<Operations['layerNorm']> = {
  'equals the textbook in float64 to one rounding': (layerNorm) => {
    fc.assert(
      fc.property(width, seed, fc.constantFrom(1e-5, 1e-12, 0.1), (D, s, eps) => {
        const x = unitTensor([3, D], s);
        const [g, b] = [unitTensor([D], s + 1), unitTensor([D], s + 2)];
        const truth = rowsOf(x).flatMap((row) => {
          const { mean, variance } = judgeMoments(row);
          return row.map((v, i) => ((v - mean) / Math.sqrt(variance + eps)) * g.get(i) + b.get(i));
        });
        // Half a unit in the last place of the result, and what float64 itself loses to cancellation.
        assertClose(elements(layerNorm(x, g, b, eps)), truth, U, 1e-12);
      }),
      RUNS,
    );
  },
  'equals the contract bit for bit': (layerNorm) => {
    fc.assert(
      fc.property(width, seed, fc.boolean(), (D, s, double) => {
        const Type = double ? Float64Array : Float32Array;
        const x = unitTensor([2, D], s, Type);
        const [g, b] = [unitTensor([D], s + 1), unitTensor([D], s + 2)];
        const expected = rowsOf(x).flatMap((row) => {
          const mean = contractTotal(row) / D;
          const r = 1 / Math.sqrt(contractTotal(row.map((v) => (v - mean) * (v - mean))) / D + 1e-5);
          return row.map((v, i) => (v - mean) * r * g.get(i) + b.get(i));
        });
        expectSameBits(layerNorm(x, g, b), tensorOf(expected, x.shape, Type));
      }),
      RUNS,
    );
  },
  'rows do not see each other, strided views neither': (layerNorm) => {
    fc.assert(
      fc.property(width, seed, layout, (D, s, lie) => {
        const x = unitTensor([2, 3, D], s);
        const [g, b] = [unitTensor([D], s + 1), unitTensor([D], s + 2)];
        const y = layerNorm(x, g, b);
        expectSameBits(layerNorm(laidOut(x, lie), laidOut(g, lie), laidOut(b, lie)), y);
        for (let n = 0; n < 2; n++)
          expectSameBits(y.pick(n, null, null) as Tensor, layerNorm(x.pick(n, null, null) as Tensor, g, b));
      }),
      RUNS,
    );
  },
  'a constant row gives the bias, no rows give none, NaN stays in its row': (layerNorm) => {
    const [g, b] = [tensorOf([5, 6, 7]), tensorOf([1, -2, 0.5])];
    expectSameBits(layerNorm(tensorOf([4, 4, 4], [1, 3]), g, b), tensorOf([1, -2, 0.5], [1, 3]));
    expectSameBits(layerNorm(tensorOf([], [0, 3]), g, b), tensorOf([], [0, 3]));
    expectSameBits(
      layerNorm(tensorOf([NaN, 1, 2, 4, 4, 4], [2, 3]), g, b),
      tensorOf([NaN, NaN, NaN, 1, -2, 0.5], [2, 3]),
    );
  },
};

export const batchNorm2dChecks: Checks<Operations['batchNorm2d']> = {
  'equals (x - mean) / sqrt(var + eps) · weight + bias in float64 to one rounding': (batchNorm2d) => {
    fc.assert(
      fc.property(fc.constantFrom(1, 3, 5), seed, fc.constantFrom(1e-5, 1e-3), (C, s, eps) => {
        const x = unitTensor([2, C, 3, 2], s);
        const [weight, bias, runningMean] = [unitTensor([C], s + 1), unitTensor([C], s + 2), unitTensor([C], s + 3)];
        const runningVar = tensorOf(elements(unitTensor([C], s + 4)).map((v) => v * v));
        const truth = Array.from(elements(x), (v, i) => {
          const c = Math.floor(i / 6) % C;
          return ((v - runningMean.get(c)) / Math.sqrt(runningVar.get(c) + eps)) * weight.get(c) + bias.get(c);
        });
        assertClose(elements(batchNorm2d(x, { weight, bias, runningMean, runningVar }, eps)), truth, U, 1e-11);
      }),
      RUNS,
    );
  },
  'equals the contract bit for bit: factor and shift stay in float64': (batchNorm2d) => {
    fc.assert(
      fc.property(fc.constantFrom(1, 3, 5), seed, fc.boolean(), (C, s, double) => {
        const Type = double ? Float64Array : Float32Array;
        const x = unitTensor([2, C, 7], s, Type);
        const [weight, bias, runningMean] = [unitTensor([C], s + 1), unitTensor([C], s + 2), unitTensor([C], s + 3)];
        const runningVar = tensorOf(elements(unitTensor([C], s + 4)).map((v) => v * v));
        const expected = Array.from(elements(x), (v, i) => {
          const c = Math.floor(i / 7) % C;
          const a = weight.get(c) / Math.sqrt(runningVar.get(c) + 1e-5);
          return v * a + (bias.get(c) - runningMean.get(c) * a);
        });
        expectSameBits(batchNorm2d(x, { weight, bias, runningMean, runningVar }), tensorOf(expected, x.shape, Type));
      }),
      RUNS,
    );
  },
  'reads strided views, takes any number of axes after the channels, a batch equals single calls': (batchNorm2d) => {
    fc.assert(
      fc.property(seed, layout, fc.constantFrom([2, 3], [2, 3, 0], [2, 3, 4], [2, 3, 2, 2]), (s, lie, shape) => {
        const x = unitTensor(shape, s);
        const parameters = {
          weight: unitTensor([3], s + 1),
          bias: unitTensor([3], s + 2),
          runningMean: unitTensor([3], s + 3),
          runningVar: tensorOf([1, 2, 0.5]),
        };
        const y = batchNorm2d(x, parameters);
        expectSameBits(
          batchNorm2d(laidOut(x, lie), {
            ...parameters,
            weight: laidOut(parameters.weight, lie),
            runningVar: laidOut(parameters.runningVar, lie),
          }),
          y,
        );
        for (let n = 0; n < 2; n++)
          expectSameBits(y.hi(n + 1).lo(n) as Tensor, batchNorm2d(x.hi(n + 1).lo(n) as Tensor, parameters));
      }),
      RUNS,
    );
  },
};

export const l2NormalizeChecks: Checks<Operations['l2Normalize']> = {
  'gives vectors of length 1 that point the same way': (l2Normalize) => {
    fc.assert(
      fc.property(width, seed, (D, s) => {
        const x = unitTensor([2, D], s);
        rowsOf(l2Normalize(x)).forEach((row, r) => {
          const norm = Math.sqrt(rowsOf(x)[r].reduce((sum, v) => sum + v * v, 0));
          assertClose(
            row,
            rowsOf(x)[r].map((v) => v / norm),
            U,
            1e-15,
          );
          assertClose([row.reduce((sum, v) => sum + v * v, 0)], [1], 2 * U);
        });
      }),
      RUNS,
    );
  },
  'equals the contract bit for bit, whatever the bits of the input': (l2Normalize) => {
    fc.assert(
      fc.property(width, seed, fc.boolean(), (D, s, all) => {
        const x = fill([2, D], rawNumbers(s, all));
        const expected = rowsOf(x).flatMap((row) => {
          const norm = Math.sqrt(contractTotal(row.map((v) => v * v)));
          return row.map((v) => v / norm);
        });
        expectSameBits(l2Normalize(x), tensorOf(expected, x.shape));
      }),
      RUNS,
    );
  },
  'reads strided views; a zero vector gives NaN; the squares of large numbers do not overflow': (l2Normalize) => {
    fc.assert(
      fc.property(seed, layout, (s, lie) => {
        const x = unitTensor([2, 3, 5], s);
        expectSameBits(l2Normalize(laidOut(x, lie)), l2Normalize(x));
      }),
      RUNS,
    );
    expectSameBits(l2Normalize(tensorOf([0, -0, 3e38, 0], [2, 2])), tensorOf([NaN, NaN, 1, 0], [2, 2]));
  },
};

export const softmaxChecks: Checks<Operations['softmax']> = {
  'equals e^x / Σ e^x in float64 within two roundings, and its rows sum to 1': (softmax) => {
    fc.assert(
      fc.property(width, seed, fc.constantFrom(1, 20, 200), (D, s, spread) => {
        const x = tensorOf(
          elements(unitTensor([3, D], s)).map((v) => Math.fround(v * spread)),
          [3, D],
        );
        rowsOf(softmax(x)).forEach((row, r) => {
          const top = Math.max(...rowsOf(x)[r]);
          // x - m is rounded, and the exponential multiplies that error by its argument: |x - m|·u, and u each for e
          // and e/S.
          const truth = judgeSoftmax(rowsOf(x)[r]);
          row.forEach((p, i) => {
            assertClose([p], [truth[i]], U * (3 + 2 * Math.abs(rowsOf(x)[r][i] - top)), 2 ** -148);
          });
          assertClose([row.reduce((sum, v) => sum + v, 0)], [1], (D + 1) * U);
        });
      }),
      RUNS,
    );
  },
  'a shift of all by a whole number that loses no bit changes no bit': (softmax) => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 9 }),
        fc.integer({ min: -1000, max: 1000 }),
        (values, shift) => {
          expectSameBits(
            softmax(tensorOf(values.map((v) => v / 64 + shift))),
            softmax(tensorOf(values.map((v) => v / 64))),
          );
        },
      ),
      RUNS,
    );
  },
  'sums in four stripes, and in float64': (softmax) => {
    // e = 1 and tiny: 2^24 + … would show a float32 sum; the stripes' order shows in the last bit of float64 mode.
    fc.assert(
      fc.property(fc.array(fc.double({ min: -3, max: 0, noNaN: true }), { minLength: 1, maxLength: 23 }), (values) => {
        const row = [0, ...values];
        const y = elements(softmax(tensorOf(row, [row.length], Float64Array)));
        // within 2 ulp of e^v
        const e = row.map((v) => elements(softmax(tensorOf([0, v], [2], Float64Array)))).map(([p, q]) => q / p);
        assertClose(
          y,
          e.map((v) => v / contractTotal(e)),
          2e-15,
        );
      }),
      RUNS,
    );
    const ones = softmax(tensorOf(new Array<number>(5).fill(-7.25)));
    expectSameBits(ones, tensorOf(new Array<number>(5).fill(Math.fround(1 / 5))));
    // 4000·e^-17.25 = 1.3e-4, each below the last bit of a float32 1
    const many = softmax(tensorOf([0, ...new Array<number>(4000).fill(-17.25)]));
    assertClose([elements(many)[0]], [1 / (1 + 4000 * Math.exp(-17.25))], U);
  },
  'rows do not see each other, strided views neither': (softmax) => {
    fc.assert(
      fc.property(seed, layout, (s, lie) => {
        const x = unitTensor([2, 3, 5], s);
        const y = softmax(x);
        expectSameBits(softmax(laidOut(x, lie)), y);
        for (let n = 0; n < 2; n++)
          expectSameBits(y.pick(n, null, null) as Tensor, softmax(x.pick(n, null, null) as Tensor));
      }),
      RUNS,
    );
  },
  '-Infinity has no share; NaN, +Infinity and nothing but -Infinity give NaN': (softmax) => {
    expectSameBits(softmax(tensorOf([-Infinity, 3, 3])), tensorOf([0, 0.5, 0.5]));
    expectSameBits(softmax(tensorOf([-Infinity, -Infinity])), tensorOf([NaN, NaN]));
    expectSameBits(softmax(tensorOf([1, Infinity])), tensorOf([NaN, NaN]));
    expectSameBits(softmax(tensorOf([1, NaN, 2])), tensorOf([NaN, NaN, NaN]));
    expectSameBits(softmax(tensorOf([0, -103.9, -104.1])), tensorOf([1, 2 ** -149, 0])); // e^-103.9 = 0.51·2^-148
    expectSameBits(softmax(tensorOf([], [2, 0])), tensorOf([], [2, 0]));
  },
};

export const meanChecks: Checks<Operations['mean']> = {
  'sums in float64, in four stripes joined as (s0 + s1) + (s2 + s3)': (mean) => {
    for (const [i, j] of stripePairs()) {
      expectSameBits(
        mean(tensorOf(probe(11, i, j, HUGE), [1, 11])),
        tensorOf([survivorsOfStripes(11, i, j) / 11]),
        `large at ${i} and ${j}`,
      );
    }
  },
  'equals the contract bit for bit, whatever the bits of the input': (mean) => {
    fc.assert(
      fc.property(width, seed, fc.boolean(), fc.boolean(), (D, s, all, double) => {
        const Type = double ? Float64Array : Float32Array;
        const x = fill([2, 2, D], rawNumbers(s, all), Type);
        expectSameBits(
          mean(x),
          tensorOf(
            rowsOf(x).map((row) => contractTotal(row) / D),
            [2, 2],
            Type,
          ),
        );
      }),
      RUNS,
    );
  },
  'lies between the smallest and the largest; strided views count the same': (mean) => {
    fc.assert(
      fc.property(fc.array(unitFloat32, { minLength: 1, maxLength: 20 }), layout, (values, lie) => {
        const y = mean(tensorOf(values));
        if (!(y.get() >= Math.min(...values) && y.get() <= Math.max(...values)))
          throw new Error(`mean of ${values.join()} is ${y.get()}`);
        expectSameBits(mean(laidOut(tensorOf(values), lie)), y);
      }),
      RUNS,
    );
  },
};

/** Windows by their definition; Σ by the contract's stripes. */
function pooled(
  x: Tensor,
  [KH, KW]: [number, number],
  [sh, sw]: [number, number],
  [ph, pw]: [number, number],
  countIncludePad: boolean,
): number[] {
  const [N, C, H, W] = x.shape;
  const result: number[] = [];
  for (let n = 0; n < N; n++)
    for (let c = 0; c < C; c++)
      for (let top = -ph; top + KH <= H + ph; top += sh)
        for (let left = -pw; left + KW <= W + pw; left += sw) {
          const window: number[] = [];
          for (let h = top; h < top + KH; h++)
            for (let w = left; w < left + KW; w++) {
              if (h >= 0 && w >= 0 && h < H && w < W) window.push(x.get(n, c, h, w));
              else if (countIncludePad) window.push(0);
            }
          result.push(contractTotal(window) / window.length);
        }
  return result;
}

export const avgPool2dChecks: Checks<Operations['avgPool2d']> = {
  'equals the contract bit for bit: windows of any size, stride and padding': (avgPool2d) => {
    const extent = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(
        fc.tuple(extent, extent),
        fc.tuple(extent, extent),
        fc.tuple(fc.nat(2), fc.nat(2)),
        fc.boolean(),
        seed,
        (kernel, stride, pad, countIncludePad, s) => {
          const padding: [number, number] = [Math.min(pad[0], kernel[0] >> 1), Math.min(pad[1], kernel[1] >> 1)];
          const x = fill([2, 2, 6, 7], s % 2 ? rawNumbers(s, true) : rawNumbers(s));
          const y = avgPool2d(x, kernel, { stride, padding, countIncludePad });
          expectSameBits(tensorOf(elements(y)), tensorOf(pooled(x, kernel, stride, padding, countIncludePad)));
        },
      ),
      { numRuns: 100 },
    );
  },
  'sums in float64, in four stripes in row-major order of the window': (avgPool2d) => {
    for (const [i, j] of stripePairs()) {
      const values = [...probe(11, i, j, HUGE), 1];
      const expected = contractTotal(values) / 12;
      expectSameBits(
        avgPool2d(tensorOf(values, [1, 1, 3, 4]), [3, 4]),
        tensorOf([expected], [1, 1, 1, 1]),
        `large at ${i} and ${j}`,
      );
    }
  },
  'the stride is the kernel unless given; padded zeros count only if asked to': (avgPool2d) => {
    const x = tensorOf([1, 2, 3, 4], [1, 1, 2, 2]);
    expectSameBits(avgPool2d(tensorOf([1, 3, 5, 7, 9, 9], [1, 1, 1, 6]), [1, 2]), tensorOf([2, 6, 9], [1, 1, 1, 3]));
    expectSameBits(avgPool2d(x, 2, { padding: 1 }), tensorOf([1, 2, 3, 4], [1, 1, 2, 2]));
    expectSameBits(
      avgPool2d(x, 2, { padding: 1, countIncludePad: true }),
      tensorOf([0.25, 0.5, 0.75, 1], [1, 1, 2, 2]),
    );
  },
  'reads strided views; a batch equals single calls; no images give none': (avgPool2d) => {
    fc.assert(
      fc.property(seed, layout, (s, lie) => {
        const x = unitTensor([2, 3, 4, 5], s);
        const y = avgPool2d(x, 2);
        expectSameBits(avgPool2d(laidOut(x, lie), 2), y);
        for (let n = 0; n < 2; n++)
          expectSameBits(y.hi(n + 1).lo(n) as Tensor, avgPool2d(x.hi(n + 1).lo(n) as Tensor, 2));
      }),
      RUNS,
    );
    expectSameBits(avgPool2d(tensorOf([], [0, 3, 4, 4]), 2), tensorOf([], [0, 3, 2, 2]));
  },
};
