// What an implementation of attention must keep; the test of it and planted wrong ones run these checks.

import fc from 'fast-check';
import type { Operations, Tensor } from '../../src/ops/index.ts';
import { laidOut, layout, seed, tensorOf, unitTensor } from '../support/arbitraries.ts';
import { expectSameBits, elements } from '../support/bits.ts';
import { U, assertClose, contractDot, contractTotal, judgeAttention } from '../support/judges.ts';
import { exactExp } from '../support/exact.ts';
import type { Checks } from '../support/checks.ts';

const RUNS = { numRuns: 30 };

const sizes = fc.record({
  T: fc.constantFrom(1, 3, 5),
  S: fc.constantFrom(1, 4, 5, 9),
  heads: fc.constantFrom(1, 2, 3),
  d: fc.constantFrom(1, 4, 7),
  s: seed,
});

function inputs(
  { T, S, heads, d, s }: { T: number; S: number; heads: number; d: number; s: number },
  Type: typeof Float32Array | typeof Float64Array = Float32Array,
): [Tensor, Tensor, Tensor] {
  return [
    unitTensor([T, heads * d], s, Type),
    unitTensor([S, heads * d], s + 1, Type),
    unitTensor([S, heads * d], s + 2, Type),
  ];
}

/** Numerics contract, item 7, written over again with lists: e^x by the exact judge, roundings by Math.fround. */
function contractAttention(q: Tensor, k: Tensor, v: Tensor, heads: number, mask: Tensor | null): Tensor {
  const f = Math.fround;
  const [T, D] = q.shape;
  const [S] = k.shape;
  const d = D / heads;
  const y = tensorOf(new Array<number>(T * D).fill(0), [T, D]);
  for (let h = 0; h < heads; h++) {
    const columns = Array.from({ length: d }, (_, i) => h * d + i);
    for (let t = 0; t < T; t++) {
      const scores = Array.from({ length: S }, (_, s) => {
        const dot = contractDot(
          columns.map((i) => f(q.get(t, i) * f(1 / Math.sqrt(d)))),
          columns.map((i) => k.get(s, i)),
          null,
        );
        return mask === null ? dot : f(dot + mask.get(t, s));
      });
      const top = Math.max(...scores);
      const e = scores.map((x) => exactExp(f(x - top)));
      const p = e.map((x) => f(x / contractTotal(e)));
      columns.forEach((i) => {
        y.set(
          t,
          i,
          contractDot(
            p,
            Array.from({ length: S }, (_, s) => v.get(s, i)),
            null,
          ),
        );
      });
    }
  }
  return y;
}

export const attentionChecks: Checks<Operations['attention']> = {
  'equals softmax(q·kᵀ/√d + mask)·v in float64 loops': (attention) => {
    fc.assert(
      fc.property(sizes, fc.boolean(), (size, masked) => {
        const [q, k, v] = inputs(size);
        const mask = masked ? unitTensor([size.T, size.S], size.s + 3) : null;
        // |v| <= 1: the scores' errors come through the softmax at most doubled, and p·v adds γ of S terms.
        assertClose(
          elements(attention(q, k, v, { heads: size.heads, mask })),
          elements(judgeAttention(q, k, v, size.heads, mask)),
          0,
          (4 * size.d + size.S + 12) * U,
        );
        const [q64, k64, v64] = inputs(size, Float64Array);
        assertClose(
          elements(attention(q64, k64, v64, { heads: size.heads, mask })),
          elements(judgeAttention(q64, k64, v64, size.heads, mask)),
          0,
          1e-14,
        );
      }),
      RUNS,
    );
  },
  'equals the contract bit for bit': (attention) => {
    fc.assert(
      fc.property(sizes, fc.boolean(), (size, masked) => {
        const [q, k, v] = inputs(size);
        const mask = masked ? unitTensor([size.T, size.S], size.s + 3) : null;
        expectSameBits(attention(q, k, v, { heads: size.heads, mask }), contractAttention(q, k, v, size.heads, mask));
      }),
      RUNS,
    );
    const [q, k, v] = inputs({ T: 2, S: 150, heads: 1, d: 140, s: 99 }); // blocks of 128 in both products
    expectSameBits(attention(q, k, v), contractAttention(q, k, v, 1, null));
  },
  'permuting the queries permutes the result, bit for bit; permuting keys and values together changes only roundings': (
    attention,
  ) => {
    fc.assert(
      fc.property(sizes, fc.nat(1000), (size, turn) => {
        const [q, k, v] = inputs(size);
        const y = attention(q, k, v, { heads: size.heads });
        const permuted = (x: Tensor, by: number): Tensor => {
          const [rows, D] = x.shape;
          return tensorOf(
            Array.from({ length: rows * D }, (_, i) => x.get((Math.floor(i / D) + by) % rows, i % D)),
            x.shape,
          );
        };
        expectSameBits(attention(permuted(q, turn), k, v, { heads: size.heads }), permuted(y, turn));
        assertClose(
          elements(attention(q, permuted(k, turn), permuted(v, turn), { heads: size.heads })),
          elements(y),
          0,
          (4 * size.S + 8) * U,
        );
      }),
      RUNS,
    );
  },
  'each head equals attention on its own columns bit for bit': (attention) => {
    const [q, k, v] = inputs({ T: 3, S: 5, heads: 3, d: 4, s: 17 });
    const y = attention(q, k, v, { heads: 3 });
    for (let h = 0; h < 3; h++) {
      const part = (x: Tensor): Tensor => x.lo(0, 4 * h).hi(x.shape[0], 4) as Tensor;
      expectSameBits(part(y), attention(part(q), part(k), part(v)));
    }
  },
  'a batch of N equals N single calls bit for bit; strided views count the same': (attention) => {
    fc.assert(
      fc.property(sizes, layout, layout, ({ T, S, heads, d, s }, left, right) => {
        const [q, k, v] = [
          unitTensor([2, T, heads * d], s),
          unitTensor([2, S, heads * d], s + 1),
          unitTensor([2, S, heads * d], s + 2),
        ];
        const mask = unitTensor([T, S], s + 3);
        const y = attention(q, k, v, { heads, mask });
        const one = (x: Tensor, n: number): Tensor => x.pick(n, null, null) as Tensor;
        for (let n = 0; n < 2; n++)
          expectSameBits(one(y, n), attention(one(q, n), one(k, n), one(v, n), { heads, mask }));
        expectSameBits(
          attention(laidOut(q, left), laidOut(k, right), laidOut(v, left), { heads, mask: laidOut(mask, right) }),
          y,
        );
      }),
      RUNS,
    );
  },
  'a causal mask hides what comes later: row t equals attention to the first t + 1 tokens': (attention) => {
    const [q, k, v] = inputs({ T: 6, S: 6, heads: 2, d: 4, s: 5 });
    const mask = tensorOf(
      Array.from({ length: 36 }, (_, i) => (i % 6 > Math.floor(i / 6) ? -Infinity : 0)),
      [6, 6],
    );
    const y = attention(q, k, v, { heads: 2, mask });
    for (let t = 0; t < 6; t++) {
      const row = (x: Tensor, from: number, count: number): Tensor => x.lo(from, 0).hi(count, 8) as Tensor;
      // The hidden tokens have p = 0 exactly, but the remaining e are summed in the same stripes: equal bits.
      expectSameBits(row(y, t, 1), attention(row(q, t, 1), row(k, 0, t + 1), row(v, 0, t + 1), { heads: 2 }));
    }
  },
  'a row that the mask hides wholly is NaN, the others are not touched': (attention) => {
    const [q, k, v] = inputs({ T: 2, S: 3, heads: 1, d: 4, s: 8 });
    const y = attention(q, k, v, { mask: tensorOf([0, 0, 0, -Infinity, -Infinity, -Infinity], [2, 3]) });
    expectSameBits(y.hi(1, 4) as Tensor, attention(q.hi(1, 4) as Tensor, k, v));
    expectSameBits(y.lo(1, 0) as Tensor, tensorOf([NaN, NaN, NaN, NaN], [1, 4]));
  },
  'no queries and no batches give empty results': (attention) => {
    expectSameBits(attention(tensorOf([], [0, 4]), unitTensor([3, 4], 1), unitTensor([3, 4], 2)), tensorOf([], [0, 4]));
    expectSameBits(
      attention(tensorOf([], [0, 2, 4]), tensorOf([], [0, 3, 4]), tensorOf([], [0, 3, 4])),
      tensorOf([], [0, 2, 4]),
    );
  },
};
