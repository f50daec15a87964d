// relu, sigmoid, quickGelu, gelu, exp, erf and scale: the SIMD twins have the bits of the plain functions.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { erf, exp, gelu, quickGelu, relu, scale, sigmoid } from '../../src/ops/index.ts';
import { expCore } from '../../src/ops/exp-core.ts';
import type { Tensor } from '../../src/ops/index.ts';
import { anyFloat32, tensorOf, unitNumbers } from '../support/arbitraries.ts';
import { float32FromBits } from '../support/bits.ts';
import type { Bench } from '../support/simd.ts';
import { BENCHES, PARTS } from '../support/simd.ts';

const PLAIN = { relu, sigmoid, quickGelu, gelu, exp, erf };
type Kind = keyof typeof PLAIN;
const KINDS = Object.keys(PLAIN) as Kind[];

const values = (x: Tensor): Float32Array => x.data as Float32Array;

/** y apart from x, unaligned, and then in place. */
function check(bench: Bench, kind: Kind, x: Float32Array, parts: number, after: number): void {
  const expected = values(PLAIN[kind](tensorOf(x)));
  const from = bench.place(x, after);
  const y = bench.room(x.length, (after + 1) % 4);
  const { tables } = bench;
  bench.expect(
    () => {
      bench.run({ kind, x: from, y, count: x.length, tables }, parts);
    },
    { address: y, rows: 1, width: x.length },
    expected,
  );
  bench.expect(
    () => {
      bench.run({ kind, x: from, y: from, count: x.length, tables }, parts);
    },
    { address: from, rows: 1, width: x.length },
    expected,
  );
}

/** Numbers where the functions bend: raw bits at random in front of bits around every bound of the kernels. */
function edges(): Float32Array {
  const bounds = [
    2 ** -149,
    2 ** -126,
    2 ** -123,
    2 ** -24,
    2 ** -12,
    0.001117885229177773,
    0.25,
    1,
    3.9375,
    5.5,
    16.6,
    17.33,
    32,
    53,
    58.7,
    87,
    87.33,
    88.72,
    89,
    100,
    103.28,
    103.97,
    104,
    110,
    150,
    176,
    200,
    300,
    3.4028234663852886e38,
    Infinity,
    NaN,
    0,
  ];
  const x: number[] = [];
  const word = new Uint32Array(1);
  const float = new Float32Array(word.buffer);
  for (const bound of bounds) {
    float[0] = bound;
    const bits = word[0];
    for (let d = -5; d <= 5; d++)
      for (const sign of [0, 0x80000000]) x.push(float32FromBits(((bits + d) & 0x7fffffff) + sign));
  }
  return Float32Array.from(x);
}

describe.each(BENCHES)('%s', (_, benchOf) => {
  describe.each(KINDS)('%s', (kind) => {
    test('every length from 0 to 70, in 1, 2, 3 and 7 parts', () => {
      const next = unitNumbers(7);
      for (let count = 0; count <= 70; count++) {
        const bench = benchOf();
        check(
          bench,
          kind,
          Float32Array.from({ length: count }, () => 20 * next()),
          PARTS[count % 4],
          count % 4,
        );
      }
    });

    test('lengths of many grains, cut into parts', () => {
      const next = unitNumbers(8);
      for (const parts of PARTS)
        for (const count of [255, 256, 257, 513, 1791, 2050]) {
          check(
            benchOf(),
            kind,
            Float32Array.from({ length: count }, () => 6 * next()),
            parts,
            count % 4,
          );
        }
    });

    test('any binary32: random bits, and neighbours of every bound', () => {
      for (const after of [0, 1, 2, 3]) check(benchOf(), kind, edges(), 1, after);
      fc.assert(
        fc.property(
          fc.array(anyFloat32, { maxLength: 40 }),
          fc.nat(3),
          fc.constantFrom(...PARTS),
          (x, after, parts) => {
            check(benchOf(), kind, Float32Array.from(x), parts, after);
          },
        ),
        { numRuns: 60 },
      );
      const words = new Uint32Array(50000);
      let state = 1;
      for (let i = 0; i < words.length; i++) words[i] = state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      check(benchOf(), kind, new Float32Array(words.buffer), 2, 0);
    });

    test('one special value among usual ones does not touch its neighbours', () => {
      for (const special of [NaN, Infinity, -Infinity, 0, -0, 1e-40, -1e-40, 95, -95, 400, -400, 3e38, -3e38]) {
        for (let lane = 0; lane < 5; lane++) {
          const x = Float32Array.from([0.5, -1.25, 2.5, -3.75, 4.5]);
          x[lane] = special;
          check(benchOf(), kind, x, 1, lane % 4);
        }
      }
    });
  });

  test('scale by any factor', () => {
    fc.assert(
      fc.property(
        fc.array(anyFloat32, { maxLength: 70 }),
        anyFloat32,
        fc.nat(3),
        fc.constantFrom(...PARTS),
        (numbers, factor, after, parts) => {
          const bench = benchOf();
          const x = Float32Array.from(numbers);
          const from = bench.place(x, after);
          const y = bench.room(x.length, 3 - after);
          bench.expect(
            () => {
              bench.run({ kind: 'scale', x: from, y, count: x.length, factor }, parts);
            },
            { address: y, rows: 1, width: x.length },
            values(scale(tensorOf(x), factor)),
          );
        },
      ),
      { numRuns: 60 },
    );
  });
});

// The fast exponential is good to 36 bits. These are the numbers, one in tens of thousands, whose binary32 comes out
// wrong unless the test notices that they need the exact steps.
// Its arithmetic is repeated here in plain loops.
const STEP = Math.LN2 / 512;
const POWERS = Float64Array.from({ length: 512 }, (_, j) => expCore(j * STEP));
function fastExp(x: number, factor = 1): number {
  const z = x * (factor * (8 * 92.33248261689366));
  const k = Math.round(z);
  const f = z - k;
  const j = k & 511;
  return POWERS[j] * (1 + f * (STEP * (1 + (STEP * STEP) / 32) + f * ((STEP * STEP) / 2))) * 2 ** ((k - j) / 512);
}
const WITHOUT_TEST: Partial<Record<Kind, (x: number) => number>> = {
  exp: (x) => fastExp(x),
  quickGelu: (x) => x / (1 + fastExp(x, -1.702)),
};

test.each(['exp', 'quickGelu'] as const)('%s: numbers that the fast method alone gets wrong are right', (kind) => {
  const found: number[] = [];
  const next = unitNumbers(99);
  const plain = kind === 'exp' ? expCore : (x: number): number => x / (1 + expCore(-1.702 * x));
  for (let i = 0; i < 1_000_000; i++) {
    const x = Math.fround(30 * next());
    if (Math.fround(WITHOUT_TEST[kind]!(x)) !== Math.fround(plain(x))) found.push(x);
  }
  expect(found.length).toBeGreaterThan(30);
  for (let i = 0; i < found.length; i += 4000)
    check(BENCHES[0][1](), kind, Float32Array.from(found.slice(i, i + 4000)), 1, 0);
});

describe('planted faults are caught', () => {
  type Args = [x: number, y: number, count: number, tables: number];
  const faults: Record<string, (right: (...args: number[]) => void, args: Args, bench: Bench) => void> = {
    'a word past the end': (right, args, { machine }) => {
      right(...args);
      machine.f32[args[1] / 4 + args[2]] = 0;
    },
    'the last element left out': (right, [x, y, count, tables]) => {
      right(x, y, count - 1, tables);
    },
    'one element too many': (right, [x, y, count, tables]) => {
      right(x, y, count + 1, tables);
    },
    'a unit in the last place': (right, args, { machine }) => {
      right(...args);
      machine.i32[args[1] / 4 + 2]++;
    },
    '-0 made +0': (right, args, { machine }) => {
      right(...args);
      for (let i = 0; i < args[2]; i++) machine.f32[args[1] / 4 + i] += 0;
    },
    'a change of the input': (right, args, { machine }) => {
      right(...args);
      machine.f32[args[0] / 4] = 5;
    },
  };
  test.each(Object.keys(faults))('%s', (name) => {
    const bench = BENCHES[0][1]();
    const machine = bench.withFault('quickGelu_4', (right, args) => {
      faults[name](right, args as Args, bench);
    });
    const x = Float32Array.from({ length: 23 }, (_, i) => (i === 3 ? -0 : i - 11));
    const from = bench.place(x);
    const y = bench.room(x.length);
    const compute = (): void => {
      bench.run({ kind: 'quickGelu', x: from, y, count: x.length, tables: bench.tables }, 1, machine);
    };
    expect(() => {
      bench.expect(compute, { address: y, rows: 1, width: x.length }, values(quickGelu(tensorOf(x))));
    }).toThrow(/expected/);
  });
});
