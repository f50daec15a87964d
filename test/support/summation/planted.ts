// Sums in other orders than the contract's, to see that the probe finds them. None of them calls the code under test
// for the sum.

import { add, contiguous, reference, zeros, type Operations, type Tensor } from '../../../src/ops/index.ts';
import { softmaxSum, normSum, varianceSum, wrongPositiveOrder } from './positive.ts';
import { wrongSum } from './probe.ts';
import {
  averagePool,
  convByKernels,
  linearByRows,
  linearByWeights,
  mean,
  scores,
  values,
  type Computer,
} from './summers.ts';

const f = Math.fround;

type Products = (k: number) => number;
type Order = (product: Products, K: number, a: Products, b: Products) => number;

const sumOf = (values: readonly number[], round: (x: number) => number = f): number =>
  values.reduce((s, x) => round(s + x), 0);
const terms = (product: Products, from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => product(from + i));
const blocked =
  (size: number): Order =>
  (product, K) =>
    sumOf(
      Array.from({ length: Math.ceil(K / size) }, (_, b) =>
        sumOf(terms(product, b * size, Math.min(K, (b + 1) * size))),
      ),
    );
const pairwise = (values: readonly number[]): number =>
  values.length <= 1
    ? (values[0] ?? 0)
    : f(pairwise(values.slice(0, values.length >> 1)) + pairwise(values.slice(values.length >> 1)));

const ORDERS = {
  'no blocks': (product, K) => sumOf(terms(product, 0, K)),
  'blocks of 64': blocked(64),
  'blocks of 256': blocked(256),
  'from last to first': (product, K) => sumOf(terms(product, 0, K).reverse()),
  pairwise: (product, K) => pairwise(terms(product, 0, K)),
  'two sums, even and odd k': (product, K) =>
    f(
      sumOf(terms(product, 0, K).filter((_, k) => k % 2 === 0)) +
        sumOf(terms(product, 0, K).filter((_, k) => k % 2 === 1)),
    ),
  'blocks as the contract has them, summed from the last': (product, K) =>
    sumOf(
      Array.from({ length: Math.ceil(K / 128) }, (_, b) =>
        sumOf(terms(product, b * 128, Math.min(K, (b + 1) * 128))),
      ).reverse(),
    ),
  'added in float64, rounded once': (product, K) => f(sumOf(terms(product, 0, K), Number)),
  'multiply and add fused': (_, K, a, b) => {
    let acc = 0;
    for (let start = 0; start < K; start += 128) {
      let s = 0;
      // exact products, float64 additions that are exact where the probe looks
      for (let k = start; k < Math.min(K, start + 128); k++) s = f(s + a(k) * b(k));
      acc = f(acc + s);
    }
    return acc;
  },
} satisfies Record<string, Order>;

/** A set of operations with a dot product in another order, in linear and all that is made of it here. */
function by(order: Order, biasFirst = false): Computer {
  const linear: Operations['linear'] = (x, weight, bias) => {
    const [rows, columns] = [contiguous(x), contiguous(weight)];
    const [O, K] = weight.shape;
    const y = zeros([...x.shape.slice(0, -1), O], x.data);
    for (let i = 0; i < y.size; i++) {
      const [at, bt] = [rows.offset + Math.floor(i / O) * K, columns.offset + (i % O) * K];
      const [a, b]: Products[] = [(k) => rows.data[at + k], (k) => columns.data[bt + k]];
      const shift = bias === null ? 0 : bias.get(i % O);
      y.data[i] = biasFirst
        ? order((k) => (k === 0 ? shift : f(a(k - 1) * b(k - 1))), K + 1, a, b)
        : order((k) => f(a(k) * b(k)), K, a, b) + shift;
    }
    return y;
  };
  const attention: Operations['attention'] = (q, k, v, { mask = null } = {}) => {
    const scaled = reference.scale(q, f(1 / Math.sqrt(q.shape[1])));
    const s = linear(scaled, k, null);
    return linear(reference.softmax(mask === null ? s : add(s, mask)), contiguous(v.transpose(1, 0) as Tensor), null);
  };
  return computer({ linear, attention });
}

const computer = (wrong: Partial<Operations>): Computer => ({
  name: 'planted',
  float64: false,
  run: (inputs, compute) => Promise.resolve(compute(inputs, { ...reference, ...wrong })),
});

/** Small reductions by another total of a row, rounded at the end. */
function reducing(total: (values: readonly number[]) => number): Computer {
  const over = (x: Tensor, each: (row: number[]) => number[]): Tensor => {
    const D = x.shape[x.shape.length - 1];
    const [y, from] = [zeros(x.shape, x.data), contiguous(x)];
    for (let row = 0; row < y.size; row += D)
      y.data.set(each(Array.from(from.data.subarray(from.offset + row, from.offset + row + D))), row);
    return y;
  };
  return computer({
    mean: (x) => {
      const y = over(x, (row) => row.map(() => total(row) / row.length));
      const D = x.shape[1];
      const m = zeros([x.shape[0]], x.data);
      m.data.forEach((_, i) => {
        m.data[i] = y.data[i * D];
      });
      return m;
    },
    softmax: (x) =>
      over(x, (row) => {
        const e = row.map((v) => f(Math.exp(v)));
        const S = total(e);
        return e.map((v) => v / S);
      }),
    l2Normalize: (x) =>
      over(x, (row) => {
        const norm = Math.sqrt(total(row.map((v) => v * v)));
        return row.map((v) => v / norm);
      }),
    layerNorm: (x, g, b) =>
      over(x, (row) => {
        const r = 1 / Math.sqrt(total(row.map((v) => v * v)) / row.length);
        return row.map((v, i) => v * r * g.get(i) + b.get(i));
      }),
  });
}

const inOrder = (values: readonly number[]): number => values.reduce((s, v) => s + v, 0);
const striped =
  (n: number, join: (s: number[]) => number) =>
  (values: readonly number[]): number =>
    join(Array.from({ length: n }, (_, j) => inOrder(values.filter((_, i) => i % n === j))));

const columnByColumn: Operations['avgPool2d'] = (x, kernel, options) => {
  const y = reference.avgPool2d(x.transpose(0, 1, 3, 2) as Tensor, kernel, options);
  return contiguous(y.transpose(0, 1, 3, 2) as Tensor);
};

/** The kernel's products over (kh, kw, c). */
const channelsLast: Operations['conv2d'] = (x, weight, bias, options) => {
  const { padding = 0, stride = 1 } = options as { padding: number; stride: number };
  const [N, C, H, W] = x.shape;
  const [O, , KH, KW] = weight.shape;
  const [OH, OW] = [Math.floor((H + 2 * padding - KH) / stride) + 1, Math.floor((W + 2 * padding - KW) / stride) + 1];
  const y = zeros([N, O, OH, OW], x.data);
  for (let o = 0; o < O; o++)
    for (let oh = 0; oh < OH; oh++)
      for (let ow = 0; ow < OW; ow++) {
        const products: number[] = [];
        for (let kh = 0; kh < KH; kh++)
          for (let kw = 0; kw < KW; kw++)
            for (let c = 0; c < C; c++) {
              const [h, w] = [oh * stride - padding + kh, ow * stride - padding + kw];
              products.push(h >= 0 && h < H && w >= 0 && w < W ? f(x.get(0, c, h, w) * weight.get(o, c, kh, kw)) : 0);
            }
        y.set(
          0,
          o,
          oh,
          ow,
          f(blocked(128)((k) => products[k], products.length, Number, Number) + (bias === null ? 0 : bias.get(o))),
        );
      }
  return y;
};

/** Products with the padding left out, so that later ones move up in the blocks. */
const paddingLeftOut: Operations['conv2d'] = (x, weight, bias, options) => {
  const { padding = 0, stride = 1 } = options as { padding: number; stride: number };
  const [, C, H, W] = x.shape;
  const [O, , KH, KW] = weight.shape;
  const y = zeros(
    [1, O, Math.floor((H + 2 * padding - KH) / stride) + 1, Math.floor((W + 2 * padding - KW) / stride) + 1],
    x.data,
  );
  for (let o = 0; o < O; o++) {
    const products: number[] = [];
    for (let c = 0; c < C; c++)
      for (let kh = padding; kh < KH; kh++)
        for (let kw = padding; kw < KW; kw++)
          products.push(f(x.get(0, c, kh - padding, kw - padding) * weight.get(o, c, kh, kw)));
    y.data[o * y.shape[2] * y.shape[3]] = f(
      blocked(128)((k) => products[k], products.length, Number, Number) + bias!.get(o),
    );
  }
  return y;
};

interface PlantedOrder {
  fault: string;
  wrong: () => Promise<string | null>;
  /** What the probe says, up to the numbers. */
  says: RegExp;
}

const pair = /summands \d+ and \d+ meet in a sum of \d+; the contract's text has a sum of \d+/;
const triple = /summands \d+ and \d+ (do not )?meet before .* summand \d+; the contract's text has it the other way/;
const WINDOW = { C: 30, H: 4, W: 4, kernel: 3, stride: 1, padding: 1 };

export const PLANTED: readonly PlantedOrder[] = [
  ...Object.entries(ORDERS).map(([name, order]): PlantedOrder => ({
    fault: `linear, ${name}`,
    wrong: () => wrongSum(linearByRows(by(order), /256|from the last/.test(name) ? 257 : 130), 4000),
    says: name === 'multiply and add fused' ? /products at 0 and 1 that cancel leave .*one rounding/ : pair,
  })),
  {
    fault: 'the tree of a planted order is told',
    wrong: () => wrongSum(linearByRows(by(ORDERS['blocks of 64']), 130)),
    says: /found: 0…63 \+ \(64…127\) \+ \(128 \+ 129\)$/,
  },
  {
    fault: 'no rounding at all between is told as a sum of all',
    wrong: () => wrongSum(linearByRows(by(ORDERS['added in float64, rounded once']), 5)),
    says: /0 and 2 meet in a sum of 2;/,
  },
  {
    fault: 'linear, blocks of 64 beyond the pairs that are looked at',
    wrong: () => wrongSum(linearByRows(by(ORDERS['blocks of 64']), 300), 300),
    says: pair,
  },
  { fault: 'linear, the bias first', wrong: () => wrongSum(linearByWeights(by(blocked(128), true), 5)), says: pair },
  { fault: 'q·kᵀ pairwise', wrong: () => wrongSum(scores(by(ORDERS.pairwise), 64, false)), says: pair },
  {
    fault: 'q·kᵀ fused',
    wrong: () => wrongSum(scores(by(ORDERS['multiply and add fused']), 64, false)),
    says: /one rounding/,
  },
  { fault: 'the mask first', wrong: () => wrongSum(scores(maskFirst(), 6, true)), says: pair },
  { fault: 'p·v in blocks of 64', wrong: () => wrongSum(values(by(ORDERS['blocks of 64']), 130), 500), says: pair },
  {
    fault: 'p·v fused',
    wrong: () => wrongSum(values(by(ORDERS['multiply and add fused']), 130), 500),
    says: /one rounding/,
  },
  {
    fault: 'conv2d over (kh, kw, c)',
    wrong: () =>
      wrongSum(convByKernels(computer({ conv2d: channelsLast }), { ...WINDOW, C: 15, padding: 0 }, 0, 0), 300),
    says: pair,
  },
  {
    fault: 'conv2d with the padding left out of the blocks',
    wrong: () => wrongSum(convByKernels(computer({ conv2d: paddingLeftOut }), WINDOW, 0, 0), 2000),
    says: pair,
  },
  { fault: 'mean in turn', wrong: () => wrongSum(mean(reducing(inOrder), 9)), says: pair },
  { fault: 'mean in two stripes', wrong: () => wrongSum(mean(reducing(striped(2, ([a, b]) => a + b)), 9)), says: pair },
  {
    fault: 'mean in eight stripes',
    wrong: () =>
      wrongSum(mean(reducing(striped(8, ([a, b, c, d, e, g, h, i]) => a + e + (b + g) + (c + h + (d + i)))), 20)),
    says: pair,
  },
  {
    fault: 'mean, stripes joined in turn',
    wrong: () => wrongSum(mean(reducing(striped(4, ([a, b, c, d]) => a + b + c + d)), 9)),
    says: pair,
  },
  {
    fault: 'mean, stripes joined crosswise',
    wrong: () => wrongSum(mean(reducing(striped(4, ([a, b, c, d]) => a + c + (b + d))), 9)),
    says: pair,
  },
  {
    fault: 'mean, in float32',
    wrong: () =>
      wrongSum(
        mean(
          reducing((v) => f(striped(4, ([a, b, c, d]) => f(f(a + b) + f(c + d)))(v.map(f)))),
          3,
        ),
      ),
    says: /additions of 53 bits/,
  },
  {
    fault: 'avgPool2d column by column',
    wrong: () => wrongSum(averagePool(computer({ avgPool2d: columnByColumn }), 3, 3, 0, false, 0, 0)),
    says: pair,
  },
  ...[softmaxSum, normSum, varianceSum].flatMap((sum): PlantedOrder[] =>
    [
      ['in turn', inOrder] as const,
      ['stripes joined crosswise', striped(4, ([a, b, c, d]) => a + c + (b + d))] as const,
      ['eight stripes', striped(8, (s) => inOrder(s))] as const,
    ].map(([name, total]) => ({
      fault: `${sum.name}, ${name}`,
      wrong: () => wrongPositiveOrder(sum(reducing(total), 16)),
      says: triple,
    })),
  ),
  {
    fault: 'softmaxSum in float32',
    wrong: () =>
      wrongPositiveOrder(
        softmaxSum(
          reducing((v) => v.reduce((s, x) => f(s + x), 0)),
          16,
        ),
      ),
    says: /a result of .* was expected|summands/,
  },
];

function maskFirst(): Computer {
  return computer({
    attention: (q, k, v, { mask = null } = {}) => {
      const s = zeros([q.shape[0], k.shape[0]], q.data);
      const scaled = reference.scale(q, f(1 / Math.sqrt(q.shape[1])));
      for (let t = 0; t < q.shape[0]; t++)
        for (let c = 0; c < k.shape[0]; c++) {
          s.set(
            t,
            c,
            sumOf([
              mask!.get(t, c),
              ...Array.from({ length: q.shape[1] }, (_, i) => f(scaled.get(t, i) * k.get(c, i))),
            ]),
          );
        }
      return reference.matmul(reference.softmax(s), v);
    },
  });
}
