// What an operation says about itself, once, beside its definition. Operation sets, the recorder, emitters, emulation
// and the oracle's replay are derived from it (operations.ts lists all descriptions).

import type { Ids, Tensor } from './tensor.ts';

export type Shape = readonly number[];

/** What an operation computes from: tensors, or numbers of rows. */
export type Operand = Tensor | Ids;

/**
 * How an output is laid out in memory.
 *
 * elements: like the first operand, padding included, one element from one; rows: row-major, each row from one row of
 * the first operand. The compiler derives the steps of both. All others have emitters of their own.
 *
 * like: like the first operand, padding included; parameter: the same, a parameter as a whole and once; dense:
 * row-major; columns, planes: the last axis, the last two axes, padded to whole panels; tokens: row-major, but tokens
 * before images where the first operand has them so.
 */
export type Layout = 'elements' | 'rows' | 'like' | 'parameter' | 'dense' | 'columns' | 'planes' | 'tokens';

/**
 * Where a backend that stores tensors in a smaller format rounds.
 *
 * value: operands and result are stored; moves: the same, but what is rounded stays so; product, matrix: x, weight and
 * bias of a product whose weight has its outputs on the first, on the last axis; attention: two products and a softmax,
 * fused or in parts; none: the operation is itself a rounding.
 */
export type Rounding = 'value' | 'moves' | 'product' | 'matrix' | 'attention' | 'none';

/** A result as a list. */
export const outputsOf = (result: Tensor | readonly Tensor[]): readonly Tensor[] =>
  Array.isArray(result) ? (result as readonly Tensor[]) : [result as Tensor];

/** A list as a result. */
export const resultOf = (outputs: readonly Tensor[]): Tensor | readonly Tensor[] =>
  outputs.length === 1 ? outputs[0] : outputs;

export interface Operation<
  Arguments extends unknown[],
  Inputs extends readonly (Operand | undefined)[],
  Attributes extends object,
  Shapes extends readonly Shape[],
  L extends Layout | readonly Layout[] | ((inputs: Inputs) => Layout),
  R extends Rounding,
  P extends readonly string[],
  Result extends Tensor | readonly Tensor[],
> {
  /** The definition: it gives a tensor, or a list of them where the operation has several outputs. */
  readonly plain: (...args: Arguments) => Result;
  /** The definition in float64 mode, where `plain` would give the parameters' float32. */
  readonly plain64?: (...args: Arguments) => Result;
  /** Arguments, taken apart: operands, and everything else with its defaults. */
  readonly record: (...args: Arguments) => { readonly inputs: Inputs; readonly attributes: Attributes };
  /** And put together again, for a function that takes the same arguments. */
  readonly call: <Result>(
    f: (...args: Arguments) => Result,
    inputs: Readonly<Inputs>,
    attributes: Readonly<Attributes>,
  ) => Result;
  /** A shape per output. */
  readonly shapes: (inputs: Readonly<Inputs>, attributes: Readonly<Attributes>) => Shapes;
  /** Whether the result is the first operand itself: then nothing is recorded. */
  readonly unchanged?: (inputs: Readonly<Inputs>) => boolean;
  /** Positions of the operands that are numbers of rows. */
  readonly ids?: readonly number[];
  /** Of the output; a list names one for each of several. */
  readonly layout: L;
  /** Names of the operands after the first, in steps of layout `rows`. */
  readonly parameters?: P;
  readonly rounding: R;
}

/** A description, checked and with all its types. */
export function operation<
  Arguments extends unknown[],
  const Inputs extends readonly (Operand | undefined)[],
  Attributes extends object,
  const Shapes extends readonly Shape[],
  const L extends Layout | readonly Layout[] | ((inputs: Inputs) => Layout),
  const R extends Rounding,
  const P extends readonly string[] = [],
  Result extends Tensor | readonly Tensor[] = Tensor,
>(
  description: Operation<Arguments, Inputs, Attributes, Shapes, L, R, P, Result>,
): Operation<Arguments, Inputs, Attributes, Shapes, L, R, P, Result> {
  return description;
}

/** An operation of one tensor: every element of the result from one element. */
export const elementwise = <const R extends Rounding>(plain: (x: Tensor) => Tensor, rounding: R) =>
  operation({
    plain,
    record: (x) => ({ inputs: [x], attributes: {} }),
    call: (f, [x]) => f(x),
    shapes: ([x]) => [x.shape],
    layout: 'elements',
    rounding,
  });

/** An operation of one tensor: every row of the result from one row. */
export const rowwise = (plain: (x: Tensor) => Tensor) =>
  operation({
    plain,
    record: (x) => ({ inputs: [x], attributes: {} }),
    call: (f, [x]) => f(x),
    shapes: ([x]) => [x.shape],
    layout: 'rows',
    rounding: 'value',
  });

/** Operands of a convolution or a fully connected layer. */
export type ProductInputs = readonly [x: Tensor, weight: Tensor, bias?: Tensor];

export const productInputs = (x: Tensor, weight: Tensor, bias: Tensor | null): ProductInputs =>
  bias === null ? [x, weight] : [x, weight, bias];
