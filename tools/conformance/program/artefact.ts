// The contract's artefact: the hash of every named tensor of a model with synthetic:0 on the synthetic image, or on
// given tokens.

import ndarray from 'ndarray';
import type { Tap } from '../../../src/layers/module.ts';
import { parameterShapes, parameterUses } from '../../../src/clip/parameters.ts';
import { openSynthetic, syntheticImage } from '../../../src/clip/weights/synthetic.ts';
import { CLIP } from '../../../src/clip/clip.ts';
import type { Executor, WeightSource } from '../../../src/executors/executor.ts';
import { MODELS, type ModelEntry } from '../../../src/clip/models.ts';
import { sizeOf, type Tensor } from '../../../src/ops/tensor.ts';
import { Fold, type Folded } from './hash.ts';

/** A model's image tower, or its text tower where ` text` follows the name. */
export const ARTEFACTS = ['tiny-rn', 'tiny-vit', 'tiny-vit text', 'RN50', 'ViT-B/32', 'ViT-B/32 text'] as const;

export type ArtefactName = (typeof ARTEFACTS)[number];

/** A model whose parameters are made once, for all executors. */
export class Subject {
  readonly name: ArtefactName;
  readonly #entry: ModelEntry;
  readonly #tower: 'vision' | 'text';
  readonly #parameters = new Map<string, Tensor>();

  constructor(name: ArtefactName) {
    const model = name.replace(/ text$/, '');
    this.name = name;
    this.#tower = name === model ? 'vision' : 'text';
    this.#entry = MODELS.find((entry) => entry.name === model)!;
  }

  get #towers(): { vision: boolean; text: boolean } {
    return { vision: this.#tower === 'vision', text: this.#tower === 'text' };
  }

  /** Makes the parameters, which takes a while in an interpreter. */
  async prepare(): Promise<void> {
    if (this.#parameters.size > 0) return;
    const checkpoint = openSynthetic('synthetic:0', { model: this.#entry.name });
    for (const [name, { shape }] of parameterShapes(this.#entry, this.#towers)) {
      const x = ndarray(new Float32Array(sizeOf(shape)), [...shape]);
      await checkpoint.read(name, x.data);
      this.#parameters.set(name, x);
    }
  }

  /**
   * Computes every tensor on an executor. @param around for planted faults: what a tap gives back goes on through the
   * network
   */
  async compute(executor: Executor, around: Tap = () => undefined): Promise<Folded> {
    await this.prepare();
    const parameters = this.#parameters;
    const model = new CLIP(
      {
        name: this.#entry.name,
        weights: 'synthetic:0',
        architecture: this.#entry,
        activations: { vision: 'quick_gelu', text: 'quick_gelu' },
      },
      executor,
      {
        // Plain loops read the parameters where they are; SIMD packs them into its own memory.
        weights: () =>
          executor.name === 'reference'
            ? Promise.resolve(parameters)
            : executor.readWeights(sourceOf(parameters), parameterUses(this.#entry, this.#towers)),
        close: () => Promise.resolve(),
      },
    );
    const fold = new Fold();
    const tap: Tap = (name, x) => {
      fold.addTensor(name, x);
      return around(name, x);
    };
    try {
      if (this.#tower === 'vision')
        await model.encodeImage(syntheticImage(0, 1, this.#entry.vision.resolution), { tap });
      else fold.addTensor('text_features', await model.encodeText(tokensOf(this.#entry), { tap }));
    } finally {
      await model.close();
    }
    return fold.done();
  }
}

/** Parameters in memory, as an executor reads them. */
function sourceOf(parameters: ReadonlyMap<string, Tensor>): WeightSource {
  return {
    tensors: new Map([...parameters].map(([name, { shape }]) => [name, { dtype: 'F32', shape }])),
    read: (name, into) => {
      into.set(parameters.get(name)!.data as Float32Array);
      return Promise.resolve();
    },
  };
}

/** One text: start, a stretch of the vocabulary, end of text at position 20. */
function tokensOf({ text }: ModelEntry): ndarray.NdArray<Int32Array> {
  const { context, vocabulary } = text!;
  const tokens = new Int32Array(context);
  tokens[0] = vocabulary - 2;
  for (let i = 1; i < 20; i++) tokens[i] = (i * 7919) % (vocabulary - 2);
  tokens[20] = vocabulary - 1;
  return ndarray(tokens, [1, context]);
}
