// One product of a model as something that can be run by any executor and verified by the contract's own definition.

import ndarray from 'ndarray';
import type { WeightUse } from '../src/executors/executor.ts';
import type { Operations } from '../src/ops/operations.ts';
import type { Tensor } from '../src/ops/tensor.ts';
import { workOf, type Shape } from './shapes.ts';

export interface Product {
  name: string;
  /** Multiply-adds. */
  work: number;
  input: Tensor<Float32Array>;
  /** Parameters by name: what an executor keeps in its own form. */
  weights: ReadonlyMap<string, Tensor<Float32Array>>;
  /** How each is used. */
  uses: ReadonlyMap<string, WeightUse>;
  compute(ops: Operations, x: Tensor, weights: ReadonlyMap<string, Tensor>): Tensor;
  /** @throws Error if an output that is looked at has not exactly the bits of the contract */
  verify(y: Tensor): void;
}

/** Numbers in [-1, 1) from a small congruential generator. */
export function numbers(...shape: number[]): Tensor<Float32Array> {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  let state = 1;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = (state >>> 8) / 2 ** 23 - 1;
  }
  return ndarray(data, shape);
}

/** The contract's dot product: sums of 128 products each, added in order, every step rounded (docs/numerics.md). */
function dot(K: number, a: (k: number) => number, b: (k: number) => number): number {
  let acc = 0;
  for (let start = 0; start < K; start += 128) {
    let s = 0;
    for (let k = start; k < Math.min(start + 128, K); k++) s = Math.fround(s + Math.fround(a(k) * b(k)));
    acc = Math.fround(acc + s);
  }
  return acc;
}

function expectEqual(name: string, actual: number, expected: number): void {
  if (!Object.is(actual, expected))
    throw new Error(`${name}: expected ${expected}, got ${actual}; not timed, because it is wrong`);
}

/** @param batch N images: N times the rows of a linear layer */
export function product(shape: Shape, batch = 1): Product {
  return shape.kind === 'linear' ? linearProduct(shape, batch) : convolution(shape, batch);
}

function linearProduct(shape: Extract<Shape, { kind: 'linear' }>, N: number): Product {
  const { K, O } = shape;
  const M = N * shape.M;
  const name = `linear ${M} x ${K} -> ${O}`;
  const [x, weight] = [numbers(M, K), numbers(O, K)];
  return {
    name,
    work: N * workOf(shape),
    input: x,
    weights: new Map([['weight', weight]]),
    uses: new Map([['weight', 'linear']]),
    compute: (ops, input, weights) => ops.linear(input, weights.get('weight')!, null),
    verify(y) {
      for (const [m, o] of [
        [0, 0],
        [M - 1, O - 1],
        [M >> 1, O >> 1],
        [M - 1, 0],
        [0, O - 1],
      ]) {
        expectEqual(
          name,
          y.get(m, o),
          dot(
            K,
            (k) => x.get(m, k),
            (k) => weight.get(o, k),
          ),
        );
      }
    },
  };
}

function convolution(shape: Extract<Shape, { kind: 'conv' }>, N: number): Product {
  const { C, H, O, K, stride, padding } = shape;
  const name = `conv ${N > 1 ? `${N} x ` : ''}${C} x ${H}² -> ${O}, ${K}x${K}${stride > 1 ? `/${stride}` : ''}`;
  const [x, weight] = [numbers(N, C, H, H), numbers(O, C, K, K)];
  const extent = Math.floor((H + 2 * padding - K) / stride) + 1;
  const at = (n: number, c: number, h: number, w: number): number =>
    h >= 0 && w >= 0 && h < H && w < H ? x.get(n, c, h, w) : 0;
  return {
    name,
    work: N * workOf(shape),
    input: x,
    weights: new Map([['weight', weight]]),
    uses: new Map([['weight', 'convolution']]),
    compute: (ops, input, weights) => ops.conv2d(input, weights.get('weight')!, null, { stride, padding }),
    verify(y) {
      for (const [n, o, i, j] of [
        [0, 0, 0, 0],
        [N - 1, O - 1, extent - 1, extent - 1],
        [N - 1, O >> 1, extent >> 1, 1],
        [0, O - 1, 0, extent - 1],
      ]) {
        const value = (k: number): number =>
          at(
            n,
            Math.floor(k / (K * K)),
            i * stride + (Math.floor(k / K) % K) - padding,
            j * stride + (k % K) - padding,
          );
        expectEqual(
          name,
          y.get(n, o, i, j),
          dot(C * K * K, value, (k) => weight.data[o * C * K * K + k]),
        );
      }
    },
  };
}
