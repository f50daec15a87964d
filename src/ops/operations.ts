// All operations that the layers are written against. A new one is a line here; operation sets, the recorder, emulation
// and float64 mode follow from its description.

import { addOperation } from './add.ts';
import { attentionOperation } from './attention.ts';
import { avgPool2dOperation } from './avg-pool2d.ts';
import { batchNorm2dOperation } from './batch-norm2d.ts';
import { concatOperation } from './concat.ts';
import { contiguousOperation } from './contiguous.ts';
import { conv2dOperation } from './conv2d.ts';
import { embeddingOperation } from './embedding.ts';
import { geluOperation } from './gelu.ts';
import { l2NormalizeOperation } from './l2-normalize.ts';
import { layerNormOperation } from './layer-norm.ts';
import { linearOperation } from './linear.ts';
import { matmulOperation } from './matmul.ts';
import { meanOperation } from './mean.ts';
import type { Layout, Operand, Operation, Rounding } from './operation.ts';
import { quantizeOperation } from './quantize.ts';
import { quickGeluOperation } from './quick-gelu.ts';
import { reluOperation } from './relu.ts';
import { roundOperation } from './round.ts';
import { scaleOperation } from './scale.ts';
import { sigmoidOperation } from './sigmoid.ts';
import { softmaxOperation } from './softmax.ts';
import type { Tensor } from './tensor.ts';

const OPERATIONS = {
  /** x (N,C,H,W), weight (O,C,KH,KW), bias (O) or null -> (N,O,OH,OW) */
  conv2d: conv2dOperation,
  /** x (N,C,…), parameters (C) each -> the shape of x */
  batchNorm2d: batchNorm2dOperation,
  /** x (N,C,H,W) -> (N,C,OH,OW) */
  avgPool2d: avgPool2dOperation,
  /** max(x, +0), any shape */
  relu: reluOperation,
  /** 1 / (1 + e^-x), any shape */
  sigmoid: sigmoidOperation,
  /** x·sigmoid(1.702·x), any shape */
  quickGelu: quickGeluOperation,
  /** x·Φ(x) with erf, any shape */
  gelu: geluOperation,
  /** a + b. b has a's shape, or the shape of a's last axes and is then repeated over the others. */
  add: addOperation,
  /** Over the last axis. */
  softmax: softmaxOperation,
  /** x (…,D), weight and bias (D) -> the shape of x */
  layerNorm: layerNormOperation,
  /** x / |x| over the last axis. */
  l2Normalize: l2NormalizeOperation,
  /** a (…,M,K) x b (…,K,O) -> (…,M,O) */
  matmul: matmulOperation,
  /** x (…,K), weight (O,K), bias (O) or null -> (…,O) */
  linear: linearOperation,
  /** q (…,T,D), k and v (…,S,D) -> (…,T,D) */
  attention: attentionOperation,
  /** The mean over the last axis: x (…,D) -> (…) */
  mean: meanOperation,
  /** Tensors joined along an axis, all other extents equal. */
  concat: concatOperation,
  /** Rows of a table: ids (…), table (V,D) -> (…,D) */
  embedding: embeddingOperation,
  /** x times a number that is itself a float32 in float32 mode: RN32(x·factor) */
  scale: scaleOperation,
  /** The same elements in row-major order: x itself if it is stored so already, else a copy. */
  contiguous: contiguousOperation,
  /** Every element rounded to a smaller format: for emulation, in float32 mode. */
  round: roundOperation,
  /** A weight as it comes back from 8-bit integers: for emulation, in float32 mode. */
  quantize: quantizeOperation,
};

type Listed = typeof OPERATIONS;

export type OperationName = keyof Listed;

/** Arguments of each operation. */
export type ArgumentsOf = { readonly [Name in keyof Listed]: Parameters<Listed[Name]['plain']> };

/** What each operation gives: a tensor, or a list of several. */
export type ResultsOf = { readonly [Name in OperationName]: ReturnType<Listed[Name]['plain']> };

/** Names of the operations with one output. */
export type SingleOutput = {
  [Name in OperationName]: ResultsOf[Name] extends Tensor ? Name : never;
}[OperationName];

/** The operation set that layers are written against. An executor has its own; `reference` is the plain definition. */
export type Operations = { readonly [Name in keyof Listed]: (...args: ArgumentsOf[Name]) => ResultsOf[Name] };

/** Operands of each operation, in the order of its arguments. */
export type InputsOf = { readonly [Name in OperationName]: ReturnType<Listed[Name]['record']>['inputs'] };

/** The attributes of each operation: what it takes besides operands. */
export type AttributesOf = { readonly [Name in OperationName]: ReturnType<Listed[Name]['record']>['attributes'] };

/** A tensor per output of each operation. */
export type ShapesOf = { readonly [Name in OperationName]: ReturnType<Listed[Name]['shapes']> };

/** Names of each operation's operands after the first, where its steps of layout `rows` have them. */
export type ParametersOf = {
  readonly [Name in OperationName]: NonNullable<Listed[Name]['parameters']>[number];
};

/** Names of the operations with these layouts, of those with these roundings. */
export type LaidOut<L extends Layout> = {
  [Name in OperationName]: Listed[Name]['layout'] extends L ? Name : never;
}[OperationName];
export type Rounded<R extends Rounding> = {
  [Name in OperationName]: Listed[Name]['rounding'] extends R ? Name : never;
}[OperationName];

/** OPERATIONS, as code for an operation that is not known sees it. */
export const DESCRIPTIONS: {
  readonly [Name in OperationName]: Operation<
    ArgumentsOf[Name],
    InputsOf[Name],
    AttributesOf[Name],
    ShapesOf[Name],
    Layout | readonly Layout[] | ((inputs: InputsOf[Name]) => Layout),
    Rounding,
    readonly string[],
    ResultsOf[Name]
  >;
} = OPERATIONS;

export const OPERATION_NAMES = Object.keys(OPERATIONS) as OperationName[];

/** What an operation of a set gives for operands in the order of its arguments. */
export const applied = <Name extends OperationName>(
  ops: Operations,
  name: Name,
  inputs: readonly (Operand | undefined)[],
  attributes: AttributesOf[Name],
): ResultsOf[Name] =>
  DESCRIPTIONS[name].call((...args) => ops[name](...args), inputs as unknown as InputsOf[Name], attributes);

/** An operation set, function by function. */
export function operationsOf(
  make: <Name extends OperationName>(name: Name) => (...args: ArgumentsOf[Name]) => ResultsOf[Name],
): Operations {
  return Object.fromEntries(OPERATION_NAMES.map((name) => [name, make(name)])) as unknown as Operations;
}
