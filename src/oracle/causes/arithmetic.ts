// The arithmetic in which pieces of the network are computed again: plain loops, in float32 or float64; large products
// go to the SIMD executor, which gives the same bits.

import ndarray from 'ndarray';
import { createExecutor } from '../../executors/create.ts';
import type { Executor, Precision } from '../../executors/executor.ts';
import { emulating, type Emulation } from '../../graph/emulate.ts';
import type { AttentionOptions } from '../../ops/attention.ts';
import type { Conv2dOptions } from '../../ops/conv2d.ts';
import type { Operations } from '../../ops/operations.ts';
import { reference } from '../../ops/reference.ts';
import { toFloat64 } from '../../ops/contiguous.ts';
import { reference64 } from '../../ops/reference64.ts';
import type { Tensor } from '../../ops/tensor.ts';

/** Multiply-adds above which starting the executor pays. */
const LARGE = 1 << 22;

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

/** Products, which may take a while; all else is in `ops`. */
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

  linear(x: Tensor, weight: Tensor, bias: Tensor | null): Promise<Tensor> {
    return this.#run(
      x.size * weight.shape[0],
      bias === null ? [x, weight] : [x, weight, bias],
      (ops, [a, b, c = null]) => ops.linear(a, b, c),
    );
  }

  matmul(a: Tensor, b: Tensor): Promise<Tensor> {
    return this.#run(a.size * b.shape[b.shape.length - 1], [a, b], (ops, [x, y]) => ops.matmul(x, y));
  }

  conv2d(x: Tensor, weight: Tensor, options: Conv2dOptions): Promise<Tensor> {
    const [down, right] =
      typeof options.stride === 'object' ? options.stride : [options.stride ?? 1, options.stride ?? 1];
    const windows = x.shape[0] * Math.ceil(x.shape[2] / down) * Math.ceil(x.shape[3] / right);
    return this.#run(windows * weight.size, [x, weight], (ops, [a, b]) => ops.conv2d(a, b, null, options));
  }

  attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Promise<Tensor> {
    return this.#run(2 * q.size * k.shape[k.shape.length - 2], [q, k, v], (ops, [a, b, c]) =>
      ops.attention(a, b, c, options),
    );
  }

  async #run(
    work: number,
    inputs: readonly Tensor[],
    compute: (ops: Operations, inputs: readonly Tensor[]) => Tensor,
  ): Promise<Tensor> {
    this.#executor.spent += work;
    if (work < LARGE) return compute(this.ops, inputs);
    return this.#executor.simd.run(inputs, (sources, ops) => compute(this.#emulated(ops), sources), {
      precision: this.precision,
    });
  }

  #emulated(ops: Operations): Operations {
    return this.#emulation === null ? ops : emulating(ops, this.#emulation);
  }
}
