// The SIMD path: networks are recorded, planned and computed by WASM kernels over one memory, on all threads of a gang,
// or on the calling thread if there is one.

import { onAbort } from '../../workers/on-abort.ts';
import { type GangLease, retain } from '../../workers/pool.ts';
import { plan } from '../compiler/planner.ts';
import { encodeProgram } from '../compiler/program-text.ts';
import type { Step } from '../compiler/steps.ts';
import type { PlacedWeight } from '../compiler/weights.ts';
import { emulating } from '../graph/emulate.ts';
import { source as recordedSource, storageOf } from '../graph/node.ts';
import { Recorder } from '../graph/recorder.ts';
import type { Operations } from '../ops/operations.ts';
import { TABLES_BYTES, writeTables } from '../ops/tables.simd.ts';
import { sizeOf, type Tensor } from '../ops/tensor.ts';
import { TILE } from '../ops/tiles.simd.ts';
import { instantiate, MAXIMUM_PAGES, type Machine } from '../wasm/machine.ts';
import { checkedTap } from './checked-tap.ts';
import { emulationIn } from './emulation.ts';
import { compiledKernels, newMemory } from './engine.ts';
import type {
  Compute,
  Executor,
  Outputs,
  Precision,
  Residency,
  RunOptions,
  WeightSource,
  WeightUse,
} from './executor.ts';
import { arrangedAs, computeUntil, overwritten, tensorsOf } from './outputs.ts';
import { planKey, Plans, type CompiledPlan } from './plans.ts';
import { fromMemory, replace, toMemory } from './tensor-memory.ts';
import { runInTurns } from './turns.ts';
import { placeWeights, roundUp, Staging } from './weights.ts';

const TABLES = 1024; // nothing is stored below, so that address 0 means "none"
const PAGE = 65536;

export class SimdExecutor implements Executor {
  readonly name = 'simd';
  readonly precision: Precision;
  readonly threads: number;
  readonly ops: Operations;
  readonly #residency: Residency;
  readonly #machine: Machine;
  readonly #lease: GangLease | null;
  readonly #weights = new Map<string, PlacedWeight>();
  readonly #plans: Plans;
  /** Weights whose numbers are part of plans. */
  readonly #folded = new Set<string>();
  /** Where weights end and the memory of plans begins. */
  #top: number;
  /** Memory belongs to one run or reading at a time. */
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** @param call the public function that was called, for error messages */
  constructor(
    threads: number,
    residency: Residency = 'single',
    precision: Precision = 'float32',
    call = 'SimdExecutor',
  ) {
    this.precision = precision;
    this.ops = new Recorder(precision).ops;
    this.#residency = residency;
    const { module, shared } = compiledKernels();
    this.threads = shared ? threads : 1;
    this.#plans = new Plans(this.threads);
    const memory = newMemory(shared, call);
    this.#machine = instantiate(module, memory);
    writeTables(this.#machine, TABLES);
    this.#top = TABLES + TABLES_BYTES;
    this.#lease = this.threads > 1 ? retain(this.threads, { module, memory }) : null;
  }

  readWeights(
    source: WeightSource,
    uses: ReadonlyMap<string, WeightUse | readonly WeightUse[]>,
  ): Promise<Map<string, Tensor>> {
    return this.#exclusive(async () => {
      this.#plans.clear(); // their memory begins where these weights will be
      const { placed, end } = placeWeights(source, uses, this.#residency, this.#top);
      this.#checkRoom(end, source, uses);
      await this.#fill(source, placed, roundUp(end));
      for (const [name, weight] of placed) this.#weights.set(name, weight);
      this.#top = end;
      return new Map(
        [...placed].map(([name, { shape }]) => [name, recordedSource({ kind: 'weight', name, shape }, shape)]),
      );
    });
  }

  rewriteWeights(source: WeightSource, weights: ReadonlyMap<string, Tensor>): Promise<void> {
    return this.#exclusive(() => this.#rewrite(source, [...weights.keys()]));
  }

  run<R extends Outputs>(inputs: readonly Tensor[], compute: Compute<R>, options: RunOptions = {}): Promise<R> {
    const precision = options.precision ?? this.precision;
    let started = false;
    const result = this.#exclusive(async () => {
      options.signal?.throwIfAborted();
      started = true;
      const recorder = new Recorder(precision);
      const emulation = emulationIn(precision, options);
      const outputs = computeUntil(
        compute,
        inputs.map((x, slot) => recordedSource({ kind: 'input', slot }, x.shape)),
        emulation === null ? recorder.ops : emulating(recorder.ops, emulation),
        options.tap ? recorder.tap : null,
        options,
      );
      const program = this.#plans.get(planKey(options, precision, emulation, inputs), () =>
        this.#plan(recorder, tensorsOf(outputs), precision),
      );
      const results = arrangedAs(outputs, await this.#execute(program, recorder, inputs, precision, options));
      await this.#overwrite(overwritten(results, options));
      return results;
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
    await this.#lease?.release();
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

  #plan(recorder: Recorder, outputs: readonly Tensor[], precision: Precision) {
    return plan(recorder, outputs, {
      precision,
      MR: TILE.MR,
      parts: this.threads,
      tables: TABLES,
      weights: this.#weights,
      base: this.#top,
      values: (name) => {
        this.#folded.add(name);
        const { address, shape } = this.#weights.get(name)!;
        return this.#machine.f32.slice(address / 4, address / 4 + sizeOf(shape));
      },
    });
  }

  async #execute(
    program: CompiledPlan,
    recorder: Recorder,
    inputs: readonly Tensor[],
    precision: Precision,
    options: RunOptions,
  ): Promise<Tensor[]> {
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
      if (place !== null) toMemory(inputs[slot], memory, place);
    });
    const taken = options.tap ? checkedTap(options.tap) : null;
    let at = textAt;
    for (const [i, steps] of program.segments.entries()) {
      if (this.#lease === null) {
        await runInTurns(steps, this.#machine, options.signal);
      } else {
        const text = program.text[i];
        new Uint8Array(buffer, at, text.length).set(text);
        await this.#lease.run({ id: program.id + i, address: at, byteLength: text.length }, { signal: options.signal });
        at += text.length;
      }
      for (const tap of program.taps) {
        if (tap.segment !== i) continue;
        const instead = taken?.(tap.name, fromMemory(tap.placed, memory, precision));
        if (instead) replace(tap.placed, instead, memory);
      }
    }
    return program.outputs.map((placed) => fromMemory(placed, memory, precision));
  }

  /**
   * Reads weights anew. Plans stay, since addresses do not change, but for those that hold numbers of these weights
   * (BatchNorm is folded to two numbers a channel). What is beyond the weights is written anew by every run.
   */
  #rewrite(source: WeightSource, names: readonly string[]): Promise<void> {
    if (names.some((name) => this.#folded.has(name))) {
      this.#plans.clear();
      this.#folded.clear();
    }
    return this.#fill(source, new Map(names.map((name) => [name, this.#weights.get(name)!])), roundUp(this.#top));
  }

  /** Writes outputs over weights, in each weight's own layout. */
  async #overwrite(writes: readonly { target: Tensor; output: Tensor }[]): Promise<void> {
    if (writes.length === 0) return;
    const values = new Map(writes.map(({ target, output }) => [weightName(target), output]));
    const names = [...values.keys()];
    const half = names.find((name) => this.#weights.get(name)!.form !== 'f32');
    if (half !== undefined)
      throw new RangeError(
        `"into" expected weights in float32, got ${half} in half precision; load with residency single`,
      );
    const read = (name: string, memory: Float32Array): Promise<void> => {
      memory.set(values.get(name)!.data);
      return Promise.resolve();
    };
    await this.#rewrite({ tensors: new Map(), read }, names);
  }

  /** @throws RangeError, before anything is read, for weights that no WebAssembly memory has room for */
  #checkRoom(end: number, { tensors }: WeightSource, uses: ReadonlyMap<string, unknown>): void {
    const most = MAXIMUM_PAGES * PAGE;
    if (end <= most) return;
    const halves = this.#residency === 'single' && [...uses.keys()].some((name) => tensors.get(name)?.dtype === 'F16');
    throw new RangeError(
      `the weights need ${(end / 1e6).toFixed(0)} MB in one WebAssembly memory, which holds at most ` +
        `${(most / 1e6).toFixed(0)} MB; take ${halves ? 'residency half, or ' : ''}the plain loops (executor reference)`,
    );
  }

  /** Grows the memory so that it reaches to `end`. */
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

  /** Reads parameters to their places. @param from where the memory is free meanwhile */
  async #fill(source: WeightSource, placed: ReadonlyMap<string, PlacedWeight>, from: number): Promise<void> {
    const staging = new Staging(this.#machine, placed, from, (steps, end) => this.#pack(steps, end));
    this.#reserve(staging.end);
    await staging.fill(source);
  }

  async #pack(steps: readonly Step[], textAt: number): Promise<void> {
    if (this.#lease === null) return runInTurns(steps, this.#machine, undefined);
    const text = encodeProgram(steps);
    this.#reserve(textAt + text.length);
    new Uint8Array(this.#machine.memory.buffer, textAt, text.length).set(text);
    return this.#lease.run({ id: this.#plans.number(), address: textAt, byteLength: text.length });
  }
}

/** @throws TypeError for a tensor that is not one of an executor's weights */
function weightName(x: Tensor): string {
  const { origin } = storageOf(x);
  if (origin.kind !== 'weight') throw new TypeError('"into" expected a tensor that readWeights gave, got another');
  return origin.name;
}
