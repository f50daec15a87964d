// The set of operations that the layers are written against. Who implements it decides on executor, threads and
// precision; `reference` (reference.ts) is the plain definition: the functions of this folder, loop for loop.

import type ndarray from 'ndarray';
import type { Summation } from './dot-products.ts';
import type { RoundFormat } from './round.ts';
import type { Tensor } from './tensor.ts';

export interface Conv2dOptions {
  /** Step between windows, one number or [vertical, horizontal]. Default 1. */
  stride?: number | readonly [number, number];
  /** Zeros added on each side, one number or [vertical, horizontal]. Default 0. */
  padding?: number | readonly [number, number];
}

export interface AvgPool2dOptions extends Conv2dOptions {
  /** Whether the padded zeros count in the divisor. Default false. */
  countIncludePad?: boolean;
}

export interface BatchNormParameters {
  weight: Tensor;
  bias: Tensor;
  runningMean: Tensor;
  runningVar: Tensor;
}

export interface AttentionOptions {
  /** Number of heads that the width is divided into. Default 1. */
  heads?: number;
  /** (T,S), added to the scores before the softmax. */
  mask?: Tensor | null;
}

export interface Operations {
  /** x (N,C,H,W), weight (O,C,KH,KW), bias (O) -> (N,O,OH,OW) */
  conv2d(x: Tensor, weight: Tensor, bias: Tensor | null, options?: Conv2dOptions, summation?: Summation | null): Tensor;
  /** x (N,C,…), parameters (C) each */
  batchNorm2d(x: Tensor, parameters: BatchNormParameters, eps?: number): Tensor;
  /** x (N,C,H,W) -> (N,C,OH,OW) */
  avgPool2d(x: Tensor, kernel: number | readonly [number, number], options?: AvgPool2dOptions): Tensor;
  relu(x: Tensor): Tensor;
  sigmoid(x: Tensor): Tensor;
  quickGelu(x: Tensor): Tensor;
  gelu(x: Tensor): Tensor;
  /** a + b. b has a's shape, or the shape of a's last axes and is then repeated over the others. */
  add(a: Tensor, b: Tensor): Tensor;
  /** over the last axis */
  softmax(x: Tensor): Tensor;
  /** x (…,D), weight and bias (D) */
  layerNorm(x: Tensor, weight: Tensor, bias: Tensor, eps?: number): Tensor;
  /** over the last axis */
  l2Normalize(x: Tensor): Tensor;
  /** a (…,M,K) x b (…,K,O) -> (…,M,O) */
  matmul(a: Tensor, b: Tensor, summation?: Summation | null): Tensor;
  /** x (…,K), weight (O,K), bias (O) -> (…,O) */
  linear(x: Tensor, weight: Tensor, bias: Tensor | null, summation?: Summation | null): Tensor;
  /** q (…,T,D), k and v (…,S,D) -> (…,T,D) */
  attention(q: Tensor, k: Tensor, v: Tensor, options?: AttentionOptions): Tensor;
  /** The mean over the last axis: x (…,D) -> (…) */
  mean(x: Tensor): Tensor;
  /** Joined along an axis, all other extents equal. */
  concat(tensors: readonly Tensor[], axis: number): Tensor;
  /** Rows of a table: ids (…), table (V,D) -> (…,D) */
  embedding(ids: ndarray.NdArray<Int32Array>, table: Tensor): Tensor;
  /** x times a number that is itself a float32 in float32 mode: RN32(x * factor) */
  scale(x: Tensor, factor: number): Tensor;
  /** Every element rounded to a smaller format: for emulation, in float32 mode. */
  round(x: Tensor, format: RoundFormat): Tensor;
  /** A weight as it comes back from 8-bit integers: for emulation, in float32 mode. */
  quantize(weight: Tensor, outputs?: 'first' | 'last'): Tensor;
  /** The same elements in row-major order: x itself if they lie so already, else a copy. */
  contiguous(x: Tensor): Tensor;
}
