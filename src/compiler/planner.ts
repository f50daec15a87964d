// From a recorded network to a plan: steps with addresses, in order, and what has to be copied in before and out after.

import type { Tensor } from '../ops/tensor.ts';
import { Arena } from './arena.ts';
import { emit } from './emit.ts';
import { emit64 } from './emit64.ts';
import { fuse, single } from './fuse.ts';
import { storageOf, type Recorder, type Storage } from '../graph/recorder.ts';
import type { Width } from '../wasm/mode.ts';
import type { Step } from './steps.ts';
import type { PlacedWeight } from './weights.ts';

/** A view in memory: element i along each axis lies i·stride elements from the address. */
export interface Placed {
  address: number;
  kind: 'f32' | 'f64';
  shape: readonly number[];
  stride: readonly number[];
}

/**
 * Data for an address; where it came with the recording, its place among the recording's constants, so that the next
 * recording's may stand in.
 */
export interface Constant {
  address: number;
  data: Float32Array | Float64Array | Int32Array;
  index: number | null;
}

export interface Plan {
  /** In segments: after each but the last one, the taps at that place are read. */
  segments: readonly (readonly Step[])[];
  /** Data that the plan needs in memory when it starts. */
  constants: readonly Constant[];
  /** Where the inputs go, by slot. */
  inputs: readonly (Pick<Placed, 'address' | 'kind'> | null)[];
  taps: readonly { name: string; placed: Placed; segment: number }[];
  outputs: readonly Placed[];
  /** The first address beyond the plan's memory. */
  end: number;
}

export interface Surroundings {
  /** What is computed in. Weights lie in float32 in both. */
  precision: 'float32' | 'float64';
  /** Rows of a tile. */
  MR: number;
  /** Threads that will compute, each with scratch memory of its own. */
  parts: number;
  /** Tables of the elementwise kernels. */
  tables: number;
  weights: ReadonlyMap<string, PlacedWeight>;
  /** Reads a parameter that lies row-major. */
  values: (name: string) => Float32Array;
  /** Where the plan's memory begins. */
  base: number;
}

/** What `emit` works with: steps go in, memory and addresses come out. */
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
  readonly #constantsFrom: number;
  #constantsTo: number;
  readonly #arena: Arena;
  readonly #addresses = new Map<Storage, number>();
  #temporaries: number[] = [];
  readonly inputs: (Pick<Placed, 'address' | 'kind'> | null)[] = [];

  constructor(around: Surroundings, constantBytes: number) {
    this.around = around;
    this.bytes = around.precision === 'float64' ? 8 : 4;
    this.#constantsFrom = this.#constantsTo = Math.ceil(around.base / 64) * 64;
    this.#arena = new Arena(this.#constantsFrom + constantBytes);
  }

  get constantBytes(): number {
    return this.#constantsTo - this.#constantsFrom;
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
  constant(data: Constant['data'], index: number | null = null): number {
    const address = this.#constantsTo;
    this.#constantsTo += Math.ceil((data.byteLength + SLACK) / 64) * 64;
    this.constants.push({ address, data, index });
    return address;
  }

  /** The address of a view's first element. */
  address(x: Tensor): number {
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

  /** Ends an item: its temporaries and the storages that nobody needs any more are free. */
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

/** Kernels may read, never write, a little past the end of an operand: a panel's width. */
const SLACK = 64;

const BYTES = { f32: 4, f64: 8, i32: 4 };

export function plan(recorder: Recorder, outputs: readonly Tensor[], around: Surroundings): Plan {
  // The constants' region is as large as they turn out to be: once to see, once to do.
  return attempt(
    recorder,
    outputs,
    new Context(around, attempt(recorder, outputs, new Context(around, 0)).constantBytes),
  );
}

function attempt(recorder: Recorder, outputs: readonly Tensor[], context: Context): Plan & { constantBytes: number } {
  const wanted = new Set([...outputs, ...recorder.taps.map((tap) => tap.tensor)].map(storageOf));
  const wide = context.bytes === 8;
  const items = wide ? single(recorder) : fuse(recorder, wanted);
  // Constants and inputs first: they must not lie where an earlier step still computes.
  for (const x of [...recorder.nodes.flatMap((node) => node.inputs), ...outputs]) {
    const { kind } = storageOf(x).origin;
    if (kind === 'input' || kind === 'constant') context.address(x);
  }
  // [1] how long each storage is needed: to its last use, a wanted one to the end of its segment or of the plan
  const segmentOf = (after: number): number => items.reduce((last, item, i) => (item.position < after ? i : last), -1);
  const lastUse = new Map<Storage, number>();
  items.forEach((item, i) => {
    for (const node of [item.node, ...item.followers]) for (const x of node.inputs) lastUse.set(storageOf(x), i);
    if (!lastUse.has(item.last.storage)) lastUse.set(item.last.storage, i);
  });
  for (const tap of recorder.taps)
    lastUse.set(storageOf(tap.tensor), Math.max(lastUse.get(storageOf(tap.tensor)) ?? 0, segmentOf(tap.after)));
  for (const output of outputs) lastUse.set(storageOf(output), Infinity);
  const ending = new Map<number, Storage[]>();
  for (const [storage, i] of lastUse) ending.set(i, [...(ending.get(i) ?? []), storage]);
  // [2] steps, item by item, cut where a tap reads
  const cuts = new Set(recorder.taps.map((tap) => segmentOf(tap.after)));
  const segments: Step[][] = [];
  const segmentAt = new Map<number, number>();
  items.forEach((item, i) => {
    (wide ? emit64 : emit)(item, context);
    context.finish(ending.get(i) ?? []);
    if (cuts.has(i) && i < items.length - 1) {
      segmentAt.set(i, segments.length);
      segments.push(context.steps);
      context.steps = [];
    }
  });
  segments.push(context.steps);
  const placed = (x: Tensor): Placed => ({
    address: context.address(x),
    kind: context.kind(storageOf(x)) as Placed['kind'],
    shape: x.shape,
    stride: x.stride,
  });
  return {
    segments,
    constants: context.constants,
    inputs: context.inputs,
    taps: recorder.taps.map((tap) => ({
      name: tap.name,
      placed: placed(tap.tensor),
      segment: segmentAt.get(segmentOf(tap.after)) ?? segments.length - 1,
    })),
    outputs: outputs.map(placed),
    end: context.end + 4096,
    constantBytes: context.constantBytes,
  };
}
