// The same network as a backend in a lower precision computes it: a set of operations that rounds where such a backend
// does. What is rounded is said by an Emulation; which emulations a claimed precision stands for is said where claims
// are judged. The contract's bits are not touched by any of this.

import ndarray from 'ndarray';
import type { Summation } from '../ops/dot-products.ts';
import type { AttentionOptions, Operations } from '../ops/operations.ts';
import type { RoundFormat } from '../ops/round.ts';
import { reshape, sizeOf, type Tensor } from '../ops/tensor.ts';

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

/** Names an emulation, for those who keep plans by name. */
export const emulationKey = ({ storage, operands, weights, attention, summation }: Emulation): string =>
  'emulated ' +
  `${storage ?? ''},${operands ?? ''},${weights ?? ''},${attention},${summation === null ? '' : `${summation.chunk} ${summation.total ?? ''}`}`;

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
  /** Moves elements only: what was rounded stays so. */
  const moved = (inputs: readonly Tensor[], output: Tensor): Tensor => {
    if (storage !== null && inputs.every((x) => setOf(storage).has(x.data))) setOf(storage).add(output.data);
    return output;
  };
  const product = (a: Tensor, b: Tensor): Tensor => stored(ops.matmul(operand(a), operand(b), summation));

  /** Attention in its parts, each result a stored tensor: q (N,T,D), k and v (N,S,D), heads as an axis of their own. */
  const inParts = (q: Tensor, k: Tensor, v: Tensor, { heads = 1, mask = null }: AttentionOptions): Tensor => {
    const d = q.shape[q.shape.length - 1] / heads;
    const [queries, keys, values] = [q, k, v].map((x) => byHead(stored(x), heads));
    // [1] q' (N,A,T,d)
    const scaled = stored(ops.scale(queries, Math.fround(1 / Math.sqrt(d))));
    // [2] scores (N,A,T,S)
    let scores = product(scaled, keys.transpose(0, 1, 3, 2));
    // [3] mask
    if (mask !== null) scores = stored(ops.add(ops.contiguous(scores), mask));
    // [4] p
    const p = stored(ops.softmax(scores));
    // [5] y, heads side by side
    const mixed = product(p, values).transpose(0, 2, 1, 3);
    return reshape(moved([mixed], ops.contiguous(mixed)), q.shape);
  };

  return {
    ...others(ops),
    conv2d: (x, weight, bias, options) =>
      stored(ops.conv2d(operand(x), weightOf(weight, 'first'), bias && stored(bias), options, summation)),
    linear: (x, weight, bias) =>
      stored(ops.linear(operand(x), weightOf(weight, 'first'), bias && stored(bias), summation)),
    // The encoders multiply by one matrix only, the projection (K,O).
    matmul: (a, b) => stored(ops.matmul(operand(a), weightOf(b, 'last'), summation)),
    attention: (q, k, v, options = {}) =>
      attention === 'stored'
        ? inParts(q, k, v, options)
        : stored(ops.attention(operand(q), operand(k), operand(v), options)),
    batchNorm2d: (x, { weight, bias, runningMean, runningVar }, eps) =>
      stored(
        ops.batchNorm2d(
          stored(x),
          {
            weight: stored(weight),
            bias: stored(bias),
            runningMean: stored(runningMean),
            runningVar: stored(runningVar),
          },
          eps,
        ),
      ),
    avgPool2d: (x, kernel, options) => stored(ops.avgPool2d(stored(x), kernel, options)),
    relu: (x) => {
      const y = stored(x);
      return moved([y], ops.relu(y));
    },
    sigmoid: (x) => stored(ops.sigmoid(stored(x))),
    quickGelu: (x) => stored(ops.quickGelu(stored(x))),
    gelu: (x) => stored(ops.gelu(stored(x))),
    add: (a, b) => stored(ops.add(stored(a), stored(b))),
    softmax: (x) => stored(ops.softmax(stored(x))),
    layerNorm: (x, weight, bias, eps) => stored(ops.layerNorm(stored(x), stored(weight), stored(bias), eps)),
    l2Normalize: (x) => stored(ops.l2Normalize(stored(x))),
    mean: (x) => stored(ops.mean(stored(x))),
    scale: (x, factor) => stored(ops.scale(stored(x), factor)),
    concat: (tensors, axis) => {
      const parts = tensors.map(stored);
      return moved(parts, ops.concat(parts, axis));
    },
    embedding: (ids, table) => {
      const rows = stored(table);
      return moved([rows], ops.embedding(ids, rows));
    },
    contiguous: (x) => {
      const y = stored(x);
      return moved([y], ops.contiguous(y));
    },
  };
}

const others = (ops: Operations): Pick<Operations, 'round' | 'quantize'> => ({
  round: (x, format) => ops.round(x, format),
  quantize: (weight, outputs) => ops.quantize(weight, outputs),
});

/** (…,T,D) seen as (N,A,T,d): heads of d columns. The leading axes count images. */
export function byHead(x: Tensor, heads: number): Tensor {
  const rank = x.shape.length;
  const [T, D] = x.shape.slice(-2);
  const N = sizeOf(x.shape.slice(0, -2));
  if (rank > 3)
    throw new RangeError(`attention in parts: expected q, k and v of shape (N, T, D), got (${x.shape.join(', ')})`);
  const [strideT, strideD] = x.stride.slice(-2);
  const d = D / heads;
  return ndarray(
    x.data,
    [N, heads, T, d],
    [rank === 3 ? x.stride[0] : 0, d * strideD, strideT, strideD],
    x.offset,
  ) as Tensor;
}
