// The library's sums as boxes with numbers in and one number out: what goes in as a weight, what as an image, and how
// the sum is read from what comes out.

import ndarray from 'ndarray';
import type { SimdExecutor } from '../../../src/executors/simd.ts';
import type { Operations } from '../../../src/ops/operations.ts';
import { reference } from '../../../src/ops/reference.ts';
import type { Tensor } from '../../../src/ops/tensor.ts';
import type { Summation } from '../../../src/ops/dot-products.ts';
import type { Floats, Summer } from './probe.ts';
import { blocks, only, renamed, stripes, type Tree } from './tree.ts';

/** Who computes. */
export interface Computer {
  name: string;
  float64: boolean;
  /** Inputs may be float64 in float64 mode; what `compute` holds itself are weights, float32. */
  run(inputs: readonly Tensor[], compute: (inputs: readonly Tensor[], ops: Operations) => Tensor): Promise<Tensor>;
}

const floats = (data: Floats, ...shape: number[]): Tensor => ndarray(data, shape) as Tensor;
const constant = (value: number, ...shape: number[]): Tensor =>
  floats(new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value), ...shape);
const as64 = (x: Tensor): Tensor => floats(Float64Array.from(x.data), ...x.shape);

/** The plain loops. */
export const plain = (float64: boolean): Computer => ({
  name: `plain ${float64 ? 'float64' : 'float32'}`,
  float64,
  run: (inputs, compute) => Promise.resolve(compute(float64 ? inputs.map(as64) : inputs, reference)),
});

/** The SIMD executor. @param tile what is said of its tile */
export const simd = (executor: SimdExecutor, float64: boolean, tile = ''): Computer => ({
  name: `SIMD ${float64 ? 'float64' : 'float32'}, ${executor.threads} threads${tile && `, tile of ${tile}`}`,
  float64,
  run: (inputs, compute) =>
    executor.run(inputs, (x, ops) => compute(x, ops), { precision: float64 ? 'float64' : 'float32' }),
});

/**
 * One column of a matrix of results whose columns must all have the same bits: it must not matter where in a tile an
 * output lies.
 */
function column(name: string, y: Tensor, rows: number, columns: number): Floats {
  const result = y.data.slice(0, rows);
  for (let r = 0; r < rows; r++) {
    result[r] = y.data[r * columns];
    for (let c = 1; c < columns; c++)
      if (!Object.is(y.data[r * columns + c], result[r]))
        throw new Error(`${name}: outputs 0 and ${c} of row ${r} are ${result[r]} and ${y.data[r * columns + c]}`);
  }
  return result;
}

const bitsOf = (by: Computer): 24 | 53 => (by.float64 ? 53 : 24);

/** linear with the summands in x, every output the same sum. */
export const linearByRows = (
  by: Computer,
  K: number,
  O = 1,
  summation: Summation | null = null,
  tree: Tree = blocks(K),
): Summer => ({
  name: `linear of ${K}, ${by.name}`,
  n: K,
  tree,
  bits: bitsOf(by),
  products: true,
  sums: async (rows, factor) =>
    column(
      `linear of ${K}, ${by.name}`,
      await by.run([floats(rows, rows.length / K, K)], ([x], ops) =>
        ops.linear(x, constant(factor, O, K), null, summation),
      ),
      rows.length / K,
      O,
    ),
});

/** The same with a weight that lies packed in the executor's memory, of K ones or K factors per output. */
export const linearByResident = (by: Computer, weights: ReadonlyMap<string, Tensor>, K: number, O: number): Summer => ({
  name: `linear of ${K}, resident weights, ${by.name}`,
  n: K,
  tree: blocks(K),
  bits: bitsOf(by),
  products: true,
  sums: async (rows, factor) =>
    column(
      'linear',
      await by.run([floats(rows, rows.length / K, K)], ([x], ops) =>
        ops.linear(x, weights.get(factor === 1 ? 'ones.weight' : 'factors.weight')!, null),
      ),
      rows.length / K,
      O,
    ),
});

/** And of a convolution. */
export const convByResident = (
  by: Computer,
  weights: ReadonlyMap<string, Tensor>,
  C: number,
  kernel: number,
  O: number,
): Summer => {
  const K = C * kernel * kernel;
  return {
    name: `conv2d of ${C} x ${kernel} x ${kernel}, resident weights, ${by.name}`,
    n: K,
    tree: blocks(K),
    bits: bitsOf(by),
    products: true,
    sums: async (rows, factor) => {
      const N = rows.length / K;
      return column(
        'conv2d',
        await by.run([floats(rows, N, C, kernel, kernel)], ([x], ops) =>
          ops.conv2d(x, weights.get(factor === 1 ? 'ones.conv' : 'factors.conv')!, null),
        ),
        N,
        O,
      );
    },
  };
};

/**
 * linear with the summands in the weight's rows, then the bias, then what is added to it: the last two are summands of
 * their own.
 */
export const linearByWeights = (by: Computer, K: number): Summer => ({
  name: `linear of ${K}, bias, residual, ${by.name}`,
  n: K + 2,
  tree: blocks(K, 2),
  bits: bitsOf(by),
  products: false,
  sums: async (rows) => {
    const O = rows.length / (K + 2);
    const [weight, bias, residual] = [new Float32Array(O * K), new Float32Array(O), new Float32Array(O)];
    for (let o = 0; o < O; o++) {
      const row = rows.subarray(o * (K + 2), (o + 1) * (K + 2));
      weight.set(row.subarray(0, K), o * K);
      bias[o] = row[K];
      residual[o] = row[K + 1];
    }
    return (
      await by.run([floats(residual, 1, O), constant(1, 1, K)], ([r, x], ops) =>
        ops.add(r, ops.linear(x, floats(weight, O, K), floats(bias, O))),
      )
    ).data;
  },
});

/** matmul (P,K) x (K,O). */
export const matmulByRows = (by: Computer, K: number, O: number): Summer => ({
  name: `matmul of ${K}, ${by.name}`,
  n: K,
  tree: blocks(K),
  bits: bitsOf(by),
  products: true,
  sums: async (rows, factor) =>
    column(
      `matmul of ${K}, ${by.name}`,
      await by.run([floats(rows, rows.length / K, K)], ([x], ops) => ops.matmul(x, constant(factor, K, O))),
      rows.length / K,
      O,
    ),
});

export interface Window {
  C: number;
  H: number;
  W: number;
  kernel: number;
  stride: number;
  padding: number;
}

/**
 * conv2d with the summands in the kernels, seen at one position of the output: padding hides some of them, and they
 * keep their places in the blocks. Bias last.
 */
export function convByKernels(
  by: Computer,
  { C, H, W, kernel, stride, padding }: Window,
  oh: number,
  ow: number,
): Summer {
  const K = C * kernel * kernel;
  const inside = (k: number): boolean => {
    const h = oh * stride - padding + Math.floor((k % (kernel * kernel)) / kernel);
    const w = ow * stride - padding + (k % kernel);
    return h >= 0 && h < H && w >= 0 && w < W;
  };
  const visible = new Set([...Array.from({ length: K }, (_, k) => k).filter(inside), K]);
  return {
    name:
      `conv2d of ${C} x ${kernel} x ${kernel}, stride ${stride}, padding ${padding}, at ${oh}, ${ow} of ${H} x ` +
      `${W}, bias, ${by.name}`,
    n: K + 1,
    tree: only(blocks(K, 1), visible)!,
    bits: bitsOf(by),
    products: false,
    sums: async (rows) => {
      const O = rows.length / (K + 1);
      const [weight, bias] = [new Float32Array(O * K), new Float32Array(O)];
      for (let o = 0; o < O; o++) {
        weight.set(rows.subarray(o * (K + 1), o * (K + 1) + K), o * K);
        bias[o] = rows[o * (K + 1) + K];
      }
      const y = await by.run([constant(1, 1, C, H, W)], ([x], ops) =>
        ops.conv2d(x, floats(weight, O, C, kernel, kernel), floats(bias, O), { stride, padding }),
      );
      const [, , OH, OW] = y.shape;
      return Float64Array.from({ length: O }, (_, o) => y.data[(o * OH + oh) * OW + ow]);
    },
  };
}

/** conv2d with the summands in the images, one window each. */
export const convByImages = (by: Computer, C: number, kernel: number, O: number): Summer => {
  const K = C * kernel * kernel;
  return {
    name: `conv2d of ${C} x ${kernel} x ${kernel} by images, ${by.name}`,
    n: K,
    tree: blocks(K),
    bits: bitsOf(by),
    products: true,
    sums: async (rows, factor) => {
      const N = rows.length / K;
      return column(
        'conv2d',
        await by.run([floats(rows, N, C, kernel, kernel)], ([x], ops) =>
          ops.conv2d(x, constant(factor, O, C, kernel, kernel), null),
        ),
        N,
        O,
      );
    },
  };
};

/**
 * attention's q·kᵀ: every query is a row of summands, two keys see them: one times a small factor, one times 0. Their
 * probabilities come out because the values are (1, 0, …) and (0, 1, …), and the logarithm of their ratio is the score.
 * The mask is added to the score as a summand of its own.
 */
export const scores = (by: Computer, d: number, masked: boolean): Summer => {
  const n = masked ? d + 1 : d;
  return {
    name: `q·kᵀ of ${d}${masked ? ', mask' : ''}, ${by.name}`,
    n,
    tree: masked ? blocks(d, 1) : blocks(d),
    bits: bitsOf(by),
    products: !masked,
    sums: async (rows, factor) => {
      const T = rows.length / n;
      const root = Math.sqrt(d);
      const unit = factor === 1 ? 1 / 128 : 2 ** 24 * factor; // where sums must cancel, whatever is left must show
      const q = by.float64 ? new Float64Array(T * d) : new Float32Array(T * d);
      const mask = new Float32Array(2 * T);
      for (let t = 0; t < T; t++) {
        // taken back by q' = q / √d, up to a rounding that M and -M share
        for (let i = 0; i < d; i++) q[t * d + i] = rows[t * n + i] * root;
        if (masked) mask[2 * t] = rows[t * n + d] * unit;
      }
      const k = new Float32Array(2 * d).fill(unit, 0, d);
      const v = new Float32Array(2 * d);
      v[0] = v[d + 1] = 1;
      const y = await by.run([floats(q, T, d), floats(k, 2, d), floats(v, 2, d)], ([a, b, c], ops) =>
        ops.attention(a, b, c, { mask: masked ? floats(mask, T, 2) : null }),
      );
      return Float64Array.from(
        { length: T },
        (_, t) => Math.log(y.data[t * d] / y.data[t * d + 1]) / (factor === 1 ? unit : 1),
      );
    },
  };
};

/**
 * attention's p·v: all scores are equal, so all probabilities are, and every column of v is a row of summands. Two
 * queries, whose answers must agree.
 */
export const values = (by: Computer, S: number): Summer => ({
  name: `p·v of ${S}, ${by.name}`,
  n: S,
  tree: blocks(S),
  bits: bitsOf(by),
  products: true,
  sums: async (rows, factor) => {
    const d = rows.length / S;
    const v = rows.slice();
    for (let i = 0; i < d; i++) for (let s = 0; s < S; s++) v[s * d + i] = rows[i * S + s] * factor;
    const [q, k] = [constant(0, 2, d), constant(0, S, d)];
    const y = await by.run([q, k, floats(v, S, d)], ([a, b, c], ops) => ops.attention(a, b, c));
    for (let i = 0; i < d; i++)
      if (!Object.is(y.data[i], y.data[d + i]))
        throw new Error(`p·v: queries 0 and 1 have ${y.data[i]} and ${y.data[d + i]}`);
    return Float64Array.from({ length: d }, (_, i) => y.data[i] * S);
  },
});

/** mean: float64 inside in both modes. */
export const mean = (by: Computer, D: number): Summer => ({
  name: `mean of ${D}, ${by.name}`,
  n: D,
  tree: stripes(D),
  bits: 53,
  products: false,
  sums: async (rows) =>
    Float64Array.from((await by.run([floats(rows, rows.length / D, D)], ([x], ops) => ops.mean(x))).data, (y) => y * D),
});

/**
 * avgPool2d, one position of the output. Elements are what the window covers of the image, or all of the window where
 * padding counts.
 * @param counted countIncludePad
 */
export function averagePool(
  by: Computer,
  size: number,
  kernel: number,
  padding: number,
  counted: boolean,
  oh: number,
  ow: number,
): Summer {
  const n = size * size;
  const places: (number | null)[] = [];
  for (let h = oh * kernel - padding; h < oh * kernel - padding + kernel; h++) {
    for (let w = ow * kernel - padding; w < ow * kernel - padding + kernel; w++) {
      if (h >= 0 && h < size && w >= 0 && w < size) places.push(h * size + w);
      else if (counted) places.push(null);
    }
  }
  const seen = new Set(places.flatMap((place, i) => (place === null ? [] : [i])));
  return {
    name:
      `avgPool2d ${kernel} x ${kernel}, padding ${padding}${counted ? ' counted' : ''}, at ${oh}, ${ow} of ` +
      `${size} x ${size}, ${by.name}`,
    n,
    tree: renamed(only(stripes(places.length), seen)!, (i) => places[i]!),
    bits: 53,
    products: false,
    sums: async (rows) => {
      const N = rows.length / n;
      const y = await by.run([floats(rows, N, 1, size, size)], ([x], ops) =>
        ops.avgPool2d(x, kernel, { padding, countIncludePad: counted }),
      );
      const [, , OH, OW] = y.shape;
      return Float64Array.from({ length: N }, (_, i) => y.data[(i * OH + oh) * OW + ow] * places.length);
    },
  };
}

/**
 * layerNorm's mean. Where M is large, the deviation of an element that is 0 from the mean, over that of M, is -mean /
 * M: one zero more stands in the row for that, at the end, as a summand that cannot be seen.
 */
export const layerNormMean = (by: Computer, n: number): Summer => ({
  name: `layerNorm's mean of ${n}, ${by.name}`,
  n,
  tree: only(stripes(n + 1), new Set(Array.from({ length: n }, (_, i) => i)))!,
  bits: 53,
  products: false,
  sums: async (rows) => {
    const N = rows.length / n;
    const D = n + 1;
    const x = new Float32Array(N * D);
    for (let r = 0; r < N; r++) x.set(rows.subarray(r * n, (r + 1) * n), r * D);
    const y = (await by.run([floats(x, N, D)], ([a], ops) => ops.layerNorm(a, constant(1, D), constant(0, D), 0))).data;
    return Float64Array.from({ length: N }, (_, r) => {
      const large = x.subarray(r * D, (r + 1) * D).findIndex((value) => value >= 2 ** 40);
      return (-y[r * D + n] / y[r * D + large]) * x[r * D + large] * D;
    });
  },
});
