// What our operations do not have and the public vectors want: other layouts, padding on one side, dilation, groups,
// one or three spatial axes, broadcasting, and arithmetic that is another operation in disguise. Each is brought back
// to calls of our operations.

import ndarray from 'ndarray';
import {
  add,
  avgPool2d,
  batchNorm2d,
  concat,
  contiguous,
  conv2d,
  layerNorm,
  matmul,
  mean,
  reshape,
  scale,
  sizeOf,
  zeros,
} from '../../../src/ops/index.ts';
import type { Tensor } from '../../../src/ops/index.ts';

/** Axes by the letters of a layout: nhwc -> nchw is [0, 3, 1, 2]. */
export function relaid(x: Tensor, from: string, to: string): Tensor {
  return x.transpose(...[...to].map((letter) => from.indexOf(letter))) as Tensor;
}

/** Extents of 1 or missing ones repeated, as a view. */
export function broadcast(x: Tensor, shape: readonly number[]): Tensor {
  const missing = shape.length - x.shape.length;
  const stride = shape.map((extent, axis) =>
    axis < missing || (x.shape[axis - missing] === 1 && extent !== 1) ? 0 : x.stride[axis - missing],
  );
  return ndarray(x.data, [...shape], stride, x.offset) as Tensor;
}

export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [left, right] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    return left === 1 ? right : left;
  });
}

/** One value everywhere. */
export function filled(shape: readonly number[], value: number, like: Tensor): Tensor {
  const y = zeros(shape, like.data);
  y.data.fill(value);
  return y;
}

/** Zeros around the last axes: pads is [begin of each, end of each]. */
export function padded(x: Tensor, begins: readonly number[], ends: readonly number[]): Tensor {
  const first = x.shape.length - begins.length;
  const y = zeros(
    x.shape.map((extent, axis) => (axis < first ? extent : extent + begins[axis - first] + ends[axis - first])),
    x.data,
  );
  const low = x.shape.map((_, axis) => (axis < first ? 0 : begins[axis - first]));
  copyInto(y.lo(...low).hi(...x.shape) as Tensor, x);
  return y;
}

function copyInto(target: Tensor, source: Tensor): void {
  const flat = contiguous(source);
  const size = sizeOf(source.shape);
  for (let i = 0; i < size; i++) {
    let rest = i;
    let at = target.offset;
    for (let axis = source.shape.length - 1; axis >= 0; axis--) {
      at += (rest % source.shape[axis]) * target.stride[axis];
      rest = Math.floor(rest / source.shape[axis]);
    }
    target.data[at] = flat.data[flat.offset + i];
  }
}

/** A kernel with zeros between its elements. */
export function dilated(weight: Tensor, dilations: readonly number[]): Tensor {
  const y = zeros(
    weight.shape.map((extent, axis) => (axis < 2 ? extent : (extent - 1) * dilations[axis - 2] + 1)),
    weight.data,
  );
  copyInto(y.step(1, 1, ...dilations) as Tensor, weight);
  return y;
}

export interface Convolution {
  strides: readonly number[];
  /** [top, bottom, left, right], or by axis. */
  begins: readonly number[];
  ends: readonly number[];
  dilations: readonly number[];
  groups: number;
}

/**
 * Convolution over one, two or three spatial axes, with groups, dilation and padding per side. Symmetric padding in two
 * dimensions goes to conv2d itself.
 */
export function convolution(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  { strides, begins, ends, dilations, groups }: Convolution,
): Tensor {
  if (groups > 1) {
    const [C, O] = [x.shape[1] / groups, weight.shape[0] / groups];
    const rest = x.shape.slice(2).map(() => 0);
    return concat(
      Array.from({ length: groups }, (_, g) =>
        convolution(
          x.lo(0, g * C, ...rest).hi(x.shape[0], C, ...x.shape.slice(2)) as Tensor,
          weight.lo(g * O, 0, ...rest).hi(O, ...weight.shape.slice(1)) as Tensor,
          bias === null ? null : (bias.lo(g * O).hi(O) as Tensor),
          { strides, begins, ends, dilations, groups: 1 },
        ),
      ),
      1,
    );
  }
  const kernel = dilations.some((d) => d !== 1) ? dilated(weight, dilations) : weight;
  if (x.shape.length === 3) {
    const [N, C, W] = x.shape;
    const [O, , KW] = kernel.shape;
    const y = convolution(reshape(contiguous(x), [N, C, 1, W]), reshape(contiguous(kernel), [O, C, 1, KW]), bias, {
      strides: [1, strides[0]],
      begins: [0, begins[0]],
      ends: [0, ends[0]],
      dilations: [1, 1],
      groups: 1,
    });
    return reshape(y, [N, O, y.shape[3]]);
  }
  if (x.shape.length === 5) {
    // Each depth of the result: (c, kd) as channels of a two-dimensional convolution.
    const [O, C, KD, KH, KW] = kernel.shape;
    const deep = padded(x, [begins[0], 0, 0], [ends[0], 0, 0]);
    const [N, , D, H, W] = deep.shape;
    const slices: Tensor[] = [];
    for (let d = 0; d + KD <= D; d += strides[0]) {
      const channels = contiguous(deep.lo(0, 0, d, 0, 0).hi(N, C, KD, H, W) as Tensor);
      const y = convolution(
        reshape(channels, [N, C * KD, H, W]),
        reshape(contiguous(kernel), [O, C * KD, KH, KW]),
        bias,
        { strides: strides.slice(1), begins: begins.slice(1), ends: ends.slice(1), dilations: [1, 1], groups: 1 },
      );
      slices.push(reshape(y, [N, O, 1, y.shape[2], y.shape[3]]));
    }
    return concat(slices, 2);
  }
  const stride = [strides[0], strides[1]] as const;
  if (begins.every((pad, axis) => pad === ends[axis]))
    return conv2d(x, kernel, bias, { stride, padding: [begins[0], begins[1]] });
  return conv2d(padded(x, begins, ends), kernel, bias, { stride });
}

export interface Pooling {
  kernel: readonly number[];
  strides: readonly number[];
  begins: readonly number[];
  /** Extents of the result over the spatial axes. */
  outputs: readonly number[];
  dilations: readonly number[];
}

/**
 * Average pooling window by window, each a call of avgPool2d on the elements that lie in the image, as a strided view:
 * for padding on one side, windows that hang over the end (ceil), dilation and three spatial axes.
 */
export function poolingByWindows(x: Tensor, { kernel, strides, begins, outputs, dilations }: Pooling): Tensor {
  const [N, C, ...extents] = x.shape;
  const y = zeros([N, C, ...outputs], x.data);
  const count = sizeOf(outputs);
  for (let n = 0; n < N * C; n++)
    for (let i = 0; i < count; i++) {
      let rest = i;
      const low: number[] = [];
      const size: number[] = [];
      for (let axis = outputs.length - 1; axis >= 0; axis--) {
        let start = (rest % outputs[axis]) * strides[axis] - begins[axis];
        rest = Math.floor(rest / outputs[axis]);
        let taken = kernel[axis];
        while (start < 0) {
          start += dilations[axis];
          taken--;
        }
        low.unshift(start);
        size.unshift(Math.min(taken, Math.ceil((extents[axis] - start) / dilations[axis])));
      }
      const plane = x.pick(Math.floor(n / C), n % C, ...extents.map(() => null)) as Tensor;
      const window = contiguous(
        plane
          .lo(...low)
          .step(...dilations)
          .hi(...size) as Tensor,
      );
      const [width] = size.slice(-1);
      y.data[n * count + i] = avgPool2d(reshape(window, [1, 1, window.size / width, width]), [
        window.size / width,
        width,
      ]).get(0, 0, 0, 0);
    }
  return y;
}

/** Whole windows, padding alike on both sides: avgPool2d itself. */
export function pooling(x: Tensor, p: Pooling, countIncludePad: boolean): Tensor {
  const whole =
    x.shape.length === 4 &&
    p.dilations.every((d) => d === 1) &&
    p.outputs.every(
      (extent, axis) =>
        Math.floor((x.shape[2 + axis] + 2 * p.begins[axis] - p.kernel[axis]) / p.strides[axis]) + 1 === extent,
    ) &&
    p.begins.every((pad, axis) => 2 * pad <= p.kernel[axis] && extentBelow(x.shape[2 + axis], p, axis) <= pad);
  if (!whole) {
    if (countIncludePad) throw new Error('counted padding is only mapped where it is alike on both sides');
    return poolingByWindows(x, p);
  }
  return avgPool2d(x, [p.kernel[0], p.kernel[1]], {
    stride: [p.strides[0], p.strides[1]],
    padding: [p.begins[0], p.begins[1]],
    countIncludePad,
  });
}

/** How far the last window reaches beyond the image. */
function extentBelow(extent: number, p: Pooling, axis: number): number {
  return (p.outputs[axis] - 1) * p.strides[axis] - p.begins[axis] + p.kernel[axis] - extent;
}

/** matmul with broadcast leading axes and with vectors. */
export function broadcastMatmul(a: Tensor, b: Tensor): Tensor {
  const left = a.shape.length === 1 ? reshape(a, [1, a.shape[0]]) : a;
  const right = b.shape.length === 1 ? reshape(b, [b.shape[0], 1]) : b;
  const leading = broadcastShape(left.shape.slice(0, -2), right.shape.slice(0, -2));
  const y = matmul(
    broadcast(left, [...leading, ...left.shape.slice(-2)]),
    broadcast(right, [...leading, ...right.shape.slice(-2)]),
  );
  return a.shape.length === 1 && b.shape.length === 1 ? reshape(y, []) : y;
}

/** Elementwise product: a batch of 1 x 1 matrix products. */
export function multiply(a: Tensor, b: Tensor): Tensor {
  const shape = broadcastShape(a.shape, b.shape);
  const columns = (x: Tensor): Tensor => reshape(contiguous(broadcast(x, shape)), [sizeOf(shape), 1, 1]);
  return reshape(matmul(columns(a), columns(b)), shape);
}

/**
 * Elementwise quotient: batchNorm2d of ones with weight ±a and variance b², whose root is |b| exactly in float64. The
 * caller gives float64.
 */
export function divide(a: Tensor, b: Tensor): Tensor {
  const shape = broadcastShape(a.shape, b.shape);
  const n = sizeOf(shape);
  const [top, bottom] = [a, b].map((x) => reshape(contiguous(broadcast(x, shape)), [n]));
  const signs = zeros([n], a.data);
  for (let i = 0; i < n; i++) signs.data[i] = bottom.get(i) < 0 ? -1 : 1;
  return reshape(
    batchNorm2d(
      filled([1, n], 1, a),
      {
        weight: multiply(top, signs),
        bias: zeros([n], a.data),
        runningMean: zeros([n], a.data),
        runningVar: multiply(bottom, bottom),
      },
      0,
    ),
    shape,
  );
}

/**
 * Elementwise square root: v / sqrt(v), batchNorm2d with variance v; 0 is divided by 1 instead. The caller gives
 * float64.
 */
export function squareRoot(v: Tensor): Tensor {
  const n = sizeOf(v.shape);
  const channels = reshape(contiguous(v), [n]);
  const runningVar = zeros([n], v.data);
  for (let i = 0; i < n; i++) runningVar.data[i] = channels.get(i) === 0 ? 1 : channels.get(i);
  return reshape(
    batchNorm2d(
      filled([1, n], 1, v),
      { weight: channels, bias: zeros([n], v.data), runningMean: zeros([n], v.data), runningVar },
      0,
    ),
    v.shape,
  );
}

/** a + b with either side repeated. */
export function broadcastAdd(a: Tensor, b: Tensor): Tensor {
  const shape = broadcastShape(a.shape, b.shape);
  const whole = a.shape.length === shape.length && a.shape.every((extent, axis) => extent === shape[axis]);
  const trailing = b.shape.every((extent, axis) => extent === shape[shape.length - b.shape.length + axis]);
  return add(whole ? a : broadcast(a, shape), whole && trailing ? b : broadcast(b, shape));
}

/** Normalised axes moved behind the others: view (…, axes), and the shape of both parts. */
function axesLast(x: Tensor, axes: readonly number[]): { order: number[]; outer: number[]; inner: number[] } {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  return {
    order: [...kept, ...axes],
    outer: kept.map((axis) => x.shape[axis]),
    inner: axes.map((axis) => x.shape[axis]),
  };
}

/** The mean over any axes, kept as extents of 1 or dropped. */
export function meanOver(x: Tensor, axes: readonly number[], keep: boolean): Tensor {
  const { order, outer, inner } = axesLast(x, axes);
  const y = mean(reshape(contiguous(x.transpose(...order) as Tensor), [...outer, sizeOf(inner)]));
  return keep
    ? reshape(
        y,
        x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent)),
      )
    : y;
}

/** layerNorm over any axes; scale and bias have the axes' shape in the given order. */
export function layerNormOver(
  x: Tensor,
  axes: readonly number[],
  weight: Tensor | null,
  bias: Tensor | null,
  eps: number,
): Tensor {
  const { order, outer, inner } = axesLast(x, axes);
  const D = sizeOf(inner);
  const parameter = (p: Tensor | null, value: number): Tensor =>
    p === null ? filled([D], value, x) : reshape(contiguous(p), [D]);
  const y = layerNorm(
    reshape(contiguous(x.transpose(...order) as Tensor), [...outer, D]),
    parameter(weight, 1),
    parameter(bias, 0),
    eps,
  );
  const back = order.map((_, axis) => order.indexOf(axis));
  return reshape(y, [...outer, ...inner]).transpose(...back) as Tensor;
}

/** a·b·alpha + c·beta. */
export function gemm(a: Tensor, b: Tensor, c: Tensor | undefined, alpha: number, beta: number): Tensor {
  const round = (v: number): number => (a.data instanceof Float32Array ? Math.fround(v) : v);
  const product = alpha === 1 ? matmul(a, b) : scale(matmul(a, b), round(alpha));
  if (c === undefined || beta === 0) return product;
  return broadcastAdd(product, beta === 1 ? c : scale(c, round(beta)));
}
