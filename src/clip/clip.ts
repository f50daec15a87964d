// CLIP: pixels or token ids in, features out. The network itself is in src/layers; this class has its weights, executor
// and checks of shapes.

import ndarray from 'ndarray';
import { checkTokens, endsOfText, type LayerOptions, type Tap, type Weights } from '../layers/index.ts';
import type { Emulation } from '../graph/emulate.ts';
import { exp } from '../ops/exp.ts';
import type { Operations } from '../ops/operations.ts';
import { reference } from '../ops/reference.ts';
import { toFloat64 } from '../ops/contiguous.ts';
import { zeros, type Tensor } from '../ops/tensor.ts';
import type { Adapters } from './adapters/adapters.ts';
import type { Executor, Precision } from '../executors/executor.ts';
import { completeRules, type Preprocessing } from './image/preprocessing.ts';
import { logitsOf } from './logits.ts';
import type { Architecture } from './architecture.ts';
import { textBatches } from './text-batches.ts';
import { imageTower, textTower } from './towers.ts';
import type { Activations } from './weights/activation.ts';

/** A tower's parameters, which are read at its first use. */
export interface TowerSource {
  weights(tower: 'vision' | 'text'): Promise<Weights>;
  /** null if the model was loaded without adapters. */
  readonly adapters?: Adapters | null;
  close(): Promise<void>;
}

export interface CLIPDescription {
  /** The model's name, or the path it was loaded from. */
  name: string;
  /** Where the weights come from: a path, `synthetic:0`, or the name of a bundled model. */
  weights: string;
  architecture: Architecture;
  /** The activations of the transformers; OpenAI's are quick_gelu. */
  activations: Activations;
  /** How its pixels are made. Default: as CLIP's. */
  preprocessing?: Preprocessing;
  /** What could not be told from the files, in sentences. */
  warnings?: readonly string[];
  /** Why the text tower in the file cannot be used, for the error of `encodeText`. */
  refusedText?: string;
}

export interface EncodeOptions {
  /** 'float64' computes the truth with the same weights. Default: the precision that the model was loaded with. */
  precision?: Precision;
  /** Rounds where a backend in a lower precision does, on the same graph with the same weights. float32 mode only. */
  emulate?: Emulation;
  /** Sees every module's output under its PyTorch path while the features are computed. */
  tap?: Tap;
  /**
   * Wraps the operations and the tap that layers use, to observe or replace them. Plans of such calls are not cached.
   */
  around?: (layer: LayerOptions) => LayerOptions;
  /**
   * Ends the pass after this module (a PyTorch path, as `tap` is called with): what follows is neither planned nor
   * computed, and the result is this module's output, as a tap leaves it.
   */
  until?: string;
  /** Cancels: the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
}

/** The first `context` columns, if all texts end within them; else the tokens as they are. */
function withinContext(tokens: ndarray.NdArray<Int32Array>, context: number): ndarray.NdArray<Int32Array> {
  const [N, T] = tokens.shape;
  return tokens.shape.length === 2 && T > context && endsOfText(tokens).every((end) => end < context)
    ? tokens.hi(N, context)
    : tokens;
}

/** Elements of the images that one forward pass takes: 16 of 224 x 224. */
const PASS_ELEMENTS = 16 * 3 * 224 * 224;

export class CLIP {
  readonly name: string;
  readonly weights: string;
  readonly architecture: Architecture;
  /** How its pixels are made; what `load`'s preprocess does. null where there is no image tower. */
  readonly preprocessing: Preprocessing | null;
  /** What the transformers' MLPs compute between their two layers, 'quick_gelu' or 'gelu'. */
  readonly activations: Activations;
  /** What `load` could not tell from the files and guessed, one sentence each; also on standard error. */
  readonly warnings: readonly string[];
  readonly #refusedText: string | null;
  readonly #executor: Executor;
  readonly #source: TowerSource;
  readonly #adapters: Adapters | null;
  readonly #towers = new Map<'vision' | 'text', Promise<Weights>>();
  #closed = false;

  /** Made by `load`. */
  constructor(description: CLIPDescription, executor: Executor, source: TowerSource) {
    this.name = description.name;
    this.weights = description.weights;
    this.architecture = description.architecture;
    this.activations = description.activations;
    const { vision } = description.architecture;
    this.preprocessing =
      vision === null ? null : (description.preprocessing ?? completeRules(vision.resolution, {}, 'CLIP'));
    this.warnings = description.warnings ?? [];
    this.#refusedText = description.refusedText ?? null;
    this.#executor = executor;
    this.#source = source;
    this.#adapters = source.adapters ?? null;
  }

  /** 'reference' or 'simd'. */
  get executor(): string {
    return this.#executor.name;
  }

  /** Number of threads. */
  get threads(): number {
    return this.#executor.threads;
  }

  get precision(): Precision {
    return this.#executor.precision;
  }

  /** The names of the adapters that the model was loaded with. */
  get adapters(): string[] {
    return this.#adapters?.names ?? [];
  }

  /** The name of the active adapter, or null. */
  get adapter(): string | null {
    return this.#adapters?.active ?? null;
  }

  /**
   * Activates another of the adapters, or none, for all calls from now on. Earlier calls finish with the adapter that
   * was active when they were made.
   * @param name one of `adapters`, or null for the model alone
   * @throws RangeError for another name
   */
  async setAdapter(name: string | null): Promise<void> {
    this.#checkOpen();
    if (this.#adapters !== null) return this.#adapters.set(name);
    if (name !== null)
      throw new RangeError(
        `setAdapter: "name" expected null, got ${String(name)}: ${this.name} was loaded without adapters; load ` +
          'it with { adapter: path }',
      );
  }

  /**
   * Features of preprocessed images, not normalised.
   * @param x (N,3,R,R), as `preprocess` gives them; float64 elements only in float64 mode
   * @returns (N,E)
   * @throws TypeError or RangeError for another kind or shape of tensor
   */
  async encodeImage(x: Tensor, options: EncodeOptions = {}): Promise<Tensor> {
    const image = this.#input(x, options.precision ?? this.precision);
    return this.#call(() => this.#encodeInPasses(image, options));
  }

  async #encodeInPasses(image: Tensor, options: EncodeOptions): Promise<Tensor> {
    const [N, C, R] = image.shape;
    const most = Math.max(1, Math.floor(PASS_ELEMENTS / (C * R * R)));
    if (N <= most || options.tap !== undefined || options.until !== undefined)
      return this.#encodeImages(image, options);
    // A large batch in several passes: the bits are the same, and memory stays within bounds.
    const features = zeros([N, this.architecture.embed], image.data);
    for (let n = 0; n < N; n += most) {
      const part = await this.#encodeImages(image.lo(n, 0, 0, 0).hi(Math.min(most, N - n), C, R, R), options);
      features.data.set(part.data, n * this.architecture.embed);
    }
    return features;
  }

  async #encodeImages(image: Tensor, options: EncodeOptions): Promise<Tensor> {
    const weights = await this.#tower('vision');
    const precision = options.precision ?? this.precision;
    return this.#executor.run(
      [image],
      ([input], ops, tap) => {
        const layer = this.#layer(ops, tap, precision, options);
        return imageTower(this.architecture, weights, { ...layer, activation: this.activations.vision }).forward(input);
      },
      {
        ...options,
        call: 'encodeImage',
        key: options.around === undefined ? `vision${this.#adapters?.key ?? ''}` : undefined,
      },
    );
  }

  /**
   * Features of texts, not normalised.
   * @param tokens (N,T) ids, as `tokenize` gives them. T may exceed the checkpoint's context where all texts end within
   *   it: nothing after the end of a text reaches its feature
   * @returns (N,E)
   * @throws RangeError for ids outside the vocabulary; Error where the checkpoint has no text tower
   */
  async encodeText(tokens: ndarray.NdArray<Int32Array>, options: EncodeOptions = {}): Promise<Tensor> {
    this.#checkOpen();
    if (this.architecture.text === null) {
      throw new Error(
        this.#refusedText === null
          ? `encodeText: ${this.name} from ${this.weights} has an image tower only; load a checkpoint with both towers`
          : `encodeText: ${this.#refusedText}`,
      );
    }
    if (!(tokens?.data instanceof Int32Array) || !Array.isArray(tokens.shape)) {
      throw new TypeError(
        'encodeText: "tokens" expected an ndarray over an Int32Array, got something else; make it with tokenize(text)',
      );
    }
    const { vocabulary, context } = this.architecture.text;
    const fitting = withinContext(tokens, context);
    checkTokens(fitting, vocabulary, context, 'encodeText');
    return this.#call(() => this.#encodeTexts(fitting, options));
  }

  async #encodeTexts(tokens: ndarray.NdArray<Int32Array>, options: EncodeOptions): Promise<Tensor> {
    const weights = await this.#tower('text');
    const precision = options.precision ?? this.precision;
    const encode = (some: ndarray.NdArray<Int32Array>, key: string | undefined): Promise<Tensor> =>
      this.#executor.run(
        [],
        (_, ops, tap) =>
          textTower(this.architecture.text!, weights, {
            ...this.#layer(ops, tap, precision, options),
            activation: this.activations.text,
          }).forward(some),
        { ...options, call: 'encodeText', key: options.around === undefined ? key : undefined },
      );
    if (options.tap !== undefined || options.until !== undefined || tokens.shape[0] === 0)
      return encode(tokens, undefined);
    const lengths = endsOfText(tokens).map((end) => end + 1);
    const E = this.architecture.embed;
    const features = zeros([lengths.length, E], precision === 'float64' ? new Float64Array(0) : new Float32Array(0));
    for (const batch of textBatches(lengths)) {
      const T = lengths[batch[0]]; // the longest comes first
      const data = Int32Array.from({ length: batch.length * T }, (_, i) => tokens.get(batch[Math.floor(i / T)], i % T));
      const part = await encode(
        ndarray(data, [batch.length, T]),
        `text ${batch.length} ${T}${this.#adapters?.key ?? ''}`,
      );
      batch.forEach((n, row) => features.data.set(part.data.subarray(row * E, (row + 1) * E), n * E));
    }
    return features;
  }

  /**
   * How well each image fits each text: cosine similarities times exp(logit_scale).
   * @param image (N,3,R,R)
   * @param tokens (M,77)
   * @returns logitsPerImage (N,M) and logitsPerText (M,N)
   */
  async forward(
    image: Tensor,
    tokens: ndarray.NdArray<Int32Array>,
    options: Omit<EncodeOptions, 'tap' | 'until'> = {},
  ): Promise<{ logitsPerImage: Tensor; logitsPerText: Tensor }> {
    // Started together, so that no change of the adapter comes between.
    const [images, texts, scale] = await Promise.all([
      this.encodeImage(image, options),
      this.encodeText(tokens, options),
      this.logitScale(options.precision),
    ]);
    const logitsPerImage = logitsOf(reference.l2Normalize(images), reference.l2Normalize(texts), scale);
    return { logitsPerImage, logitsPerText: reference.contiguous(logitsPerImage.transpose(1, 0)) };
  }

  /** exp(logit_scale). @param precision default: the model's */
  async logitScale(precision: Precision = this.precision): Promise<number> {
    this.#checkOpen();
    if (this.architecture.text === null || this.architecture.vision === null)
      throw new Error(`logitScale: ${this.name} has one tower only, and nothing to scale; load it with both towers`);
    return this.#call(() => this.#logitScale(precision));
  }

  async #logitScale(precision: Precision): Promise<number> {
    const weights = (await this.#tower('text')) as ReadonlyMap<string, Tensor>;
    const stored = weights.get('logit_scale')!;
    const one = ndarray(stored.data, [1], [1], stored.offset) as Tensor;
    // a run reads it, wherever the weights are stored
    const scalar = await this.#executor.run([], (_, ops) => ops.scale(one, 1), { precision });
    return exp(precision === 'float64' ? toFloat64(scalar) : scalar).data[0];
  }

  /** Finishes waiting calls, then frees the weights and the executor. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#adapters?.settled();
    await Promise.allSettled(this.#towers.values());
    this.#towers.clear();
    await this.#executor.close();
    await this.#source.close();
  }

  /** Reads a tower's weights now instead of at the first call. */
  async prepare(tower: 'vision' | 'text'): Promise<void> {
    this.#checkOpen();
    await this.#call(() => this.#tower(tower));
  }

  /** Runs a call with the adapter that is active now. */
  #call<T>(call: () => Promise<T>): Promise<T> {
    return this.#adapters === null ? call() : this.#adapters.use(call);
  }

  #layer(ops: Operations, tap: Tap | null, precision: Precision, { around }: EncodeOptions): LayerOptions {
    const layer = { ops: this.#adapters?.around(ops, precision) ?? ops, tap };
    return around?.(layer) ?? layer;
  }

  #tower(tower: 'vision' | 'text'): Promise<Weights> {
    let weights = this.#towers.get(tower);
    if (weights === undefined) {
      weights = this.#source.weights(tower);
      this.#towers.set(tower, weights);
      weights.catch(() => this.#towers.delete(tower)); // the next call may try again
    }
    return weights;
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error(`${this.name}: the model is closed; load it again`);
  }

  #input(x: Tensor, precision: Precision): Tensor {
    this.#checkOpen();
    const { vision } = this.architecture;
    if (vision === null)
      throw new Error(
        `encodeImage: ${this.name} from ${this.weights} has a text tower only; load a checkpoint with both towers`,
      );
    const R = vision.resolution;
    if (!(x?.data instanceof Float32Array || x?.data instanceof Float64Array) || !Array.isArray(x.shape)) {
      throw new TypeError(
        'encodeImage: "x" expected an ndarray over Float32Array, got something else; make it with preprocess(image)',
      );
    }
    if (x.shape.length !== 4 || x.shape[1] !== 3 || x.shape[2] !== R || x.shape[3] !== R) {
      throw new RangeError(
        `encodeImage: "x" expected shape (N, 3, ${R}, ${R}) for ${this.name}, got (${x.shape.join(', ')}); ` +
          `make it with this model's preprocess`,
      );
    }
    if (precision === 'float64') return x.data instanceof Float64Array ? x : toFloat64(x);
    if (x.data instanceof Float64Array) {
      throw new TypeError(
        `encodeImage: "x" expected float32 elements, got float64; load ${this.name} with { precision: ` +
          `'float64' } or convert`,
      );
    }
    return x;
  }
}
