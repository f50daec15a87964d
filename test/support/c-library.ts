// A model of expf in glibc 2.28 to 2.41, and attention with an exponential of one's choice.
//
// That expf errs by up to 0.502 ulp, where the contract asks for the correctly rounded exponential: one call in about
// 1,600 differs. test/executors/contract-bits.test.ts shows that features differ then (docs/numerics.md, "Where a C
// library differs").

import ndarray from 'ndarray';
import type { AttentionOptions } from '../../src/ops/attention.ts';
import { flat } from './golden.ts';
import type { Tensor } from '../../src/ops/tensor.ts';

// Constants: ARM's optimized routines, math/exp2f_data.c (N = 32, degree 3), as glibc has them since 2.28.
const N = 32;
const INV = 1.4426950408889634 * N;
const MAGIC = 6755399441055744;
const C0 = hex(0x1c6af8, 0x4b912394, -5) / N / N / N;
const C1 = hex(0x1ebfce, 0x50fac4f3, -3) / N / N;
const C2 = hex(0x162e42, 0xff0c52d6, -1) / N;

/** (high·2^32 + low)·2^-52·2^exponent: a C hexadecimal constant. */
function hex(high: number, low: number, exponent: number): number {
  return (high * 4294967296 + low) * 2 ** -52 * 2 ** exponent;
}

/** expf(x) of glibc for x <= 0. Compared with the library itself on 4 million values in (-20, 0]: no difference. */
export function glibcExpf(x: number): number {
  if (x < -103.97) return 0;
  const z = INV * x;
  const k = z + MAGIC - MAGIC;
  const r = z - k;
  return Math.fround(((C0 * r + C1) * (r * r) + (C2 * r + 1)) * 2 ** (k / N));
}

/** float32 attention by item 7 of the contract in direct loops, with another expf. q (N,T,D), k and v (N,S,D). */
export function attentionWith(expf: (x: number) => number) {
  const rn = Math.fround;
  // The sums are shorter than 128 terms in every model that is tested with this: one block.
  const dot = (length: number, term: (i: number) => number): number => {
    let s = 0;
    for (let i = 0; i < length; i++) s = rn(s + rn(term(i)));
    return s;
  };
  return (q: Tensor, k: Tensor, v: Tensor, { heads = 1 }: AttentionOptions = {}): Tensor => {
    const [batch, T, D] = q.shape;
    const S = k.shape[1];
    const d = D / heads;
    const factor = rn(1 / Math.sqrt(d));
    const [Q, K, V] = [flat(q), flat(k), flat(v)];
    const y = new Float32Array(batch * T * D);
    for (let n = 0; n < batch; n++) {
      for (let h = 0; h < heads; h++) {
        for (let t = 0; t < T; t++) {
          const query = Array.from({ length: d }, (_, i) => rn(Q[(n * T + t) * D + h * d + i] * factor));
          const scores = Array.from({ length: S }, (_, s) => dot(d, (i) => query[i] * K[(n * S + s) * D + h * d + i]));
          const m = Math.max(...scores);
          const e = scores.map((score) => expf(rn(score - m)));
          const stripes = [0, 0, 0, 0];
          e.forEach((value, i) => {
            stripes[i % 4] += value;
          });
          const sum = stripes[0] + stripes[1] + (stripes[2] + stripes[3]);
          const p = e.map((value) => rn(value / sum));
          for (let i = 0; i < d; i++)
            y[(n * T + t) * D + h * d + i] = dot(S, (s) => p[s] * V[(n * S + s) * D + h * d + i]);
        }
      }
    }
    return ndarray(y, [batch, T, D]);
  };
}
