// Wrong operations of the kinds that really happen. The checks of test/ops/*.checks.ts must catch every one of them,
// and pass the right ones.

import {
  add,
  attention,
  avgPool2d,
  batchNorm2d,
  contiguous,
  conv2d,
  exp,
  gelu,
  layerNorm,
  linear,
  matmul,
  mean,
  quickGelu,
  reshape,
  sigmoid,
  softmax,
  zeros,
  l2Normalize,
  erf,
} from '../../src/ops/index.ts';
import type { Operations, Tensor } from '../../src/ops/index.ts';
import { attentionChecks } from '../ops/attention.checks.ts';
import { avgPool2dChecks } from '../ops/avg-pool2d.checks.ts';
import { batchNorm2dChecks } from '../ops/batch-norm2d.checks.ts';
import { conv2dChecks } from '../ops/conv2d.checks.ts';
import { erfChecks } from '../ops/erf.checks.ts';
import { expChecks } from '../ops/exp.checks.ts';
import { geluChecks } from '../ops/gelu.checks.ts';
import { l2NormalizeChecks } from '../ops/l2-normalize.checks.ts';
import { layerNormChecks } from '../ops/layer-norm.checks.ts';
import { linearChecks } from '../ops/linear.checks.ts';
import { matmulChecks } from '../ops/matmul.checks.ts';
import { meanChecks } from '../ops/mean.checks.ts';
import { quickGeluChecks } from '../ops/quick-gelu.checks.ts';
import { reluChecks } from '../ops/relu.checks.ts';
import { sigmoidChecks } from '../ops/sigmoid.checks.ts';
import { softmaxChecks } from '../ops/softmax.checks.ts';
import { firstFailing, type Checks } from './checks.ts';

type Activation = (x: Tensor) => Tensor;

export interface Planted {
  fault: string;
  /** The first check that fails on it, with what it says, or null. */
  caughtBy: () => string | null;
}

function plant<Operation>(checks: Checks<Operation>, fault: string, wrong: Operation): Planted {
  return { fault, caughtBy: () => firstFailing(checks, wrong) };
}

/** y = f(x), element by element, rounded by the store. */
function elementwise(f: (v: number) => number): Activation {
  return (x) => {
    const y = zeros(x.shape, x.data);
    const from = contiguous(x);
    for (let i = 0; i < y.size; i++) y.data[i] = f(from.data[from.offset + i]);
    return y;
  };
}

/** Only in float32 mode; float64 mode stays right, so that a fault is caught for what it is. */
function inFloat32(wrong: Activation, right: Activation): Activation {
  return (x) => (x.data instanceof Float32Array ? wrong(x) : right(x));
}

/** linear with another dot product in float32 mode. */
function linearBy(
  dot: (a: ArrayLike<number>, b: ArrayLike<number>) => number,
  biasFirst = false,
): Operations['linear'] {
  return (x, weight, bias) => {
    if (x.data instanceof Float64Array) return linear(x, weight, bias);
    const [O, K] = weight.shape;
    const y = zeros([...x.shape.slice(0, -1), O], x.data);
    const [rows, columns] = [contiguous(x), contiguous(weight)];
    for (let i = 0; i < y.size; i++) {
      const [m, o] = [Math.floor(i / O), i % O];
      const a = rows.data.subarray(rows.offset + m * K, rows.offset + (m + 1) * K);
      const b = columns.data.subarray(columns.offset + o * K, columns.offset + (o + 1) * K);
      const shift = bias === null ? 0 : bias.get(o);
      if (biasFirst) y.data[i] = dot([shift, ...a], [1, ...b]);
      else y.data[i] = dot(a, b) + shift;
    }
    return y;
  };
}

const f = Math.fround;

/** The contract's dot product with blocks of another size, or summed otherwise. */
const blocked =
  (block: number) =>
  (a: ArrayLike<number>, b: ArrayLike<number>): number => {
    let acc = 0;
    for (let start = 0; start < a.length; start += block) {
      let s = 0;
      for (let k = start; k < Math.min(start + block, a.length); k++) s = f(s + f(a[k] * b[k]));
      acc = f(acc + s);
    }
    return acc;
  };

const fused = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let acc = 0;
  for (let start = 0; start < a.length; start += 128) {
    let s = 0;
    // one rounding where two are due
    for (let k = start; k < Math.min(start + 128, a.length); k++) s = f(s + a[k] * b[k]);
    acc = f(acc + s);
  }
  return acc;
};

const inFloat64 = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, v, k) => sum + v * b[k], 0);

const backwards = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  blocked(128)(Array.from(a).reverse(), Array.from(b).reverse());

const flushing = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  const normal = (v: number): number => (Math.abs(v) < 2 ** -126 ? 0 : v);
  let acc = 0;
  for (let start = 0; start < a.length; start += 128) {
    let s = 0;
    for (let k = start; k < Math.min(start + 128, a.length); k++) s = normal(f(s + normal(f(a[k] * b[k]))));
    acc = normal(f(acc + s));
  }
  return acc;
};

/** mean with another sum. */
const meanBy =
  (sum: (values: number[]) => number): Operations['mean'] =>
  (x) => {
    const D = x.shape[x.shape.length - 1];
    const y = zeros(x.shape.slice(0, -1), x.data);
    const from = contiguous(x);
    for (let i = 0; i < y.size; i++)
      y.data[i] = sum(Array.from(from.data.subarray(from.offset + i * D, from.offset + (i + 1) * D))) / D;
    return y;
  };

const stripes = (values: number[]): [number, number, number, number] => {
  const s: [number, number, number, number] = [0, 0, 0, 0];
  values.forEach((v, i) => {
    s[i % 4] += v;
  });
  return s;
};

/** layerNorm with another variance. */
const layerNormBy =
  (divisor: (D: number) => number, epsOutside = false): Operations['layerNorm'] =>
  (x, weight, bias, eps = 1e-5) => {
    const D = x.shape[x.shape.length - 1];
    const y = zeros(x.shape, x.data);
    const from = contiguous(x);
    for (let row = 0; row < y.size; row += D) {
      const values = Array.from(from.data.subarray(from.offset + row, from.offset + row + D));
      const centre = values.reduce((s, v) => s + v, 0) / D;
      const variance = values.reduce((s, v) => s + (v - centre) * (v - centre), 0) / divisor(D);
      const r = epsOutside ? 1 / (Math.sqrt(variance) + eps) : 1 / Math.sqrt(variance + eps);
      values.forEach((v, i) => {
        y.data[row + i] = (v - centre) * r * weight.get(i) + bias.get(i);
      });
    }
    return y;
  };

const swapLast = (x: Tensor): Tensor =>
  x.transpose(...[...x.shape.keys()].slice(0, -2), x.shape.length - 1, x.shape.length - 2) as Tensor;

export const PLANTED: Planted[] = [
  plant(linearChecks, 'linear: multiply and add fused into one rounding', linearBy(fused)),
  plant(linearChecks, 'linear: no blocks', linearBy(blocked(Infinity))),
  plant(linearChecks, 'linear: blocks of 64', linearBy(blocked(64))),
  plant(linearChecks, 'linear: blocks of 256', linearBy(blocked(256))),
  plant(linearChecks, 'linear: summed in float64 and rounded once', linearBy(inFloat64)),
  plant(linearChecks, 'linear: k descending', linearBy(backwards)),
  plant(linearChecks, 'linear: bias as the first summand', linearBy(blocked(128), true)),
  plant(linearChecks, 'linear: subnormal numbers flushed to zero', linearBy(flushing)),
  plant<Operations['linear']>(linearChecks, 'linear: bias left out', (x, weight) => linear(x, weight, null)),
  plant<Operations['linear']>(linearChecks, 'linear: transposed weight where it is square', (x, weight, bias) =>
    linear(x, weight.shape[0] === weight.shape[1] ? (weight.transpose(1, 0) as Tensor) : weight, bias),
  ),
  plant<Operations['linear']>(linearChecks, 'linear: strides ignored', (x, weight, bias) => {
    const dense = (t: Tensor): Tensor => reshape({ ...contiguous(t), data: t.data, offset: 0 } as Tensor, t.shape);
    return linear(x.data.length >= x.size ? dense(x) : x, weight, bias);
  }),
  plant<Operations['matmul']>(matmulChecks, 'matmul: the first batch for all', (a, b) => {
    const y = matmul(a, b);
    const size = y.size / (y.shape.length === 3 ? y.shape[0] : 1);
    for (let i = size; i < y.size; i++) y.data[i] = y.data[i % size];
    return y;
  }),
  plant<Operations['matmul']>(matmulChecks, 'matmul: the last column of a remainder missing', (a, b) => {
    const y = matmul(a, b);
    const O = y.shape[y.shape.length - 1];
    if (O % 4 !== 0) for (let i = O - 1; i < y.size; i += O) y.data[i] = 0;
    return y;
  }),
  plant<Operations['matmul']>(matmulChecks, 'matmul: b transposed where it is square', (a, b) =>
    matmul(a, b.shape[b.shape.length - 1] === b.shape[b.shape.length - 2] ? swapLast(b) : b),
  ),
  plant<Operations['conv2d']>(conv2dChecks, 'conv2d: padding off by one', (x, w, b, o = {}) => {
    const [h, v] = typeof o.padding === 'object' ? o.padding : [o.padding ?? 0, o.padding ?? 0];
    if (h === 0 || x.shape[2] < 3) return conv2d(x, w, b, o);
    const y = conv2d(x, w, b, { ...o, padding: [h - 1, v] });
    const right = conv2d(x, w, b, o);
    for (let n = 0; n < y.shape[0]; n++)
      for (let c = 0; c < y.shape[1]; c++)
        for (let i = 0; i < y.shape[2]; i++)
          for (let j = 0; j < y.shape[3]; j++) right.set(n, c, i, j, y.get(n, c, i, j));
    return right;
  }),
  plant<Operations['conv2d']>(
    conv2dChecks,
    'conv2d: a convolution in the strict sense, kernel turned by 180°',
    (x, w, b, o) => conv2d(x, w.step(1, 1, -1, -1) as Tensor, b, o),
  ),
  plant<Operations['conv2d']>(
    conv2dChecks,
    'conv2d: kernel rows and columns exchanged where it is square',
    (x, w, b, o) => conv2d(x, w.shape[2] === w.shape[3] ? (w.transpose(0, 1, 3, 2) as Tensor) : w, b, o),
  ),
  plant<Operations['conv2d']>(
    conv2dChecks,
    'conv2d: stride and padding of the two axes exchanged',
    (x, w, b, o = {}) => {
      const turned = (t: Tensor): Tensor => t.transpose(0, 1, 3, 2) as Tensor;
      const flip = (p: typeof o.stride): typeof o.stride => (typeof p === 'object' ? [p[1], p[0]] : p);
      const y = conv2d(x, w, b, o);
      const wrong = turned(conv2d(turned(x), turned(w), b, { stride: o.stride, padding: flip(o.padding) }));
      return wrong.shape.join() === y.shape.join() ? wrong : y;
    },
  ),
  plant<Operations['conv2d']>(conv2dChecks, 'conv2d: k over (kh, kw, c)', (x, w, b, o) => {
    const y = conv2d(x, w, b, o);
    const [O, C, KH, KW] = w.shape;
    const [rows, columns] = [zeros([1, C, KH, KW], x.data), zeros([O, C, KH, KW], w.data)];
    if (C * KH * KW < 129 || y.size !== O) return y;
    // For single windows: the same products in another order.
    const order = (t: Tensor, into: Tensor): Tensor => {
      into.data.set(contiguous(t.transpose(0, 2, 3, 1) as Tensor).data);
      return into;
    };
    return conv2d(order(x, rows), order(w, columns), b);
  }),
  plant<Operations['conv2d']>(conv2dChecks, 'conv2d: padding skipped instead of multiplied', (x, w, b, o) => {
    const y = conv2d(x, w, b, o);
    for (let i = 0; i < y.size; i++) if (Number.isNaN(y.data[i])) y.data[i] = 1;
    return y;
  }),
  plant<Operations['conv2d']>(conv2dChecks, 'conv2d: the bias of the neighbouring channel', (x, w, b, o) =>
    conv2d(x, w, b === null ? null : (b.step(-1) as Tensor), o),
  ),
  plant(
    layerNormChecks,
    'layerNorm: unbiased variance, divided by D - 1',
    layerNormBy((D) => Math.max(1, D - 1)),
  ),
  plant(
    layerNormChecks,
    'layerNorm: eps outside the root',
    layerNormBy((D) => D, true),
  ),
  plant(
    layerNormChecks,
    'layerNorm: no stripes',
    layerNormBy((D) => D),
  ),
  plant<Operations['layerNorm']>(
    layerNormChecks,
    'layerNorm: normalised value rounded before weight and bias',
    (x, g, b, eps) => {
      const y = layerNorm(
        x,
        { ...g, data: g.data.slice().fill(1) } as Tensor,
        { ...b, data: b.data.slice().fill(0) } as Tensor,
        eps,
      );
      const D = g.shape[0];
      for (let i = 0; i < y.size; i++) y.data[i] = y.data[i] * g.get(i % D) + b.get(i % D);
      return y;
    },
  ),
  plant<Operations['layerNorm']>(layerNormChecks, 'layerNorm: eps of its own', (x, g, b) => layerNorm(x, g, b, 1e-6)),
  plant<Operations['batchNorm2d']>(
    batchNorm2dChecks,
    'batchNorm2d: factor and shift rounded to float32',
    (x, p, eps = 1e-5) => {
      const y = zeros(x.shape, x.data);
      const from = contiguous(x);
      const plane = x.size / (x.shape[0] * x.shape[1]);
      for (let i = 0; i < y.size; i++) {
        const c = Math.floor(i / plane) % x.shape[1];
        const a = f(p.weight.get(c) / Math.sqrt(p.runningVar.get(c) + eps));
        y.data[i] = from.data[from.offset + i] * a + f(p.bias.get(c) - p.runningMean.get(c) * a);
      }
      return y;
    },
  ),
  plant<Operations['batchNorm2d']>(batchNorm2dChecks, 'batchNorm2d: eps left at its default', (x, p) =>
    batchNorm2d(x, p),
  ),
  plant<Operations['batchNorm2d']>(
    batchNorm2dChecks,
    'batchNorm2d: divided by the variance itself',
    (x, p, eps = 1e-5) =>
      batchNorm2d(x, { ...p, runningVar: elementwise((v) => (v + eps) * (v + eps))(p.runningVar) }, 0),
  ),
  plant(
    meanChecks,
    'mean: summed from first to last',
    meanBy((v) => v.reduce((s, x) => s + x, 0)),
  ),
  plant(
    meanChecks,
    'mean: stripes joined one after the other',
    meanBy((v) => {
      const [a, b, c, d] = stripes(v);
      return a + b + c + d;
    }),
  ),
  plant(
    meanChecks,
    'mean: stripes joined as (s0 + s2) + (s1 + s3)',
    meanBy((v) => {
      const [a, b, c, d] = stripes(v);
      return a + c + (b + d);
    }),
  ),
  plant(
    meanChecks,
    'mean: summed in float32',
    meanBy((v) => v.reduce((s, x) => f(s + x), 0)),
  ),
  plant<Operations['mean']>(meanChecks, 'mean: divided by D - 1', (x) => {
    const D = x.shape[x.shape.length - 1];
    return elementwise((v) => (v * D) / Math.max(1, D - 1))(mean(x));
  }),
  plant<Operations['softmax']>(softmaxChecks, 'softmax: the maximum not taken away', (x) => {
    const D = x.shape[x.shape.length - 1];
    const e = exp(x);
    for (let row = 0; row < e.size; row += D) {
      const sum = Array.from(e.data.subarray(row, row + D)).reduce((s, v) => s + v, 0);
      for (let i = row; i < row + D; i++) e.data[i] /= sum;
    }
    return e;
  }),
  plant<Operations['softmax']>(softmaxChecks, 'softmax: S summed in float32', (x) => {
    const D = x.shape[x.shape.length - 1];
    const y = softmax(x);
    for (let row = 0; row < y.size; row += D) {
      let s = 0;
      for (let i = row; i < row + D; i++) s = f(s + y.data[i]);
      for (let i = row; i < row + D; i++) y.data[i] /= s;
    }
    return y;
  }),
  plant<Operations['softmax']>(softmaxChecks, 'softmax: over the first axis', (x) =>
    x.shape.length === 2 ? contiguous(swapLast(softmax(swapLast(x)))) : softmax(x),
  ),
  plant<Operations['softmax']>(softmaxChecks, 'softmax: all hidden gives a mean instead of NaN', (x) =>
    elementwise((v) => (Number.isNaN(v) ? 0.5 : v))(softmax(x)),
  ),
  plant<Operations['l2Normalize']>(l2NormalizeChecks, 'l2Normalize: an eps in the norm', (x) =>
    elementwise((v) => (Number.isNaN(v) ? 0 : v))(l2Normalize(x)),
  ),
  plant<Operations['l2Normalize']>(l2NormalizeChecks, 'l2Normalize: multiplied by the rounded inverse', (x) => {
    const D = x.shape[x.shape.length - 1];
    const [y, from] = [zeros(x.shape, x.data), contiguous(x)];
    for (let i = 0; i < y.size; i++) {
      const row = from.offset + Math.floor(i / D) * D;
      y.data[i] =
        from.data[from.offset + i] *
        f(1 / Math.sqrt(Array.from(from.data.subarray(row, row + D)).reduce((s, v) => s + v * v, 0)));
    }
    return y;
  }),
  plant<Operations['avgPool2d']>(avgPool2dChecks, 'avgPool2d: padded zeros counted', (x, k, o = {}) =>
    avgPool2d(x, k, { ...o, countIncludePad: true }),
  ),
  plant<Operations['avgPool2d']>(avgPool2dChecks, 'avgPool2d: stride 1 unless given', (x, k, o = {}) =>
    avgPool2d(x, k, { stride: 1, ...o }),
  ),
  plant<Operations['avgPool2d']>(avgPool2dChecks, 'avgPool2d: column by column', (x, k, o = {}) => {
    const flip = (p: typeof o.stride): typeof o.stride => (typeof p === 'object' ? [p[1], p[0]] : p);
    const options = {
      ...o,
      ...(o.stride === undefined ? {} : { stride: flip(o.stride) }),
      ...(o.padding === undefined ? {} : { padding: flip(o.padding) }),
    };
    return contiguous(swapLast(avgPool2d(swapLast(x), typeof k === 'object' ? [k[1], k[0]] : k, options)));
  }),
  plant<Operations['attention']>(
    attentionChecks,
    'attention: scores divided by √d afterwards instead of scaled queries',
    (q, k, v, o = {}) => {
      if (q.shape.length !== 2 || (o.heads ?? 1) !== 1) return attention(q, k, v, o);
      const factor = q.data instanceof Float32Array ? f(1 / Math.sqrt(q.shape[1])) : 1 / Math.sqrt(q.shape[1]);
      const scores = elementwise((s) => s * factor)(matmul(q, contiguous(k.transpose(1, 0) as Tensor)));
      return matmul(softmax(o.mask ? add(scores, o.mask) : scores), v);
    },
  ),
  plant<Operations['attention']>(attentionChecks, 'attention: scaled by the width of all heads', (q, k, v, o = {}) =>
    attention(elementwise((x) => x / Math.sqrt(o.heads ?? 1))(q), k, v, o),
  ),
  plant<Operations['attention']>(attentionChecks, 'attention: the mask forgotten', (q, k, v, o = {}) =>
    attention(q, k, v, { heads: o.heads }),
  ),
  plant<Operations['attention']>(
    attentionChecks,
    'attention: the mask transposed where it is square',
    (q, k, v, o = {}) =>
      attention(
        q,
        k,
        v,
        o.mask && o.mask.shape[0] === o.mask.shape[1] ? { ...o, mask: o.mask.transpose(1, 0) as Tensor } : o,
      ),
  ),
  plant<Operations['attention']>(attentionChecks, 'attention: heads interleaved', (q, k, v, o = {}) => {
    const heads = o.heads ?? 1;
    const [D] = q.shape.slice(-1);
    if (q.shape.length !== 2 || heads === 1) return attention(q, k, v, o);
    const mixed = (x: Tensor): Tensor =>
      reshape(contiguous(reshape(contiguous(x), [x.shape[0], D / heads, heads]).transpose(0, 2, 1) as Tensor), [
        x.shape[0],
        D,
      ]);
    return attention(mixed(q), mixed(k), mixed(v), o);
  }),
  plant<Activation>(
    reluChecks,
    'relu: NaN becomes 0',
    elementwise((v) => (v > 0 ? v : 0)),
  ),
  plant<Activation>(
    reluChecks,
    'relu: -0 stays',
    elementwise((v) => (v < 0 ? 0 : v)),
  ),
  plant<Activation>(reluChecks, 'relu: strides ignored', (x) =>
    elementwise((v) => (v > 0 || v !== v ? v : 0))(
      reshape({ ...contiguous(x), data: x.data, offset: 0 } as Tensor, x.shape),
    ),
  ),
  plant(
    expChecks,
    'exp: a unit in the last place off within 1e-4 of 1',
    inFloat32((x) => {
      const [y, from] = [exp(x), contiguous(x)];
      for (let i = 0; i < y.size; i++) if (Math.abs(from.data[from.offset + i] - 1) < 1e-4) y.data[i] *= 1 + 2 ** -23;
      return y;
    }, exp),
  ),
  plant(
    expChecks,
    'exp: subnormal results flushed to zero',
    inFloat32((x) => elementwise((v) => (v < 2 ** -126 ? 0 : v))(exp(x)), exp),
  ),
  plant<Activation>(
    expChecks,
    'exp: a polynomial in float32',
    elementwise((v) => {
      const k = Math.round(v / Math.LN2);
      const r = f(v - k * Math.LN2);
      return f(1 + f(r + f(f(r * r) * f(0.5 + f(r / 6 + (r * r) / 24))))) * 2 ** k;
    }),
  ),
  plant(
    sigmoidChecks,
    'sigmoid: the plain formula, wrong at 66 inputs',
    inFloat32(
      elementwise((v) => 1 / (1 + Math.exp(-v))),
      sigmoid,
    ),
  ),
  plant(
    sigmoidChecks,
    'sigmoid: from a rounded exponential',
    inFloat32((x) => elementwise((e) => 1 / (1 + e))(exp(elementwise((v) => -v)(x))), sigmoid),
  ),
  plant(sigmoidChecks, 'sigmoid: the nudge in float64 mode too', (x) =>
    x.data instanceof Float32Array
      ? sigmoid(x)
      : elementwise((v) => (Math.abs(v) < 2 ** -12 ? 0.5 + v / 4 - Math.sign(v) * 2 ** -49 : 1 / (1 + Math.exp(-v))))(
          x,
        ),
  ),
  plant(
    erfChecks,
    'erf: Abramowitz & Stegun 7.1.26',
    inFloat32(
      elementwise((v) => {
        const t = 1 / (1 + 0.3275911 * Math.abs(v));
        return (
          Math.sign(v) *
          (1 -
            ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) *
              t *
              Math.exp(-v * v))
        );
      }),
      erf,
    ),
  ),
  plant(erfChecks, 'erf: 1 from 3.9375 in float64 mode too', (x) =>
    x.data instanceof Float32Array
      ? erf(x)
      : elementwise((v) => (Math.abs(v) >= 1 - 2.6e-8 ? Math.sign(v) : v))(erf(x)),
  ),
  plant<Activation>(erfChecks, 'erf: -0 becomes +0', (x) => elementwise((v) => v + 0)(erf(x))),
  plant<Activation>(
    geluChecks,
    'gelu: the approximation by tanh',
    elementwise((v) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v)))),
  ),
  plant<Activation>(geluChecks, 'gelu: quickGelu instead', quickGelu),
  plant<Activation>(quickGeluChecks, 'quickGelu: gelu instead', gelu),
  plant<Activation>(quickGeluChecks, 'quickGelu: the sigmoid rounded before the product', (x) => {
    const [s, from] = [sigmoid(elementwise((v) => 1.702 * v)(x)), contiguous(x)];
    for (let i = 0; i < s.size; i++) s.data[i] *= from.data[from.offset + i];
    return s;
  }),
];

/** Right operations that no check may reject: rewritten here, not those of src. */
export const INNOCENT: Planted[] = [
  plant(linearChecks, 'linear with blocks of 128', linearBy(blocked(128))),
  plant(
    meanChecks,
    'mean in four stripes',
    meanBy((v) => {
      const [a, b, c, d] = stripes(v);
      return a + b + (c + d);
    }),
  ),
  plant<Activation>(
    reluChecks,
    'relu',
    elementwise((v) => (v !== v || v > 0 ? v : 0)),
  ),
];
