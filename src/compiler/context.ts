// The plan under construction: emitters append steps and get memory and addresses.

import type { Operand } from '../ops/operation.ts';
import type { Width } from '../wasm/mode.ts';
import { storageOf, type Constant as ConstantData, type Storage } from '../graph/node.ts';
import { Arena } from './arena.ts';
import type { Step } from './steps.ts';
import type { PlacedWeight } from './weights.ts';

/** A view in memory: element i along an axis is i·stride elements from the address. */
export interface Placed {
  address: number;
  kind: 'f32' | 'f64';
  shape: readonly number[];
  stride: readonly number[];
}

/**
 * Data for an address. If it came with the recording, its place among the recording's constants, so that the next
 * recording's can replace it.
 */
export interface Constant {
  address: number;
  data: ConstantData;
  index: number | null;
}

export interface Surroundings {
  /** Precision of what is computed. Weights are float32 in both. */
  precision: 'float32' | 'float64';
  /** Rows of a tile. */
  MR: number;
  /** Threads that will compute, each with scratch memory of its own. */
  parts: number;
  /** Tables of the elementwise kernels. */
  tables: number;
  weights: ReadonlyMap<string, PlacedWeight>;
  /** Reads an unpacked parameter. */
  values: (name: string) => Float32Array;
  /** First address of the plan's memory. */
  base: number;
}

/** Kernels may read, never write, a little past the end of an operand: a panel's width. */
const SLACK = 64;

const BYTES = { f32: 4, f64: 8, i32: 4 };

/** Bytes that a constant takes in its region. */
export const constantRoom = (byteLength: number): number => Math.ceil((byteLength + SLACK) / 64) * 64;

/** The plan being made: emitters append steps, and get memory and addresses. */
export class Context {
  readonly around: Surroundings;
  /** Bytes of an element of what is computed. */
  readonly bytes: Width;
  readonly constants: Constant[] = [];
  steps: Step[] = [];
  /**
   * Constants have a region of their own before the arena: they are in memory before the first step, and no step may
   * write there.
   */
  #constantsTo: number;
  readonly #arenaFrom: number;
  readonly #arena: Arena;
  readonly #addresses = new Map<Storage, number>();
  #temporaries: number[] = [];
  readonly inputs: (Pick<Placed, 'address' | 'kind'> | null)[] = [];

  /** @param constantBytes of all constants, each in its `constantRoom` */
  constructor(around: Surroundings, constantBytes: number) {
    this.around = around;
    this.bytes = around.precision === 'float64' ? 8 : 4;
    this.#constantsTo = Math.ceil(around.base / 64) * 64;
    this.#arenaFrom = this.#constantsTo + constantBytes;
    this.#arena = new Arena(this.#arenaFrom);
  }

  get end(): number {
    return this.#arena.end;
  }

  /** Memory until the current item is emitted. */
  temporary(bytes: number): number {
    const address = this.#arena.allocate(bytes);
    this.#temporaries.push(address);
    return address;
  }

  /** Data that must be in memory when the plan starts, and stay. */
  constant(data: ConstantData, index: number | null = null): number {
    const address = this.#constantsTo;
    this.#constantsTo += constantRoom(data.byteLength);
    if (this.#constantsTo > this.#arenaFrom) throw new Error('the plan has more constants than were counted');
    this.constants.push({ address, data, index });
    return address;
  }

  /** The address of a view's first element. */
  address(x: Operand): number {
    const storage = storageOf(x);
    return this.#storage(storage) + BYTES[this.kind(storage)] * x.offset;
  }

  /** The elements of a storage: parameters are float32, what is given or computed is as wide as the mode. */
  kind({ origin }: Storage): 'f32' | 'f64' | 'i32' {
    if (origin.kind === 'weight') return 'f32';
    if (origin.kind === 'constant')
      return origin.data instanceof Int32Array ? 'i32' : origin.data instanceof Float32Array ? 'f32' : 'f64';
    return this.bytes === 8 ? 'f64' : 'f32';
  }

  /**
   * Memory for a storage that the current item computes. @param elements more than the storage has, for packed
   * parameters with their padding
   */
  place(storage: Storage, elements = storage.length): number {
    const address = this.#arena.allocate(BYTES[this.kind(storage)] * elements + SLACK);
    this.#addresses.set(storage, address);
    return address;
  }

  /** Ends an item: frees its temporaries and the storages that no later item reads. */
  finish(done: Iterable<Storage>): void {
    for (const address of this.#temporaries) this.#arena.release(address);
    this.#temporaries = [];
    for (const storage of done) {
      const address = this.#addresses.get(storage);
      if (address !== undefined && storage.origin.kind === 'node') this.#arena.release(address);
    }
  }

  #storage(storage: Storage): number {
    const known = this.#addresses.get(storage);
    if (known !== undefined) return known;
    const { origin } = storage;
    let address: number;
    if (origin.kind === 'weight') {
      const weight = this.around.weights.get(origin.name);
      if (weight === undefined) throw new Error(`no parameter named ${origin.name} was loaded`);
      if (weight.layout !== 'plain')
        throw new Error(`${origin.name} is packed for products and cannot be read as it is`);
      address = weight.address;
    } else if (origin.kind === 'constant') {
      address = this.constant(origin.data, origin.index);
    } else if (origin.kind === 'input') {
      address = this.#arena.allocate(BYTES[this.kind(storage)] * storage.length + SLACK);
      this.inputs[origin.slot] = { address, kind: this.kind(storage) as Placed['kind'] };
    } else {
      throw new Error(`${origin.node.op} is used before it is computed`);
    }
    this.#addresses.set(storage, address);
    return address;
  }
}
