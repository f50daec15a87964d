// The adapters of a model: which one is active, and how it reaches the weights. Merged, the affected parameters are
// read again from the checkpoint and the changes added on the way; unmerged, the changes are stored beside the weights
// and every product adds its own.

import type { Weights } from '../../layers/index.ts';
import type { Operations } from '../../ops/operations.ts';
import { sizeOf, type Tensor } from '../../ops/tensor.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import type { TensorInfo } from '../../formats/element-types.ts';
import type { Executor, Precision, WeightSource, WeightUse } from '../../executors/executor.ts';
import type { AdapterMode } from './adapter-file.ts';
import { Gate } from './gate.ts';
import type { Adapter, LoraPart } from './lora.ts';
import { addChanges } from './merge.ts';
import { adapting, type PlacedPart } from './unmerged.ts';

export class Adapters {
  readonly mode: AdapterMode;
  readonly #adapters = new Map<string, Adapter>();
  readonly #executor: Executor;
  readonly #gate = new Gate();
  readonly #base: Checkpoint;
  readonly #adapted: WeightSource;
  /** Parameters that an adapter changes and that have been read, in the executor's memory. */
  readonly #loaded = new Map<string, Tensor>();
  /** Unmerged: each adapter's changes by the memory of the parameter. */
  readonly #placed = new Map<string, Map<object, PlacedPart[]>>();
  #active: string | null;
  /** Set if a change of merged weights failed halfway: some are the old ones, some the new. */
  #broken = false;

  /**
   * The first adapter is active.
   * @throws RangeError for two adapters of one name
   */
  constructor(adapters: readonly Adapter[], mode: AdapterMode, base: Checkpoint, executor: Executor) {
    for (const adapter of adapters) {
      const other = this.#adapters.get(adapter.name);
      if (other !== undefined)
        throw new RangeError(
          `load: "adapter" has two of the name ${adapter.name} ("${other.origin}", "${adapter.origin}"); give ` +
            'one another name: { path, name }',
        );
      this.#adapters.set(adapter.name, adapter);
    }
    this.mode = mode;
    this.#executor = executor;
    this.#base = base;
    this.#active = adapters[0]?.name ?? null;
    this.#adapted = mode === 'merged' ? this.#merging() : base;
  }

  get names(): string[] {
    return [...this.#adapters.keys()];
  }

  get active(): string | null {
    return this.#active;
  }

  /** Runs a call with the adapter that is active when the call is requested. */
  use<T>(call: () => Promise<T>): Promise<T> {
    return this.#gate.use(() => {
      if (this.#broken)
        return Promise.reject(
          new Error(
            'the last change of the adapter failed halfway, and some weights are wrong; call setAdapter again, or ' +
              'load the model again',
          ),
        );
      return call();
    });
  }

  /** Waits for all calls and changes. */
  settled(): Promise<void> {
    return this.#gate.change(() => Promise.resolve());
  }

  /**
   * Activates an adapter, or none, for the calls from now on.
   * @throws RangeError for a name that is not in `names`
   */
  async set(name: string | null): Promise<void> {
    if (name !== null && !this.#adapters.has(name))
      throw new RangeError(
        `setAdapter: "name" expected ${this.names.join(', ')} or null, got ${String(name)}; load the model ` +
          'with that adapter',
      );
    await this.#gate.change(async () => {
      if (this.mode === 'unmerged') {
        this.#active = name;
        return;
      }
      const affected = new Set(
        this.#broken
          ? this.#loaded.keys()
          : [...this.#parts(this.#active), ...this.#parts(name)].map((part) => part.target.parameter),
      );
      this.#active = name;
      this.#broken = true;
      await this.#executor.rewriteWeights(
        this.#adapted,
        new Map([...this.#loaded].filter(([parameter]) => affected.has(parameter))),
      );
      this.#broken = false;
    });
  }

  /** Reads parameters into the executor's memory, with the active adapter; unmerged, all adapters' changes too. */
  async read(uses: ReadonlyMap<string, WeightUse>): Promise<Weights> {
    const weights = await this.#executor.readWeights(this.#adapted, uses);
    const changed = new Set(
      [...this.#adapters.values()].flatMap(({ parts }) => parts.map((part) => part.target.parameter)),
    );
    const read = [...weights].filter(([name]) => changed.has(name));
    if (this.mode === 'unmerged') await this.#place(new Map(read));
    for (const [name, tensor] of read) this.#loaded.set(name, tensor);
    return weights;
  }

  /** The operations with the active adapter's changes. */
  around(ops: Operations, precision: Precision): Operations {
    const changes = this.#active === null ? undefined : this.#placed.get(this.#active);
    return changes === undefined ? ops : adapting(ops, changes, precision);
  }

  /** Distinguishes what is computed, for executors that cache plans by name. */
  get key(): string {
    return this.mode === 'unmerged' && this.#active !== null ? ` adapter ${this.#active}` : '';
  }

  #parts(name: string | null): readonly LoraPart[] {
    return name === null ? [] : this.#adapters.get(name)!.parts;
  }

  /**
   * The checkpoint with the active changes added to what is read. Parameters that may change are float32 from the
   * start: sums do not fit into halves.
   */
  #merging(): WeightSource {
    const base = this.#base;
    const tensors = new Map<string, TensorInfo>(base.tensors);
    for (const { parts } of this.#adapters.values()) {
      for (const {
        target: { parameter },
      } of parts)
        tensors.set(parameter, { dtype: 'F32', shape: base.tensors.get(parameter)!.shape });
    }
    return {
      tensors,
      read: async (name, into) => {
        await base.read(name, into);
        addChanges(
          this.#parts(this.#active).filter((part) => part.target.parameter === name),
          into,
        );
      },
    };
  }

  /** Puts the changes of these parameters into the executor's memory. */
  async #place(weights: ReadonlyMap<string, Tensor>): Promise<void> {
    const values = new Map<string, { shape: number[]; data: Float32Array }>();
    const named: { adapter: string; part: LoraPart; A: string; B: string }[] = [];
    for (const { name: adapter, parts } of this.#adapters.values()) {
      parts.forEach((part, i) => {
        const {
          target: { parameter, inputs, outputs, begin },
          rank,
        } = part;
        if (!weights.has(parameter)) return;
        const [A, B] = ['lora_A', 'lora_B'].map((half) => `adapter ${adapter} ${i}.${half}`);
        const padded = new Float32Array(outputs * rank);
        padded.set(part.B, begin * rank);
        values.set(A, { shape: [rank, inputs], data: part.A }).set(B, { shape: [outputs, rank], data: padded });
        named.push({ adapter, part, A, B });
      });
    }
    const placed = await this.#executor.readWeights(
      inMemory(values),
      new Map([...values.keys()].map((name) => [name, 'linear'])),
    );
    for (const { adapter, part, A, B } of named) {
      const { parameter, begin, count } = part.target;
      const changes = this.#placed.get(adapter) ?? new Map<object, PlacedPart[]>();
      this.#placed.set(adapter, changes);
      const memory = weights.get(parameter)!.data;
      changes.set(memory, [
        ...(changes.get(memory) ?? []),
        { begin, end: begin + count, A: placed.get(A)!, B: placed.get(B)!, scale: part.scale },
      ]);
    }
  }
}

/** Tensors in memory, read as those of a file are. */
function inMemory(values: ReadonlyMap<string, { shape: number[]; data: Float32Array }>): WeightSource {
  return {
    tensors: new Map([...values].map(([name, { shape }]) => [name, { dtype: 'F32', shape }])),
    read: (name, into) => {
      const { data, shape } = values.get(name)!;
      into.set(data.subarray(0, sizeOf(shape)));
      return Promise.resolve();
    },
  };
}
