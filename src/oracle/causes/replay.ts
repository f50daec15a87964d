// Computes a piece of the network once more, with a fault in it or without.

import ndarray from 'ndarray';
import { indexAt, isWhole, storageOf, type Node, type Storage } from '../../graph/node.ts';
import { outputsOf, type Operand } from '../../ops/operation.ts';
import type { SingleOutput } from '../../ops/operations.ts';
import { isContiguous, type FloatArray, type Tensor } from '../../ops/tensor.ts';
import type { Arithmetic } from './arithmetic.ts';
import type { Change, Fault, FaultedNode } from './fault.ts';
import type { Network, Piece } from './network.ts';

export interface Sources {
  /** A parameter in float32; null if there is none of that name. */
  parameter(name: string): Promise<Tensor | null>;
  /** What the backend has for a module (or `image`), in PyTorch's layout; null where the dump has nothing. */
  backend(name: string): Tensor | null;
}

/** What operations gave without a fault, so that only what a fault reaches is computed again. */
export class Kept {
  readonly #outputs = new Map<Node, readonly FloatArray[]>();
  #room: number;

  /** @param bytes that may be kept */
  constructor(bytes: number) {
    this.#room = bytes;
  }

  get(node: Node): readonly FloatArray[] | undefined {
    return this.#outputs.get(node);
  }

  /** @param outputs contents of the storage of each */
  add(node: Node, outputs: readonly FloatArray[]): void {
    for (const { byteLength } of outputs) this.#room -= byteLength;
    if (this.#room >= 0) this.#outputs.set(node, outputs);
  }
}

export interface Options {
  arithmetic: Arithmetic;
  /** null computes the piece as it should be. */
  fault: Fault | null;
  /** The fault's steps change operations of this place (`changed`) and no others. Default: all. */
  only?: string | null;
  /** Filled without a fault, used with one. */
  kept?: Kept;
}

export interface Replayed {
  readonly output: Tensor;
  /** The places that the fault changed: a parameter's name where the operation has one, else a number. */
  readonly changed: readonly string[];
}

/**
 * @returns null if the fault has nothing to change here, does not reach the output, or does not fit: what is computed
 *   next would get other shapes
 */
export async function replay(
  network: Network,
  piece: Piece,
  sources: Sources,
  options: Options,
): Promise<Replayed | null> {
  if (options.fault !== null && !mayApply(options.fault, piece)) return null;
  try {
    return await new Replay(network, piece, sources, options).run();
  } catch (error) {
    // What an operation refuses, no backend computes.
    if (options.fault !== null && error instanceof RangeError) return null;
    throw error;
  }
}

/** No fault changes an operation with several outputs: it has no entry in `steps`. */
const changeFor = ({ op }: Node, steps: Fault['steps'] = {}): Change | null =>
  // Called with this node only, whose operation is the change's.
  (steps[op as SingleOutput] as Change | undefined) ?? null;

function mayApply({ image, steps, output, emulation }: Fault, piece: Piece): boolean {
  if (output !== undefined || (emulation !== undefined && piece.nodes.length > 0)) return true;
  if (image !== undefined && [...piece.known.values()].includes('image')) return true;
  return steps !== undefined && piece.nodes.some((node) => changeFor(node, steps) !== null);
}

class Replay {
  readonly #network: Network;
  readonly #piece: Piece;
  readonly #sources: Sources;
  readonly #options: Options;
  /** Contents of storages, laid out as they were recorded. */
  readonly #contents = new Map<Storage, FloatArray>();
  /** Outputs that a fault gave another shape. */
  readonly #reshaped = new Map<Storage, Tensor>();
  /** What the fault has reached. */
  readonly #reached = new Set<Storage>();
  readonly #changed = new Set<string>();
  #operations = 0;

  constructor(network: Network, piece: Piece, sources: Sources, options: Options) {
    this.#network = network;
    this.#piece = piece;
    this.#sources = sources;
    this.#options = options;
  }

  async run(): Promise<Replayed | null> {
    const { nodes, known, target, output } = this.#piece;
    const { fault, kept } = this.#options;
    for (const [storage, name] of known) this.#fill(storage, name);
    for (const node of nodes) {
      const before = fault !== null && fault.emulation === undefined ? kept?.get(node) : undefined;
      const untouched = before !== undefined && !node.operands.some((view) => this.#reached.has(storageOf(view)));
      const change = changeFor(node, fault?.steps);
      if (untouched && change === null) {
        this.#restore(node, before);
        continue;
      }
      if (!(await this.#compute(node, change, untouched ? before : undefined))) return null;
      if (fault === null)
        kept?.add(
          node,
          node.outputs.map((y) => this.#contents.get(storageOf(y))!),
        );
    }
    let result = this.#tensor(output);
    if (result === null) return null;
    let reached = fault?.emulation !== undefined || this.#reached.has(storageOf(output));
    if (fault?.output !== undefined) {
      const changed = fault.output(result, target);
      if (changed !== null) [result, reached] = [changed, true];
    }
    return fault !== null && !reached ? null : { output: result, changed: [...this.#changed] };
  }

  #fill(storage: Storage, name: string): void {
    const { fault, arithmetic } = this.#options;
    let values = this.#sources.backend(name);
    if (values === null) throw new RangeError(`causes: expected the backend's "${name}", got none`);
    if (name === 'image' && fault?.image !== undefined) {
      values = fault.image(values);
      this.#reached.add(storage);
    }
    this.#put(storage, name === 'image' ? null : this.#network.modules.get(name)!, arithmetic.take(values));
  }

  /** Lays numbers out as the view `like` of the storage was recorded; null: row-major. */
  #put(storage: Storage, like: Tensor | null, values: Tensor): void {
    if (like === null || (isContiguous(like) && values.size === storage.length)) {
      this.#contents.set(storage, flat(values));
      return;
    }
    const data =
      values.data instanceof Float32Array ? new Float32Array(storage.length) : new Float64Array(storage.length);
    for (let i = 0; i < values.size; i++) data[indexAt(like, i)] = values.data[indexAt(values, i)];
    this.#contents.set(storage, data);
  }

  /** A recorded view with numbers in it; null where a fault has given its storage another shape, or none. */
  #tensor(view: Operand): Tensor | null {
    const storage = storageOf(view);
    const reshaped = this.#reshaped.get(storage);
    if (reshaped !== undefined) {
      const { origin } = storage;
      const whole = origin.kind === 'node' && isWhole(view as Tensor);
      return whole ? reshaped : null;
    }
    const data = this.#contents.get(storage);
    return data === undefined ? null : (ndarray(data, view.shape, view.stride, view.offset) as Tensor);
  }

  /**
   * @param before what it gives if nothing is changed, where that is known
   * @returns false if a fault does not fit
   */
  async #compute(node: Node, change: Change | null, before: readonly FloatArray[] | undefined): Promise<boolean> {
    const { arithmetic, only = null } = this.#options;
    const names: (string | null)[] = [];
    const inputs: Tensor[] = [];
    for (const view of node.operands) {
      const { origin } = storageOf(view);
      if (origin.kind === 'weight') {
        const parameter = await this.#sources.parameter(origin.name);
        if (parameter === null) throw new RangeError(`causes: expected a parameter named ${origin.name}, got none`);
        inputs.push(ndarray(parameter.data, view.shape, view.stride, view.offset) as Tensor);
        names.push(origin.name);
      } else {
        if (origin.kind === 'constant') this.#contents.set(storageOf(view), origin.data as FloatArray);
        const input = this.#tensor(view);
        if (input === null) return false;
        inputs.push(input);
        names.push(null);
      }
    }
    const run = (changes: Parameters<FaultedNode['run']>[0] = {}) =>
      arithmetic.compute(node.op, changes.inputs ?? inputs, { ...node.attributes, ...changes.attributes });
    const step: FaultedNode = {
      op: node.op as SingleOutput,
      inputs,
      names,
      attributes: node.attributes,
      shape: node.output.shape,
      arithmetic,
      run: run as FaultedNode['run'],
      heads: this.#network.heads,
      parameter: (name) => this.#sources.parameter(name),
      module: (name) => Promise.resolve(this.#module(name)),
    };
    const place = names.find((name) => name !== null) ?? String(this.#operations++);
    const changed = change !== null && (only === null || only === place) ? await change(step) : null;
    if (changed !== null) this.#changed.add(place);
    if (changed !== null || node.operands.some((view) => this.#reached.has(storageOf(view))))
      for (const y of node.outputs) this.#reached.add(storageOf(y));
    if (changed === null && before !== undefined) {
      this.#restore(node, before);
      return true;
    }
    const outputs = outputsOf(changed ?? (await run()));
    node.outputs.forEach((recorded, i) => {
      const storage = storageOf(recorded);
      if (outputs[i].shape.join() === recorded.shape.join()) this.#put(storage, recorded, outputs[i]);
      else this.#reshaped.set(storage, outputs[i]);
    });
    return true;
  }

  #restore(node: Node, before: readonly FloatArray[]): void {
    node.outputs.forEach((y, i) => this.#contents.set(storageOf(y), before[i]));
  }

  #module(name: string): Tensor | null {
    const view = this.#network.modules.get(name);
    if (view === undefined) return null;
    if (this.#contents.has(storageOf(view)) || this.#reshaped.has(storageOf(view))) return this.#tensor(view);
    const values = this.#sources.backend(name);
    return values === null ? null : this.#options.arithmetic.take(values);
  }
}

function flat(x: Tensor): FloatArray {
  if (isContiguous(x)) return x.data.subarray(x.offset, x.offset + x.size) as FloatArray;
  const data = x.data instanceof Float32Array ? new Float32Array(x.size) : new Float64Array(x.size);
  for (let i = 0; i < data.length; i++) data[i] = x.data[indexAt(x, i)];
  return data;
}
