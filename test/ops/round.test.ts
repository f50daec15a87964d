// round: every half, every tie between two of them, and the neighbours of the ties, against a judge that searches the
// table of all halves.

import { describe, expect, test } from 'vitest';
import { round, ROUND_FORMATS, roundInto, type RoundFormat } from '../../src/ops/round.ts';
import { rawNumbers, tensorOf } from '../support/arbitraries.ts';
import { firstDifference, float32FromBits } from '../support/bits.ts';
import { BENCHES, PARTS } from '../support/simd.ts';

/** A half by its definition: (-1)^s · 2^(e-15) · (1 + f/1024), subnormal for e = 0. */
function halfValue(bits: number): number {
  const e = (bits >> 10) & 31;
  const f = bits & 1023;
  const magnitude = e === 31 ? (f === 0 ? Infinity : NaN) : e === 0 ? f * 2 ** -24 : (1024 + f) * 2 ** (e - 25);
  return bits >> 15 === 1 ? -magnitude : magnitude;
}

/** A finite number of a format with a binary32's exponent: `bits` of its upper part. */
const upperValue = (bits: number, dropped: number): number => float32FromBits((bits << dropped) >>> 0);

/** The float32 next to x, away from zero or towards it. */
function beside(x: number, by: 1 | -1): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, x);
  view.setUint32(0, view.getUint32(0) + by);
  return view.getFloat32(0);
}

/**
 * Fixed points, ties and the ties' neighbours between a format's number `value` and the next one, `above`, with what
 * they round to.
 */
function around(value: number, above: number, even: boolean): [number, number][] {
  const tie = (value + (Number.isFinite(above) ? above : Math.sign(above) * 65536)) / 2;
  return [
    [value, value],
    [tie, even ? value : above],
    [beside(tie, -1), value],
    [beside(tie, 1), above],
  ];
}

/** Inputs and expected outputs: all neighbours of a format. */
function cases(format: RoundFormat): [number, number][] {
  const all: [number, number][] = [
    [NaN, NaN],
    [Infinity, Infinity],
    [-Infinity, -Infinity],
    [0, 0],
    [-0, -0],
  ];
  if (format === 'float16') {
    for (let bits = 0; bits < 0x7c00; bits++) {
      for (const [x, y] of around(halfValue(bits), halfValue(bits + 1), bits % 2 === 0)) all.push([x, y], [-x, -y]);
    }
    all.push([2 ** -149, 0], [3.4028234663852886e38, Infinity], [65535, Infinity], [-65519.99, -65504]);
    return all;
  }
  const dropped = format === 'bfloat16' ? 16 : 13;
  const last = 0x7f800000 >>> dropped;
  const step = format === 'bfloat16' ? 1 : 7;
  for (let bits = 0; bits < last - 1; bits += step) {
    const [value, above] = [upperValue(bits, dropped), upperValue(bits + 1, dropped)];
    const near = around(value, above, bits % 2 === 0);
    for (const [x, y] of format === 'tf32-truncated' ? near.map(([x]): [number, number] => [x, value]) : near)
      all.push([x, y], [-x, -y]);
  }
  all.push([3.4028234663852886e38, format === 'tf32-truncated' ? upperValue(last - 1, dropped) : Infinity]);
  return all;
}

describe.each(ROUND_FORMATS)('%s', (format) => {
  const all = cases(format);
  const x = Float32Array.from(all, ([from]) => from);
  const y = Float32Array.from(all, ([, to]) => to);

  test('numbers of the format stay, ties go to the even one, everything else to the nearest', () => {
    expect(all.length).toBeGreaterThan(100_000);
    expect(firstDifference(round(tensorOf(x), format).data, y)).toBeNull();
    const own = x.slice();
    roundInto(own, own, format);
    expect(firstDifference(own, y)).toBeNull();
  });

  test('rounding twice is rounding once', () => {
    const next = rawNumbers(5, true);
    const any = tensorOf(Float32Array.from({ length: 20_000 }, next));
    const once = round(any, format);
    expect(firstDifference(round(once, format).data, once.data)).toBeNull();
  });

  test.each(BENCHES)('SIMD gives the same bits and touches nothing else, in %s', (_, benchOf) => {
    for (let start = 0; start < x.length; start += 20_000) {
      const bench = benchOf();
      const part = x.subarray(start, start + 20_000);
      const from = bench.place(part, 1);
      const to = bench.room(part.length, 2);
      bench.expect(
        () => {
          bench.run({ kind: 'round', x: from, y: to, count: part.length, format, form: 'f32' }, 2);
        },
        { address: to, rows: 1, width: part.length },
        y.subarray(start, start + 20_000),
      );
    }
    const next = rawNumbers(6, true);
    for (let count = 0; count < 40; count++) {
      const bench = benchOf();
      const values = Float32Array.from({ length: count * 33 }, next);
      const at = bench.place(values, count % 4);
      const expected = round(tensorOf(values), format).data;
      bench.expect(
        () => {
          bench.run({ kind: 'round', x: at, y: at, count: values.length, format, form: 'f32' }, PARTS[count % 4]);
        },
        { address: at, rows: 1, width: values.length },
        expected,
      );
    }
  });
});

test("the judge: the table of halves is the format's", () => {
  expect([0, 1, 0x03ff, 0x0400, 0x3c00, 0x7bff, 0xc000].map(halfValue)).toEqual([
    0,
    2 ** -24,
    1023 * 2 ** -24,
    2 ** -14,
    1,
    65504,
    -2,
  ]);
});

test('what cannot be rounded is refused in words', () => {
  expect(() => round(tensorOf([1], [1], Float64Array), 'float16')).toThrow(
    'round: "x" expected float32 elements, got float64',
  );
  expect(() => round(tensorOf([1]), 'float8' as never)).toThrow(
    'round: "format" expected one of float16, bfloat16, tf32, tf32-truncated, got "float8"',
  );
  expect(() => round([1] as never, 'float16')).toThrow(TypeError);
});
