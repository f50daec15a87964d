// The state of a search for causes: one piece of the network, what the backend has for it, and the network's own
// numbers beside it.

import type { CLIP } from '../../clip/clip.ts';
import type { Checkpoint } from '../../clip/weights/checkpoint.ts';
import { openWeights } from '../../clip/load.ts';
import type { SingleOutput } from '../../ops/operations.ts';
import { sizeOf, type FloatArray, type Tensor } from '../../ops/tensor.ts';
import { FLOAT32_LIMITS, type Limits } from '../layer-result.ts';
import { measure } from '../measures.ts';
import type { OtherImage } from '../other-crops.ts';
import { tensorOf, valuesOf, type Values } from '../../formats/values.ts';
import { Arithmetic, SearchExecutor } from './arithmetic.ts';
import { closeness, promising, roundingCloseness, type Closeness } from './closeness.ts';
import type { Fault, FaultedNode } from './fault.ts';
import { pieceOf, recordNetwork, type Network, type Piece } from './network.ts';
import { Kept, replay, type Replayed, type Sources } from './replay.ts';

export interface CauseQuestion {
  model: Pick<CLIP, 'name' | 'weights' | 'architecture' | 'activations' | 'preprocessing'>;
  /** The first module that is wrong. */
  target: string;
  /** Modules that the dump has and that are right. Those behind the target are ignored. */
  right: Iterable<string>;
  /** What the backend has for a module, or for `image`, in PyTorch's layout; null where the dump has nothing. */
  backend(name: string): Values | null;
  /** rho up to which the target passes and is plausible. Default: float32's. */
  limits?: Limits;
  /**
   * Other tensors that the network may have been given, each with the name of the cause that it would be
   * (other-crops.ts).
   */
  otherImages?: readonly OtherImage[];
  /** Default 1. */
  threads?: number;
  /** Is told how many faults have been tried, of how many that are known so far. */
  onProgress?: (done: number, total: number) => void;
  /** Cancels: the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
}

export interface Match extends Closeness {
  readonly fault: Fault;
  /** Places that the fault changed (replay.ts). */
  readonly changed: readonly string[];
}

/** Bytes of intermediate results that are kept in each precision. */
const KEPT = 64 << 20;

/** Multiply-adds after which no more is tried: about half a minute of two cores. */
const BUDGET = 4e11;

export class Search implements Sources {
  readonly network: Network;
  readonly piece: Piece;
  readonly limits: Limits;
  /** The backend's numbers of the target. */
  readonly values: Values;
  /** The target from the backend's own inputs, as it should be; empty where the backend's has another shape. */
  reference: FloatArray = new Float32Array();
  truth: FloatArray = new Float64Array();
  /** How far the backend is from it. */
  rho = Infinity;
  readonly #question: CauseQuestion;
  readonly #checkpoint: Checkpoint;
  readonly #parameters = new Map<string, Promise<Tensor>>();
  readonly #executor: SearchExecutor;
  readonly #kept = { float32: new Kept(KEPT), float64: new Kept(KEPT) };

  private constructor(question: CauseQuestion, checkpoint: Checkpoint) {
    const image = question.backend('image');
    const values = question.backend(question.target);
    if (image === null || values === null)
      throw new RangeError(`causes: "backend" expected values for image and ${question.target}, got none`);
    this.#question = question;
    this.#checkpoint = checkpoint;
    this.#executor = new SearchExecutor(question.threads ?? 1);
    this.limits = question.limits ?? FLOAT32_LIMITS;
    this.values = values;
    this.network = recordNetwork(question.model.architecture, question.model.activations.vision, image.shape[0]);
    this.piece = pieceOf(this.network, question.target, question.right);
  }

  static async open(question: CauseQuestion): Promise<Search> {
    question.signal?.throwIfAborted();
    const { name, weights } = question.model;
    const checkpoint = await openWeights(name, weights === name ? undefined : weights);
    let search: Search | null = null;
    try {
      search = new Search(question, checkpoint);
      const reference = search.#numbers(await search.#replayed(null, 'float32'));
      const truth = search.#numbers(await search.#replayed(null, 'float64'));
      if (reference === null || truth === null) return search; // another shape than it should have
      search.reference = reference;
      search.truth = truth;
      search.rho = measure(search.values.data, reference, truth).rho;
      return search;
    } catch (error) {
      await (search === null ? checkpoint.close() : search.close());
      throw error;
    }
  }

  get target(): string {
    return this.#question.target;
  }

  /** Whether enough has been computed. */
  get exhausted(): boolean {
    return this.#executor.spent > BUDGET;
  }

  backend(name: string): Tensor | null {
    const values = this.#question.backend(name);
    return values === null ? null : tensorOf(values);
  }

  parameter(name: string): Promise<Tensor | null> {
    const info = this.#checkpoint.tensors.get(name);
    if (info === undefined) return Promise.resolve(null);
    let reading = this.#parameters.get(name);
    if (reading === undefined) {
      const data = new Float32Array(sizeOf(info.shape));
      reading = this.#checkpoint.read(name, data).then(() => tensorOf({ shape: info.shape, data }));
      this.#parameters.set(name, reading);
    }
    return reading;
  }

  /**
   * Computes the piece with the fault in it and looks whether it gives the backend's numbers.
   * @param only the fault's steps apply at this place, and nowhere else
   * @returns null if the fault has no place here
   */
  async attempt(fault: Fault, only: string | null = null): Promise<Match | null> {
    this.#question.signal?.throwIfAborted();
    const { data } = this.values;
    const replayed = await this.#replayed(fault, 'float32', only);
    if (replayed === null) return null;
    const { changed } = replayed;
    const faulty = this.#numbers(replayed);
    if (faulty === null) return { fault, changed, confidence: 0, rho: Infinity };
    const misshapen = this.truth.length !== data.length;
    if (fault.emulation !== undefined) {
      return misshapen
        ? null
        : { fault, changed, ...roundingCloseness(data, faulty, this.reference, this.truth, this.limits) };
    }
    if (!misshapen && !promising(data, faulty, this.reference)) return { fault, changed, confidence: 0, rho: Infinity };
    const exact = this.#numbers(await this.#replayed(fault, 'float64', only))!;
    return { fault, changed, ...closeness(data, faulty, exact, this.rho, this.limits, fault.partial === true) };
  }

  #replayed(
    fault: Fault | null,
    precision: 'float32' | 'float64',
    only: string | null = null,
  ): Promise<Replayed | null> {
    const arithmetic = new Arithmetic(this.#executor, precision, fault?.emulation ?? null);
    return replay(this.network, this.piece, this, { arithmetic, fault, only, kept: this.#kept[precision] });
  }

  /** null where the shape is another than the backend's. */
  #numbers(replayed: Replayed | null): FloatArray | null {
    if (replayed === null) return null;
    const { shape, data } = valuesOf(replayed.output);
    return shape.join() === this.values.shape.join() ? data : null;
  }

  /** In float64: what the last operation of this kind in the piece is given; null if there is none. */
  async inputsOf<Name extends SingleOutput>(op: Name): Promise<FaultedNode<Name> | null> {
    let last: FaultedNode<Name> | null = null;
    const look = (step: FaultedNode<Name>): null => {
      last = step;
      return null;
    };
    await replay(this.network, this.piece, this, {
      arithmetic: new Arithmetic(this.#executor, 'float64'),
      fault: { name: 'look', explanation: '', steps: { [op]: look } },
      kept: this.#kept.float64,
    });
    return last;
  }

  async close(): Promise<void> {
    await this.#executor.close();
    await this.#checkpoint.close();
  }
}
