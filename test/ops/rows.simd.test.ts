// softmax, layerNorm, l2Normalize, mean: the SIMD twins have the bits of the plain functions, row by row.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { l2Normalize, layerNorm, mean, softmax } from '../../src/ops/index.ts';
import { anyFloat32, rawNumbers, seed, tensorOf, unitNumbers } from '../support/arbitraries.ts';
import type { Step } from '../../src/compiler/steps.ts';
import { Bench, BENCHES, PARTS } from '../support/simd.ts';

const KINDS = ['softmax', 'layerNorm', 'l2Normalize', 'mean'] as const;
type Kind = (typeof KINDS)[number];

interface Case {
  rows: number;
  width: number;
  x: Float32Array;
  weight: Float32Array;
  bias: Float32Array;
  eps: number;
  /** Words between the end of a row and the next, of x and of y. */
  gaps: [number, number];
  after: number;
  parts: number;
}

function plain(kind: Kind, { x, rows, width, weight, bias, eps }: Case): Float32Array {
  const t = tensorOf(x, [rows, width]);
  switch (kind) {
    case 'softmax':
      return softmax(t).data as Float32Array;
    case 'layerNorm':
      return layerNorm(t, tensorOf(weight), tensorOf(bias), eps).data as Float32Array;
    case 'l2Normalize':
      return l2Normalize(t).data as Float32Array;
    case 'mean':
      return mean(t).data as Float32Array;
  }
}

function stepOf(kind: Kind, bench: Bench, c: Case, x: number, xStride: number, y: number, yStride: number): Step {
  const { rows, width, eps } = c;
  const common = { x, xStride, y, yStride, rows, width };
  switch (kind) {
    case 'softmax':
      return { kind, ...common, tables: bench.tables };
    case 'layerNorm':
      return {
        kind,
        ...common,
        weight: bench.place(c.weight, (c.after + 1) % 4),
        bias: bench.place(c.bias, (c.after + 2) % 4),
        eps,
      };
    case 'l2Normalize':
      return { kind, ...common };
    case 'mean':
      return { kind, x, xStride, y, rows, width };
  }
}

function check(bench: Bench, kind: Kind, c: Case): void {
  const { rows, width, gaps, after, parts } = c;
  const expected = plain(kind, c);
  const xStride = 4 * (width + gaps[0]);
  const x = bench.placeRows(c.x, width, xStride, after);
  const yStride = 4 * (width + gaps[1]);
  const y = bench.room((rows * yStride) / 4, (after + 3) % 4);
  const step = stepOf(kind, bench, c, x, xStride, y, yStride);
  const output = kind === 'mean' ? { address: y, rows: 1, width: rows } : { address: y, rows, width, stride: yStride };
  bench.expect(
    () => {
      bench.run(step, parts);
    },
    output,
    expected,
  );
  if (kind !== 'mean') {
    // in place
    bench.expect(
      () => {
        bench.run({ ...step, y: x, yStride: xStride } as Step, parts);
      },
      { address: x, rows, width, stride: xStride },
      expected,
    );
  }
}

function caseOf(rows: number, width: number, next: () => number, more: Partial<Case> = {}): Case {
  const of = (count: number): Float32Array => Float32Array.from({ length: count }, () => next());
  return {
    rows,
    width,
    x: of(rows * width),
    weight: of(width),
    bias: of(width),
    eps: 1e-5,
    gaps: [0, 0],
    after: 0,
    parts: 1,
    ...more,
  };
}

describe.each(BENCHES)('%s', (_, benchOf) => {
  describe.each(KINDS)('%s', (kind) => {
    test('every width from 1 to 70, unaligned rows, in parts', () => {
      const next = unitNumbers(3);
      for (let width = 1; width <= 70; width++) {
        check(
          benchOf(),
          kind,
          caseOf(1 + (width % 5), width, () => 8 * next(), {
            gaps: [width % 4, (width + 1) % 3],
            after: width % 4,
            parts: PARTS[width % 4],
          }),
        );
      }
    });

    test('the widths of the models', () => {
      const next = unitNumbers(4);
      for (const width of [50, 77, 197, 257, 512, 768, 1024])
        check(
          benchOf(),
          kind,
          caseOf(9, width, () => 8 * next(), { parts: PARTS[width % 4], gaps: [3, 1] }),
        );
    });

    test('raw-bit numbers: any exponent, infinities and NaN', () => {
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 40 }),
          fc.integer({ min: 0, max: 5 }),
          seed,
          fc.boolean(),
          fc.nat(3),
          fc.constantFrom(...PARTS),
          (width, rows, start, all, after, parts) => {
            check(
              benchOf(),
              kind,
              caseOf(rows, width, rawNumbers(start, all), { after, parts, gaps: [after, 3 - after] }),
            );
          },
        ),
        { numRuns: 80 },
      );
      fc.assert(
        fc.property(fc.array(anyFloat32, { minLength: 1, maxLength: 20 }), (x) => {
          check(benchOf(), kind, caseOf(1, x.length, unitNumbers(5), { x: Float32Array.from(x) }));
        }),
        { numRuns: 80 },
      );
    });

    test('rows of zeros, of one number, of -0, of the largest numbers', () => {
      for (const value of [
        0,
        -0,
        1,
        -3.5,
        3.4028234663852886e38,
        -3.4028234663852886e38,
        1e-45,
        Infinity,
        -Infinity,
        NaN,
      ]) {
        for (const width of [1, 2, 3, 4, 5, 8, 11])
          check(
            benchOf(),
            kind,
            caseOf(2, width, () => value),
          );
      }
    });
  });

  test('softmax of every spread: masked scores, results that are subnormal or vanish', () => {
    const next = unitNumbers(6);
    for (const spread of [1e-6, 1, 10, 30, 80, 87, 88, 100, 103, 104, 110, 500]) {
      for (const width of [3, 8, 13, 40])
        check(
          benchOf(),
          'softmax',
          caseOf(7, width, () => spread * next()),
        );
    }
    for (const width of [1, 4, 7, 20, 77]) {
      // causal: row r sees r + 1 scores
      const c = caseOf(width, width, () => 5 * next());
      for (let r = 0; r < width; r++) c.x.fill(-Infinity, r * width + r + 1, (r + 1) * width);
      check(benchOf(), 'softmax', c);
    }
  });

  test('layerNorm with any eps, weights and biases', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        seed,
        fc.constantFrom(0, 1e-12, 1e-6, 1e-5, 0.5),
        (width, start, eps) => {
          check(
            benchOf(),
            'layerNorm',
            caseOf(3, width, rawNumbers(start), {
              eps,
              x: Float32Array.from({ length: 3 * width }, unitNumbers(start)),
            }),
          );
        },
      ),
      { numRuns: 50 },
    );
  });
});

test('no element is nothing', () => {
  for (const kind of KINDS)
    check(
      BENCHES[0][1](),
      kind,
      caseOf(0, 5, () => 1, { parts: 3 }),
    );
});

describe('planted faults are caught', () => {
  const next = unitNumbers(17);
  const c = caseOf(3, 23, () => 4 * next());
  const planted =
    (kind: Kind, fault: Parameters<Bench['withFault']>[1]): (() => void) =>
    () => {
      const bench = BENCHES[0][1]();
      const machine = bench.withFault(kind, fault);
      const faulty = Object.assign(Object.create(bench) as Bench, {
        run: (step: Step, parts: number) => {
          Bench.prototype.run.call(bench, step, parts, machine);
        },
        place: bench.place.bind(bench),
        placeRows: bench.placeRows.bind(bench),
        room: bench.room.bind(bench),
        expect: bench.expect.bind(bench),
      });
      check(faulty, kind, c);
    };
  test('the harness itself passes what is right', () => {
    planted('softmax', (right, args) => right(...args))();
  });
  test('softmax with a sum in another order', () => {
    expect(
      planted('softmax', (_, [x, xStride, y, yStride, rows, width], { f32 }) => {
        for (let r = 0; r < rows; r++) {
          const row = c.x.subarray(r * width, (r + 1) * width);
          expect((x + r * xStride) % 4).toBe(0);
          const m = row.reduce((a, b) => Math.max(a, b));
          const e = row.map((v) => Math.exp(Math.fround(v - m))); // rounded by the store; right on these numbers
          const S = e.reduce((a, b) => Math.fround(a + b), 0); // rounded sums
          for (let i = 0; i < width; i++) f32[(y + r * yStride) / 4 + i] = e[i] / S;
        }
      }),
    ).toThrow(/expected/);
  });
  test('layerNorm with another eps', () => {
    expect(planted('layerNorm', (right, args) => right(...args.slice(0, 8), 1.01e-5))).toThrow(/expected/);
  });
  test('layerNorm with weight and bias exchanged', () => {
    expect(planted('layerNorm', (right, a) => right(...a.slice(0, 6), a[7], a[6], a[8]))).toThrow(/expected/);
  });
  test('a row left out', () => {
    expect(
      planted('l2Normalize', (right, [x, xs, y, ys, rows, width]) => right(x, xs, y, ys, rows - 1, width)),
    ).toThrow(/expected/);
  });
  test('a row too many', () => {
    expect(planted('mean', (right, [x, xs, y, rows, width]) => right(x, xs, y, rows + 1, width))).toThrow(/expected/);
  });
  test('the mean of one element less', () => {
    expect(planted('mean', (right, [x, xs, y, rows, width]) => right(x, xs, y, rows, width - 1))).toThrow(/expected/);
  });
});
