// The arithmetic in which pieces of the network are computed again: plain loops, in float32 or float64; large products
// go to the SIMD executor, which gives the same bits.

import ndarray from 'ndarray';
import { createExecutor } from '../../executors/create.ts';
import type { Executor, Precision } from '../../executors/executor.ts';
import { emulating, type Emulation } from '../../graph/emulate.ts';
import {
  applied,
  type AttributesOf,
  type OperationName,
  type Operations,
  type ResultsOf,
} from '../../ops/operations.ts';
import { reference } from '../../ops/reference.ts';
import { toFloat64 } from '../../ops/contiguous.ts';
import { reference64 } from '../../ops/reference64.ts';
import type { Tensor } from '../../ops/tensor.ts';

/** Multiply-adds above which starting the executor pays. */
const LARGE = 1 << 22;

/** Multiply-adds of the products, to first order. All other operations count as nothing. */
const WORK: {
  readonly [Name in OperationName]?: (inputs: readonly Tensor[], attributes: AttributesOf[Name]) => number;
} = {
  linear: ([x, weight]) => x.size * weight.shape[0],
  matmul: ([a, b]) => a.size * b.shape[b.shape.length - 1],
  conv2d: ([x, weight], { stride: [down, right] }) =>
    x.shape[0] * Math.ceil(x.shape[2] / down) * Math.ceil(x.shape[3] / right) * weight.size,
  attention: ([q, k]) => 2 * q.size * k.shape[k.shape.length - 2],
};

/** The SIMD executor of a search, created when it is first needed, and how much the search has computed. */
export class SearchExecutor {
  readonly #threads: number;
  #executor: Executor | null = null;
  /** Multiply-adds so far. */
  spent = 0;

  constructor(threads: number) {
    this.#threads = threads;
  }

  get simd(): Executor {
    return (this.#executor ??= createExecutor({ threads: this.#threads }));
  }

  async close(): Promise<void> {
    await this.#executor?.close();
  }
}

/** Operations in one precision: large products, which may take a while, on the SIMD executor; all else is in `ops`. */
export class Arithmetic {
  readonly precision: Precision;
  /** The plain definitions in this precision. */
  readonly ops: Operations;
  readonly #emulation: Emulation | null;
  readonly #executor: SearchExecutor;

  /** @param emulation a lower precision, emulated; float32 only */
  constructor(executor: SearchExecutor, precision: Precision, emulation: Emulation | null = null) {
    this.precision = precision;
    this.#executor = executor;
    this.#emulation = emulation;
    this.ops = this.#emulated(precision === 'float64' ? reference64 : reference);
  }

  /** The tensor's numbers in this precision's element type. */
  take(x: Tensor): Tensor {
    if (this.precision === 'float64') return x.data instanceof Float32Array ? toFloat64(x) : x;
    return x.data instanceof Float64Array
      ? (ndarray(Float32Array.from(reference.contiguous(x).data), [...x.shape]) as Tensor)
      : x;
  }

  /**
   * A recorded operation, computed.
   * @param inputs in the order of the operation's arguments
   */
  async compute<Name extends OperationName>(
    op: Name,
    inputs: readonly Tensor[],
    attributes: AttributesOf[Name],
  ): Promise<ResultsOf[Name]> {
    const work = WORK[op]?.(inputs, attributes) ?? 0;
    this.#executor.spent += work;
    if (work < LARGE) return applied(this.ops, op, inputs, attributes);
    return this.#executor.simd.run(inputs, (sources, ops) => applied(this.#emulated(ops), op, sources, attributes), {
      precision: this.precision,
    });
  }

  #emulated(ops: Operations): Operations {
    return this.#emulation === null ? ops : emulating(ops, this.#emulation);
  }
}
