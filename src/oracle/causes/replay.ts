// Computes a piece of the network once more, with a fault in it or without.

import ndarray from 'ndarray';
import type { BatchNormParameters } from '../../ops/operations.ts';
import { indexAt, storageOf, type Node, type Storage } from '../../ops/simd/graph.ts';
import { isContiguous, type FloatArray, type Tensor } from '../../ops/tensor.ts';
import type { Arithmetic } from './arithmetic.ts';
import type { Fault, Step } from './fault.ts';
import type { Network, Piece } from './network.ts';

export interface Sources {
  /** A parameter in float32; null if there is none of that name. */
  parameter(name: string): Promise<Tensor | null>;
  /** What the backend has for a module (or `image`), in PyTorch's layout; null where the dump has nothing. */
  backend(name: string): Tensor | null;
}

export interface Replayed {
  readonly output: Tensor;
  /** How many operations (and image or output) the fault changed. */
  readonly changes: number;
}

/** A fault does not fit into a piece: shapes that come next would be others. */
class Misfit extends Error {}

/**
 * @param fault null computes the piece as it should be
 * @param only applies the fault's steps to the n-th operation that it would change, and to no other
 * @returns null if the fault has nothing to change here, or does not fit
 */
export async function replay(network: Network, piece: Piece, sources: Sources, arithmetic: Arithmetic, fault: Fault | null, only: number | null = null): Promise<Replayed | null> {
  try {
    return await new Replay(network, piece, sources, arithmetic, fault, only).run();
  } catch (error) {
    if (error instanceof Misfit || (fault !== null && error instanceof RangeError)) return null; // what an operation refuses, no backend computes
    throw error;
  }
}

class Replay {
  readonly #network: Network;
  readonly #piece: Piece;
  readonly #sources: Sources;
  readonly #arithmetic: Arithmetic;
  readonly #fault: Fault | null;
  readonly #only: number | null;
  /** Contents of storages, laid out as they were recorded. */
  readonly #contents = new Map<Storage, FloatArray>();
  /** Outputs that a fault gave another shape. */
  readonly #reshaped = new Map<Storage, Tensor>();
  #changes = 0;
  #candidates = 0;

  constructor(network: Network, piece: Piece, sources: Sources, arithmetic: Arithmetic, fault: Fault | null, only: number | null) {
    this.#network = network;
    this.#piece = piece;
    this.#sources = sources;
    this.#arithmetic = arithmetic;
    this.#fault = fault;
    this.#only = only;
  }

  async run(): Promise<Replayed | null> {
    const piece = this.#piece;
    const fault = this.#fault;
    for (const [storage, name] of piece.known) this.#fill(storage, name);
    for (const node of piece.nodes) this.#keep(node, await this.#compute(node));
    let output = this.#tensor(piece.output);
    if (fault?.emulation !== undefined && piece.nodes.length > 0) this.#changes++;
    if (fault?.output !== undefined) {
      const changed = fault.output(output, piece.target);
      if (changed !== null) {
        output = changed;
        this.#changes++;
      }
    }
    return fault !== null && this.#changes === 0 ? null : { output, changes: this.#changes };
  }

  #fill(storage: Storage, name: string): void {
    let values = this.#sources.backend(name);
    if (values === null) throw new RangeError(`causes: expected the backend's "${name}", got none`);
    if (name === 'image' && this.#fault?.image !== undefined) {
      values = this.#fault.image(values);
      this.#changes++;
    }
    const tensor = name === 'image' ? null : this.#network.modules.get(name)!;
    this.#put(storage, tensor, this.#arithmetic.take(values));
  }

  /** Lays numbers out as the view `like` of the storage was recorded; null: row-major. */
  #put(storage: Storage, like: Tensor | null, values: Tensor): void {
    if (like === null || (isContiguous(like) && values.size === storage.length)) {
      this.#contents.set(storage, flat(values));
      return;
    }
    const data = values.data instanceof Float32Array ? new Float32Array(storage.length) : new Float64Array(storage.length);
    for (let i = 0; i < values.size; i++) data[indexAt(like, i)] = values.data[indexAt(values, i)];
    this.#contents.set(storage, data);
  }

  #keep(node: Node, output: Tensor): void {
    if (output.shape.join() === node.output.shape.join()) this.#put(node.storage, node.output, output);
    else this.#reshaped.set(node.storage, output);
  }

  /** A recorded view with numbers in it. */
  #tensor(view: Tensor): Tensor {
    const storage = storageOf(view);
    const reshaped = this.#reshaped.get(storage);
    if (reshaped !== undefined) {
      const { origin } = storage;
      const whole = origin.kind === 'node' && origin.node.output.shape.join() === view.shape.join() && origin.node.output.stride.join() === view.stride.join();
      if (!whole) throw new Misfit();
      return reshaped;
    }
    const data = this.#contents.get(storage);
    if (data === undefined) throw new Misfit();
    return ndarray(data, view.shape, view.stride, view.offset) as Tensor;
  }

  async #compute(node: Node): Promise<Tensor> {
    const names: (string | null)[] = [];
    const inputs: Tensor[] = [];
    for (const view of node.inputs) {
      const { origin } = storageOf(view);
      if (origin.kind === 'weight') {
        const parameter = await this.#sources.parameter(origin.name);
        if (parameter === null) throw new RangeError(`causes: expected a parameter named ${origin.name}, got none`);
        inputs.push(ndarray(parameter.data, view.shape, view.stride, view.offset) as Tensor);
        names.push(origin.name);
      } else {
        if (origin.kind === 'constant') this.#contents.set(storageOf(view), origin.data as FloatArray);
        inputs.push(this.#tensor(view));
        names.push(null);
      }
    }
    const step: Step = {
      op: node.op, inputs, names, attributes: node.attributes, arithmetic: this.#arithmetic,
      run: (changes = {}) => apply(node.op, changes.inputs ?? inputs, { ...node.attributes, ...changes.attributes }, this.#arithmetic),
      parameter: (name) => this.#sources.parameter(name),
      module: (name) => Promise.resolve(this.#module(name)),
    };
    const change = this.#fault?.steps?.[node.op];
    if (change !== undefined && (this.#only === null || this.#candidates <= this.#only)) {
      const changed = await change(step);
      if (changed !== null && (this.#only === null || this.#candidates++ === this.#only)) {
        this.#changes++;
        return recordedOrder(node, changed);
      }
    }
    return recordedOrder(node, await step.run());
  }

  #module(name: string): Tensor | null {
    const view = this.#network.modules.get(name);
    if (view === undefined) return null;
    if (this.#contents.has(storageOf(view)) || this.#reshaped.has(storageOf(view))) return this.#tensor(view);
    const values = this.#sources.backend(name);
    return values === null ? null : this.#arithmetic.take(values);
  }
}

/** Attention may have been recorded with tokens first; it is computed with images first. */
function recordedOrder(node: Node, y: Tensor): Tensor {
  return node.attributes.tokensFirst === true ? y.transpose(1, 0, 2) as Tensor : y;
}

function flat(x: Tensor): FloatArray {
  if (isContiguous(x)) return x.data.subarray(x.offset, x.offset + x.size) as FloatArray;
  const data = x.data instanceof Float32Array ? new Float32Array(x.size) : new Float64Array(x.size);
  for (let i = 0; i < data.length; i++) data[i] = x.data[indexAt(x, i)];
  return data;
}

/** A recorded operation, computed. */
async function apply(op: Node['op'], inputs: readonly Tensor[], attributes: Readonly<Record<string, unknown>>, arithmetic: Arithmetic): Promise<Tensor> {
  const { ops } = arithmetic;
  const [x, a, b = null] = inputs;
  const { stride, padding, kernel, countIncludePad } = attributes as { stride: [number, number]; padding: [number, number]; kernel: [number, number]; countIncludePad: boolean };
  switch (op) {
    case 'conv2d': return arithmetic.conv2d(x, a, { stride, padding });
    case 'linear': return arithmetic.linear(x, a, b);
    case 'matmul': return arithmetic.matmul(x, a);
    case 'attention': return arithmetic.attention(x, a, b!, { heads: attributes.heads as number, mask: inputs[3] ?? null });
    case 'batchNorm2d': {
      const parameters: BatchNormParameters = { weight: inputs[1], bias: inputs[2], runningMean: inputs[3], runningVar: inputs[4] };
      return ops.batchNorm2d(x, parameters, attributes.eps as number);
    }
    case 'layerNorm': return ops.layerNorm(x, a, b!, attributes.eps as number);
    case 'avgPool2d': return ops.avgPool2d(x, kernel, { stride, padding, countIncludePad });
    case 'add': return ops.add(x, a);
    case 'concat': return ops.concat(inputs, attributes.axis as number);
    case 'scale': return ops.scale(x, attributes.factor as number);
    case 'relu': case 'sigmoid': case 'quickGelu': case 'gelu': case 'softmax': case 'l2Normalize': case 'mean': case 'contiguous': return ops[op](x);
    default: throw new RangeError(`causes: the image towers have no operation ${op}`);
  }
}
