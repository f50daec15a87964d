// The same network as a backend in a lower precision computes it: an operation set that rounds where such a backend
// does, by the rounding that each operation's description names. What is rounded is said by an Emulation; which
// emulations a claimed precision stands for is said where claims are judged. The contract's bits do not depend on this.

import type { AttentionOptions } from '../ops/attention.ts';
import type { Summation } from '../ops/dot-products.ts';
import type { Operand, Rounding } from '../ops/operation.ts';
import { applied, DESCRIPTIONS, operationsOf, type Operations } from '../ops/operations.ts';
import type { RoundFormat } from '../ops/round.ts';
import { reshape, type Tensor } from '../ops/tensor.ts';
import { attentionProbabilities, mixedValues, type PartOperations } from './attention-parts.ts';

export interface Emulation {
  /** What tensors and parameters are stored in: every operation's result is rounded to it. null: float32. */
  readonly storage: RoundFormat | null;
  /**
   * What the operands of products are rounded to on their way in (conv2d, linear, matmul and the two products of
   * attention). null: nothing.
   */
  readonly operands: RoundFormat | null;
  /** Weights of products kept in 8-bit integers, one scale per output. null: as they are. */
  readonly weights: 'int8' | null;
  /**
   * Whether attention's scores and probabilities are tensors of their own, stored like others; else it is one operation
   * with float32 inside.
   */
  readonly attention: 'stored' | 'fused';
  /** How products are summed. null: as the contract has it. */
  readonly summation: Summation | null;
}

export const EXACT: Emulation = { storage: null, operands: null, weights: null, attention: 'fused', summation: null };

/** Names an emulation, as part of a plan's key. */
export const emulationKey = ({ storage, operands, weights, attention, summation }: Emulation): string =>
  `emulated ${storage ?? ''},${operands ?? ''},${weights ?? ''},${attention},` +
  (summation === null ? '' : `${summation.chunk} ${summation.total ?? ''}`);

/**
 * `ops`, emulating.
 * @param ops plain or recording; float32 mode
 * @throws RangeError for a summation whose chunk does not divide 128
 */
export function emulating(ops: Operations, emulation: Emulation): Operations {
  const { storage, operands, weights, attention, summation } = emulation;
  if (
    summation !== null &&
    !(Number.isInteger(summation.chunk) && summation.chunk > 0 && 128 % summation.chunk === 0)
  ) {
    throw new RangeError(`emulate: "summation.chunk" expected a divisor of 128, got ${summation.chunk}`);
  }
  // Memory whose contents are known to be rounded already: rounding it again would change nothing but take its time.
  const rounded = new Map<RoundFormat, WeakSet<object>>();
  const setOf = (format: RoundFormat): WeakSet<object> => {
    const known = rounded.get(format) ?? new WeakSet<object>();
    rounded.set(format, known);
    return known;
  };
  const to = (x: Tensor, format: RoundFormat | null): Tensor => {
    if (format === null || setOf(format).has(x.data)) return x;
    const y = ops.round(x, format);
    setOf(format).add(y.data);
    return y;
  };
  /** As stored. */
  const stored = (x: Tensor): Tensor => to(x, storage);
  /** As a product takes it. */
  const operand = (x: Tensor): Tensor => to(stored(x), operands);
  const weightOf = (x: Tensor, outputs: 'first' | 'last'): Tensor =>
    operand(weights === null ? x : ops.quantize(x, outputs));
  /** The same for every output of an operation. */
  const each = <Result extends Tensor | readonly Tensor[]>(result: Result, change: (y: Tensor) => Tensor): Result =>
    (Array.isArray(result) ? (result as readonly Tensor[]).map(change) : change(result as Tensor)) as Result;
  /** Moves elements only: what was rounded stays so. */
  const moved = (inputs: readonly Tensor[], output: Tensor): Tensor => {
    if (storage !== null && inputs.every((x) => setOf(storage).has(x.data))) setOf(storage).add(output.data);
    return output;
  };

  /** Attention in its parts: every result is stored. */
  const parts: PartOperations = {
    scale: (x, factor) => stored(ops.scale(x, factor)),
    matmul: (a, b) => stored(ops.matmul(operand(a), operand(b), summation)),
    add: (a, b) => stored(ops.add(a, b)),
    softmax: (x) => stored(ops.softmax(x)),
    contiguous: (x) => moved([x], ops.contiguous(x)),
  };
  const inParts = (q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor => {
    const p = attentionProbabilities(parts, stored(q), stored(k), options, 'float32');
    return reshape(parts.contiguous(mixedValues(parts, p, stored(v))), q.shape);
  };

  const product = (outputs: 'first' | 'last') => (x: Tensor, i: number) =>
    i === 0 ? operand(x) : i === 1 ? weightOf(x, outputs) : stored(x);
  /** What becomes of the i-th operand. */
  const operandsOf: Record<Rounding, (x: Tensor, i: number) => Tensor> = {
    value: stored,
    moves: stored,
    product: product('first'),
    // The encoders multiply by one matrix only, the projection (K,O).
    matrix: product('last'),
    attention: (x, i) => (i < 3 ? operand(x) : x),
    none: (x) => x,
  };
  return {
    ...operationsOf((name) => (...args) => {
      const { record, rounding } = DESCRIPTIONS[name];
      const { inputs, attributes } = record(...args);
      const rounded = inputs.map((x, i) => (isTensor(x) ? operandsOf[rounding](x, i) : x));
      const sums = rounding === 'product' || rounding === 'matrix';
      const y = applied(ops, name, rounded, sums ? { ...attributes, summation } : attributes);
      if (rounding === 'none') return y;
      return each(y, rounding === 'moves' ? (output) => moved(rounded.filter(isTensor), output) : stored);
    }),
    ...(attention === 'stored' && {
      attention: (q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}) => inParts(q, k, v, options),
    }),
  };
}

const isTensor = (x: Operand | undefined): x is Tensor => x !== undefined && !(x.data instanceof Int32Array);
