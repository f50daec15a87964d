// The SIMD path: networks are recorded, planned and computed by WASM kernels over one memory, by all threads of a gang,
// or here if there is one.

import { onAbort } from '../../workers/on-abort.ts';
import { type Share, retain } from '../../workers/pool.ts';
import type { Tap } from '../layers/module.ts';
import { emulating, emulationKey } from '../graph/emulate.ts';
import type { Operations } from '../ops/operations.ts';
import { TILE } from '../ops/tiles.simd.ts';
import { Recorder } from '../graph/recorder.ts';
import { compile, instantiate, MAXIMUM_PAGES, type Machine } from '../wasm/machine.ts';
import { plan, type Plan } from '../compiler/planner.ts';
import { encodeProgram } from '../compiler/program-text.ts';
import { checkKernels, kernels, runStep, type Step } from '../compiler/steps.ts';
import { TABLES_BYTES, writeTables } from '../ops/tables.simd.ts';
import { layoutOf, packStep, weightElements, type PlacedWeight } from '../compiler/weights.ts';
import { sizeOf, type Tensor } from '../ops/tensor.ts';
import type { Checkpoint } from '../clip/weights/checkpoint.ts';
import { emulationIn, type Executor, type Precision, type Residency, type RunOptions } from './executor.ts';
import { checkedTap } from './checked-tap.ts';
import { download, replace, upload } from './tensor-memory.ts';

const TABLES = 1024; // below: nothing, so that address 0 means "none"
const PAGE = 65536;
/** Bytes of parameters that are read before they are packed, while the ones before are being packed. */
const STAGING = 16 << 20;
/** Milliseconds of computing on the main thread before others get their turn. */
const TURN = 30;

interface Compiled extends Plan {
  id: number;
  text: Uint8Array[];
}

let shared: { module: WebAssembly.Module; shared: boolean } | null = null;

/** The kernels, compiled once per process. Shared memory where there is any. */
function compiled(): { module: WebAssembly.Module; shared: boolean } {
  const withSharing = typeof SharedArrayBuffer !== 'undefined';
  return (shared ??= { module: compile(kernels(TILE), withSharing), shared: withSharing });
}

/** Why not, or null; undefined as long as nobody has asked. */
let refused: string | null | undefined;

/**
 * What this engine lacks of what the kernels need, or which of the rules it breaks (src/compiler/canary.ts); null where
 * all is well.
 */
export function simdRefusal(): string | null {
  if (refused === undefined) {
    try {
      const { module, shared: sharing } = compiled();
      checkKernels(module, sharing);
      refused = null;
    } catch (error) {
      refused = error instanceof Error ? error.message : String(error);
    }
  }
  return refused;
}

/** Whether this engine has what the kernels need, and keeps the rules. */
export function simdWorks(): boolean {
  return simdRefusal() === null;
}

export class SimdExecutor implements Executor {
  readonly name = 'simd';
  readonly precision: Precision;
  readonly threads: number;
  readonly ops: Operations;
  readonly #residency: Residency;
  readonly #machine: Machine;
  readonly #share: Share | null;
  readonly #weights = new Map<string, PlacedWeight>();
  readonly #plans = new Map<string, Compiled>();
  /** Weights end here, and what plans need begins. */
  #top: number;
  #programs = 0;
  /** Memory belongs to one run or reading at a time. */
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(threads: number, residency: Residency = 'single', precision: Precision = 'float32') {
    this.precision = precision;
    this.ops = new Recorder(precision);
    this.#residency = residency;
    const { module, shared: sharing } = compiled();
    this.threads = sharing ? threads : 1;
    const memory = newMemory(sharing);
    this.#machine = instantiate(module, memory);
    writeTables(this.#machine, TABLES);
    this.#top = TABLES + TABLES_BYTES;
    this.#share = this.threads > 1 ? retain(this.threads, { module, memory }) : null;
  }

  async readWeights(checkpoint: Checkpoint, names: Iterable<string>): Promise<Map<string, Tensor>> {
    return this.#exclusive(() => this.#read(checkpoint, [...names]));
  }

  rewriteWeights(checkpoint: Checkpoint, weights: ReadonlyMap<string, Tensor>): Promise<void> {
    // Plans stay: they know addresses, and these do not change. What lies beyond the weights is written anew by every
    // run.
    return this.#exclusive(() =>
      this.#fill(
        checkpoint,
        new Map([...weights.keys()].map((name) => [name, this.#weights.get(name)!])),
        roundUp(this.#top),
      ),
    );
  }

  run(
    inputs: readonly Tensor[],
    compute: (inputs: readonly Tensor[], ops: Operations, tap: Tap | null) => Tensor,
    options: RunOptions = {},
  ): Promise<Tensor> {
    const precision = options.precision ?? this.precision;
    let started = false;
    const result = this.#exclusive(async () => {
      options.signal?.throwIfAborted();
      started = true;
      const recorder = new Recorder(precision);
      const emulation = emulationIn(precision, options);
      const sources = inputs.map((x, slot) => Recorder.source({ kind: 'input', slot }, x.shape));
      const output = compute(
        sources,
        emulation === null ? recorder : emulating(recorder, emulation),
        options.tap ? recorder.tap : null,
      );
      const program = this.#plan(
        recorder,
        output,
        precision,
        options.key === undefined || options.tap
          ? null
          : `${options.key} ${precision} ${emulation === null ? '' : emulationKey(emulation)} ` +
              `${inputs.map((x) => x.shape.join()).join(' ')}`,
      );
      return this.#execute(program, recorder, inputs, precision, options);
    });
    const { signal } = options;
    if (signal === undefined) return result;
    // A call that still waits for its turn is cancelled at once.
    return new Promise((resolve, reject) => {
      const forget = onAbort(signal, () => {
        if (!started) reject(signal.reason as Error);
      });
      result.then(resolve, reject).finally(forget);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last.catch(() => undefined);
    await this.#share?.release();
    this.#plans.clear();
    this.#weights.clear();
  }

  /** One after the other, in the order of the calls. */
  #exclusive<T>(task: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new Error('the model is closed; load it again'));
    const result = this.#last.then(task, task);
    this.#last = result.catch(() => undefined);
    return result;
  }

  #plan(recorder: Recorder, output: Tensor, precision: Precision, key: string | null): Compiled {
    const known = key === null ? undefined : this.#plans.get(key);
    if (known !== undefined) return known;
    const made = plan(recorder, output, {
      precision,
      MR: TILE.MR,
      parts: this.threads,
      tables: TABLES,
      weights: this.#weights,
      base: this.#top,
      values: (name) => {
        const { address, shape } = this.#weights.get(name)!;
        return this.#machine.f32.slice(address / 4, address / 4 + sizeOf(shape));
      },
    });
    const id = this.#programs;
    this.#programs += made.segments.length;
    const program = { ...made, id, text: this.threads === 1 ? [] : made.segments.map(encodeProgram) };
    if (key !== null) this.#plans.set(key, program);
    return program;
  }

  async #execute(
    program: Compiled,
    recorder: Recorder,
    inputs: readonly Tensor[],
    precision: Precision,
    options: RunOptions,
  ): Promise<Tensor> {
    const textAt = roundUp(program.end);
    this.#reserve(textAt + program.text.reduce((sum, text) => sum + text.length, 0));
    const {
      f32,
      f64,
      memory: { buffer },
    } = this.#machine;
    const memory = { f32, f64 };
    for (const { address, data, index } of program.constants) {
      const current = index === null ? data : recorder.constants[index];
      new Uint8Array(buffer, address, current.byteLength).set(
        new Uint8Array(current.buffer, current.byteOffset, current.byteLength),
      );
    }
    program.inputs.forEach((place, slot) => {
      if (place !== null) upload(inputs[slot], memory, place);
    });
    const taken = options.tap ? checkedTap(options.tap) : null;
    let at = textAt;
    for (const [i, steps] of program.segments.entries()) {
      if (this.#share === null) {
        await this.#computeHere(steps, options.signal);
      } else {
        const text = program.text[i];
        new Uint8Array(buffer, at, text.length).set(text);
        await this.#share.run({ id: program.id + i, address: at, byteLength: text.length }, { signal: options.signal });
        at += text.length;
      }
      for (const tap of program.taps) {
        if (tap.segment !== i) continue;
        const instead = taken?.(tap.name, download(tap.placed, memory, precision));
        if (instead) replace(tap.placed, instead, memory);
      }
    }
    return download(program.output, memory, precision);
  }

  /** On the calling thread, which lets others have a turn in between. */
  async #computeHere(steps: readonly Step[], signal: AbortSignal | undefined): Promise<void> {
    let turn = now();
    for (const step of steps) {
      runStep(step, this.#machine, 0, 1);
      const passed = now() - turn;
      if (passed >= 0 && passed < TURN) continue; // a clock that goes back must not keep the others waiting
      await nextTurn();
      signal?.throwIfAborted();
      turn = now();
    }
  }

  #reserve(end: number): void {
    const { memory } = this.#machine;
    const missing = Math.ceil(end / PAGE) - memory.buffer.byteLength / PAGE;
    if (missing <= 0) return;
    try {
      memory.grow(missing);
    } catch {
      throw new RangeError(
        `the model and what it computes need ${(end / 1e6).toFixed(0)} MB in one WebAssembly memory, which ` +
          'cannot be had; take smaller batches, or executor reference',
      );
    }
  }

  async #read(checkpoint: Checkpoint, names: readonly string[]): Promise<Map<string, Tensor>> {
    this.#plans.clear(); // their memory begins where these weights will lie
    const placed = new Map<string, PlacedWeight>();
    let top = roundUp(this.#top);
    for (const name of names) {
      const { shape, dtype } = checkpoint.tensors.get(name)!;
      const layout = layoutOf(name, shape);
      const half = this.#residency === 'half' && dtype === 'F16' && layout !== 'plain';
      placed.set(name, { address: top, layout, shape, half });
      top += roundUp((half ? 2 : 4) * weightElements(layout, name, shape) + 64);
    }
    await this.#fill(checkpoint, placed, roundUp(top));
    for (const [name, weight] of placed) this.#weights.set(name, weight);
    this.#top = top;
    return new Map(
      names.map((name) => [
        name,
        Recorder.source({ kind: 'weight', name, shape: placed.get(name)!.shape }, placed.get(name)!.shape),
      ]),
    );
  }

  /**
   * Reads the parameters to their places. While one half of the staging area is packed by the threads, the other is
   * filled from the file.
   * @param staging where there are two areas, each with room for the largest, and a third where weights lie packed
   *   before they are narrowed
   */
  async #fill(checkpoint: Checkpoint, placed: ReadonlyMap<string, PlacedWeight>, staging: number): Promise<void> {
    let room = STAGING;
    for (const [name, { layout, shape }] of placed)
      if (layout !== 'plain') room = Math.max(room, roundUp(4 * weightElements(layout, name, shape) + 64));
    const halves = [...placed.values()].some((weight) => weight.half);
    const textAt = staging + (halves ? 3 : 2) * room;
    this.#reserve(textAt);
    const { f32 } = this.#machine;
    let packing: Promise<void> = Promise.resolve();
    let steps: Step[] = [];
    let area = 0;
    let filled = 0;
    const pack = async (): Promise<void> => {
      await packing;
      packing = this.#runSteps(steps, textAt);
      packing.catch(() => undefined); // seen at the next await
      steps = [];
      area = 1 - area;
      filled = 0;
    };
    const read = async (name: string, at: number, size: number): Promise<void> => {
      try {
        await checkpoint.read(name, f32.subarray(at / 4, at / 4 + size));
      } catch (error) {
        await packing.catch(() => undefined); // its memory is not to be used before
        throw error;
      }
    };
    for (const [name, { address, layout, shape, half }] of placed) {
      const size = sizeOf(shape);
      if (layout === 'plain') {
        await read(name, address, size);
        continue;
      }
      const elements = weightElements(layout, name, shape);
      if (filled + 4 * elements + 64 > room) await pack();
      const from = staging + area * room + filled;
      await read(name, from, size);
      const packed = staging + 2 * room + filled;
      steps.push(packStep(layout, name, shape, from, half ? packed : address, TILE.MR));
      if (half) steps.push({ kind: 'narrow', x: packed, y: address, count: roundUp(elements) });
      filled += roundUp(4 * elements + 64);
    }
    if (steps.length > 0) await pack();
    await packing;
  }

  async #runSteps(steps: readonly Step[], textAt: number): Promise<void> {
    if (steps.length === 0) return;
    if (this.#share === null) return this.#computeHere(steps, undefined);
    const text = encodeProgram(steps);
    this.#reserve(textAt + text.length);
    new Uint8Array(this.#machine.memory.buffer, textAt, text.length).set(text);
    return this.#share.run({ id: this.#programs++, address: textAt, byteLength: text.length });
  }
}

/**
 * Each memory has 4 GB of addresses set aside, and more around them: where those are limited, not every model gets
 * them.
 */
function newMemory(shared: boolean): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: 16, maximum: MAXIMUM_PAGES, shared });
  } catch (error) {
    throw new RangeError(
      'load: no WebAssembly memory can be had for another model; close one, raise the limit of the process ' +
        '(ulimit -v), or take executor reference',
      { cause: error },
    );
  }
}

/** Milliseconds. Engines' shells may have no better clock. */
const now = (): number => (typeof performance === 'undefined' ? Date.now() : performance.now());

/**
 * Lets events in, without the milliseconds (a second in a page that nobody looks at) that a timer takes where there is
 * something quicker. Shells have no events.
 */
const nextTurn = (): Promise<void> =>
  new Promise((resume) => {
    if (typeof setImmediate === 'function') setImmediate(resume);
    else if (typeof MessageChannel === 'function') {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resume();
      };
      port2.postMessage(null);
    } else if (typeof setTimeout === 'function') setTimeout(resume);
    else resume();
  });

const roundUp = (bytes: number): number => Math.ceil(bytes / 64) * 64;
