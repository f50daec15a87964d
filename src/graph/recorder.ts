// The recording set of operations: layers call it as they call the plain one, and what they do is written down instead
// of done. Tensors are ndarrays over a Storage, a piece of memory that has no address yet, so that views (transpose,
// hi, lo, pick) work as on any ndarray.

import ndarray from 'ndarray';
import type { Summation } from '../ops/dot-products.ts';
import type { RoundFormat } from '../ops/round.ts';
import type {
  AttentionOptions,
  AvgPool2dOptions,
  BatchNormParameters,
  Conv2dOptions,
  Operations,
} from '../ops/operations.ts';
import { pairOf, windowCount } from '../ops/checks.ts';
import { isContiguous, sizeOf, type Tensor } from '../ops/tensor.ts';
import { NR } from '../ops/dot-products.simd.ts';

/** Data that is known when it is recorded. */
type Constant = Float32Array | Float64Array | Int32Array;

/** Where a storage's contents come from. */
export type Origin =
  | { kind: 'node'; node: Node }
  /** Given to the run: slot i of its inputs. */
  | { kind: 'input'; slot: number }
  /** Known when it was recorded. */
  | { kind: 'constant'; data: Constant; index: number }
  /** A parameter, which lies in memory since it was loaded. */
  | { kind: 'weight'; name: string; shape?: readonly number[] };

/**
 * A piece of memory of `length` elements, whose width depends on the mode and on the origin. Its elements cannot be
 * read: they are not computed yet.
 */
export class Storage {
  readonly length: number;
  readonly origin: Origin;

  constructor(length: number, origin: Origin) {
    this.length = length;
    this.origin = origin;
  }

  get(): number {
    throw new Error('a recorded tensor has no elements yet; layers may look at shapes only');
  }

  set(): void {
    throw new Error('a recorded tensor cannot be written');
  }
}

export type OperationName = keyof Operations;

export interface Node {
  readonly op: OperationName;
  /** Operands in the order of the operation's arguments. */
  readonly inputs: readonly Tensor[];
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly output: Tensor;
  readonly storage: Storage;
}

export const storageOf = (x: Tensor): Storage => {
  const data: unknown = x.data;
  if (data instanceof Storage) return data;
  throw new TypeError('expected a recorded tensor');
};

/** An ndarray over a storage. */
export function view(storage: Storage, shape: readonly number[], stride: readonly number[], offset = 0): Tensor {
  return ndarray(storage as never, [...shape], [...stride], offset) as unknown as Tensor;
}

/** Row-major strides where the innermost `inner` axes together lie in runs padded to whole panels of 8. */
export function paddedStrides(shape: readonly number[], inner: number): { stride: number[]; size: number } {
  const stride = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (inner > 0 && axis === shape.length - 1 - inner) step = Math.ceil(step / NR) * NR;
    stride[axis] = step;
    step *= shape[axis];
  }
  return { stride, size: inner > 0 && inner === shape.length ? Math.ceil(step / NR) * NR : step };
}

export class Recorder implements Operations {
  readonly nodes: Node[] = [];
  /** Data that was known when it was recorded, in the order in which it came up. */
  readonly constants: Constant[] = [];
  /** Parameters that were rounded or quantised, by how. */
  readonly #parameters = new Map<string, Tensor>();
  readonly taps: { name: string; tensor: Tensor; after: number }[] = [];
  readonly #precision: 'float32' | 'float64';

  /** @param precision 'float64' takes float64 tensors besides float32 ones */
  constructor(precision: 'float32' | 'float64' = 'float32') {
    this.#precision = precision;
  }

  /** Notes that a module's output is wanted. */
  readonly tap = (name: string, tensor: Tensor): void => {
    this.taps.push({ name, tensor: this.#recorded(tensor), after: this.nodes.length });
  };

  /** A tensor of parameters, or given at run time. */
  static source(origin: Origin, shape: readonly number[]): Tensor {
    const { stride } = paddedStrides(shape, 0);
    return view(new Storage(sizeOf(shape), origin), shape, stride);
  }

  conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | null,
    options: Conv2dOptions = {},
    summation: Summation | null = null,
  ): Tensor {
    const [N, , H, W] = x.shape;
    const [O, , KH, KW] = weight.shape;
    const stride = pairOf('conv2d', 'stride', options.stride ?? 1, 1);
    const padding = pairOf('conv2d', 'padding', options.padding ?? 0, 0);
    const OH = windowCount('conv2d', 'weight', 'KH', H, KH, stride[0], padding[0]);
    const OW = windowCount('conv2d', 'weight', 'KW', W, KW, stride[1], padding[1]);
    return this.#node(
      'conv2d',
      bias === null ? [x, weight] : [x, weight, bias],
      [N, O, OH, OW],
      { stride, padding, ...(summation !== null && { summation }) },
      2,
    );
  }

  batchNorm2d(x: Tensor, parameters: BatchNormParameters, eps = 1e-5): Tensor {
    const { weight, bias, runningMean, runningVar } = parameters;
    return this.#like('batchNorm2d', x, [weight, bias, runningMean, runningVar], { eps });
  }

  avgPool2d(x: Tensor, kernel: number | readonly [number, number], options: AvgPool2dOptions = {}): Tensor {
    const [N, C, H, W] = x.shape;
    const window = pairOf('avgPool2d', 'kernel', kernel, 1);
    const stride = pairOf('avgPool2d', 'stride', options.stride ?? kernel, 1);
    const padding = pairOf('avgPool2d', 'padding', options.padding ?? 0, 0);
    const OH = windowCount('avgPool2d', 'kernel', 'KH', H, window[0], stride[0], padding[0]);
    const OW = windowCount('avgPool2d', 'kernel', 'KW', W, window[1], stride[1], padding[1]);
    return this.#node(
      'avgPool2d',
      [x],
      [N, C, OH, OW],
      { kernel: window, stride, padding, countIncludePad: options.countIncludePad ?? false },
      2,
    );
  }

  relu(x: Tensor): Tensor {
    return this.#like('relu', x);
  }
  sigmoid(x: Tensor): Tensor {
    return this.#like('sigmoid', x);
  }
  quickGelu(x: Tensor): Tensor {
    return this.#like('quickGelu', x);
  }
  gelu(x: Tensor): Tensor {
    return this.#like('gelu', x);
  }
  scale(x: Tensor, factor: number): Tensor {
    return this.#like('scale', x, [], { factor });
  }
  softmax(x: Tensor): Tensor {
    return this.#node('softmax', [x], x.shape);
  }
  l2Normalize(x: Tensor): Tensor {
    return this.#node('l2Normalize', [x], x.shape);
  }
  layerNorm(x: Tensor, weight: Tensor, bias: Tensor, eps = 1e-5): Tensor {
    return this.#node('layerNorm', [x, weight, bias], x.shape, { eps });
  }
  mean(x: Tensor): Tensor {
    return this.#node('mean', [x], x.shape.slice(0, -1));
  }

  add(a: Tensor, b: Tensor): Tensor {
    return a.shape.length === b.shape.length ? this.#like('add', a, [b]) : this.#node('add', [a, b], a.shape);
  }

  matmul(a: Tensor, b: Tensor, summation: Summation | null = null): Tensor {
    return this.#node(
      'matmul',
      [a, b],
      [...a.shape.slice(0, -1), b.shape[b.shape.length - 1]],
      summation === null ? {} : { summation },
      1,
    );
  }

  linear(x: Tensor, weight: Tensor, bias: Tensor | null, summation: Summation | null = null): Tensor {
    return this.#node(
      'linear',
      bias === null ? [x, weight] : [x, weight, bias],
      [...x.shape.slice(0, -1), weight.shape[0]],
      summation === null ? {} : { summation },
      1,
    );
  }

  attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
    const { heads = 1, mask = null } = options;
    const inputs = mask === null ? [q, k, v] : [q, k, v, mask];
    // Tokens first, as the transformers have it, if the queries lie so: the next layer then finds rows in order.
    const tokensFirst = q.shape.length === 3 && q.stride[0] < q.stride[1];
    if (!tokensFirst) return this.#node('attention', inputs, q.shape, { heads });
    const [N, T, D] = q.shape;
    return this.#node('attention', inputs, [T, N, D], { heads, tokensFirst: true }).transpose(1, 0, 2);
  }

  concat(tensors: readonly Tensor[], axis: number): Tensor {
    const shape = [...tensors[0].shape];
    shape[axis] = tensors.reduce((sum, x) => sum + x.shape[axis], 0);
    return this.#node('concat', tensors, shape, { axis });
  }

  embedding(ids: ndarray.NdArray<Int32Array>, table: Tensor): Tensor {
    const rows = sizeOf(ids.shape);
    const data = new Int32Array(rows);
    for (let i = 0; i < rows; i++) data[i] = elementAt(ids, i);
    return this.#node('embedding', [this.#constant(data, [rows]), table], [...ids.shape, table.shape[1]]);
  }

  contiguous(x: Tensor): Tensor {
    const recorded = this.#recorded(x);
    return isContiguous(recorded) ? recorded : this.#node('contiguous', [recorded], recorded.shape);
  }

  round(x: Tensor, format: RoundFormat): Tensor {
    return this.#parameterOr('round', x, { format });
  }
  quantize(weight: Tensor, outputs: 'first' | 'last' = 'first'): Tensor {
    return this.#parameterOr('quantize', weight, { outputs });
  }

  /** A parameter is taken whole, though a view of it came, and once: packed ones can only be read as they lie. */
  #parameterOr(op: 'round' | 'quantize', x: Tensor, attributes: Record<string, unknown>): Tensor {
    const recorded = this.#recorded(x);
    const { origin } = storageOf(recorded);
    if (origin.kind !== 'weight' || origin.shape === undefined) return this.#like(op, recorded, [], attributes);
    const key = `${op} ${origin.name} ${Object.values(attributes).join()}`;
    const known =
      this.#parameters.get(key) ??
      this.#like(op, view(storageOf(recorded), origin.shape, paddedStrides(origin.shape, 0).stride), [], attributes);
    this.#parameters.set(key, known);
    return view(storageOf(known), recorded.shape, recorded.stride, recorded.offset);
  }

  /**
   * An operation whose output lies like its first operand, padding included, so that one run over the memory does it.
   */
  #like(
    op: OperationName,
    x: Tensor,
    others: readonly Tensor[] = [],
    attributes: Record<string, unknown> = {},
  ): Tensor {
    const recorded = this.#recorded(x);
    const storage = storageOf(recorded);
    const whole = isWhole(recorded, storage);
    const layout = whole ? { stride: recorded.stride, size: storage.length } : paddedStrides(recorded.shape, 0);
    return this.#push(op, [recorded, ...others], recorded.shape, attributes, layout);
  }

  #node(
    op: OperationName,
    inputs: readonly Tensor[],
    shape: readonly number[],
    attributes: Record<string, unknown> = {},
    inner = 0,
  ): Tensor {
    return this.#push(op, inputs, shape, attributes, paddedStrides(shape, inner));
  }

  #push(
    op: OperationName,
    inputs: readonly Tensor[],
    shape: readonly number[],
    attributes: Record<string, unknown>,
    layout: { stride: readonly number[]; size: number },
  ): Tensor {
    const node: Node = {
      op,
      inputs: inputs.map((x) => this.#recorded(x)),
      attributes,
      get output() {
        return output;
      },
      get storage() {
        return storage;
      },
    };
    const storage = new Storage(layout.size, { kind: 'node', node });
    const output = view(storage, shape, layout.stride);
    this.nodes.push(node);
    return output;
  }

  /** A tensor that holds numbers already (a mask, a test's operand) becomes a constant. */
  #recorded(x: Tensor): Tensor {
    const data: unknown = x.data;
    if (data instanceof Storage) return x;
    if (data instanceof Float64Array && this.#precision === 'float32')
      throw new TypeError('a float64 tensor among float32 ones: round it yourself, or compute with precision float64');
    if (!(data instanceof Float32Array || data instanceof Float64Array))
      throw new TypeError('expected a tensor over a Float32Array or Float64Array');
    const dense = data instanceof Float32Array ? new Float32Array(x.size) : new Float64Array(x.size);
    for (let i = 0; i < dense.length; i++) dense[i] = elementAt(x, i);
    return this.#constant(dense, x.shape);
  }

  #constant(data: Constant, shape: readonly number[]): Tensor {
    this.constants.push(data);
    return Recorder.source({ kind: 'constant', data, index: this.constants.length - 1 }, shape);
  }
}

/** Element i in row-major order. */
export const elementAt = (x: Tensor | ndarray.NdArray<Int32Array>, i: number): number => x.data[indexAt(x, i)];

/** Where element i in row-major order lies in the view's data. */
export function indexAt(x: Pick<Tensor, 'shape' | 'stride' | 'offset'>, i: number): number {
  let rest = i;
  let at = x.offset;
  for (let axis = x.shape.length - 1; axis >= 0; axis--) {
    at += (rest % x.shape[axis]) * x.stride[axis];
    rest = Math.floor(rest / x.shape[axis]);
  }
  return at;
}

/** Whether a view shows all of its storage, in order, padding apart. */
export function isWhole(x: Tensor, storage: Storage): boolean {
  const { origin } = storage;
  if (origin.kind !== 'node') return x.offset === 0 && x.size === storage.length && isContiguous(x);
  const { output } = origin.node;
  return x.offset === 0 && x.shape.join() === output.shape.join() && x.stride.join() === output.stride.join();
}
