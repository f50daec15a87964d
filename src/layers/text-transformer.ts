// The text tower: the lower half of class CLIP in model.py (encode_text), under the same parameter names.
// Without `text_projection` (transformers' CLIPTextModel) the feature is the last token after ln_final.

import ndarray from 'ndarray';
import type { Tensor } from '../ops/tensor.ts';
import { reshape } from '../ops/tensor.ts';
import { LayerNorm } from './basic.ts';
import { Module, type Weights } from './module.ts';
import { Transformer, type TransformerOptions } from './transformer.ts';

export class TextTransformer extends Module {
  readonly context: number;
  readonly transformer: Transformer;
  readonly ln_final: LayerNorm;

  constructor(weights: Weights, prefix = '', options: TransformerOptions = {}) {
    super(weights, prefix, options);
    this.context = this.parameter('positional_embedding').shape[0];
    const mask = causalMask(this.context);
    this.transformer = new Transformer(weights, this.path('transformer'), { ...options, mask });
    this.ln_final = new LayerNorm(weights, this.path('ln_final'), options);
  }

  /**
   * tokens (N,T) -> (N,E). The feature is read at the end-of-text token, which has the largest id of its row.
   * @throws RangeError if an id is outside the vocabulary or T is longer than the context
   */
  forward(tokens: ndarray.NdArray<Int32Array>): Tensor {
    const { ops } = this;
    const table = this.parameter('token_embedding.weight');
    checkTokens(tokens, table.shape[0], this.context, 'TextTransformer');
    const N = tokens.shape[0];
    const ends = endsOfText(tokens);
    // Under the causal mask nothing after the end of text can reach the feature; a trace still shows all tokens.
    const T = this.tap === null ? Math.max(0, ...ends) + 1 : tokens.shape[1];
    const looked = ops.embedding(tokens.hi(N, T), table);
    const embedded = this.tap?.(this.path('token_embedding'), looked) ?? looked;
    const D = embedded.shape[2];
    const positions = this.parameter('positional_embedding').hi(T, D);
    const x = ops.add(embedded, positions).transpose(1, 0, 2); // N T D -> T N D
    const rows = ndarray(
      Int32Array.from(ends, (end, n) => end * N + n),
      [1, N],
    );
    const atEnds = (all: Tensor): Tensor => ops.embedding(rows, reshape(ops.contiguous(all), [T * N, D]));
    // Of the last block and of ln_final only the tokens at the ends are needed; a trace shows all of them.
    const pooled =
      this.tap === null
        ? this.ln_final.forward(this.transformer.forward(x, atEnds))
        : // T N D -> N T D, as model.py, and back
          atEnds(this.ln_final.forward(this.transformer.forward(x).transpose(1, 0, 2)).transpose(1, 0, 2));
    const last = reshape(pooled, [N, D]);
    return this.has('text_projection') ? ops.matmul(last, this.parameter('text_projection')) : last;
  }
}

/** (T,T): 0 on and below the diagonal, -Infinity above. */
export function causalMask(T: number): Tensor {
  const data = new Float32Array(T * T);
  for (let row = 0; row < T; row++) data.fill(-Infinity, row * T + row + 1, (row + 1) * T);
  return ndarray(data, [T, T]);
}

/** The position of each row's largest id, the first of equals, as torch.argmax gives it. */
export function endsOfText(tokens: ndarray.NdArray<Int32Array>): number[] {
  const [N, T] = tokens.shape;
  return Array.from({ length: N }, (_, n) => {
    let end = 0;
    for (let t = 1; t < T; t++) if (tokens.get(n, t) > tokens.get(n, end)) end = t;
    return end;
  });
}

/**
 * @param call the function or class that was given the tokens, for error messages
 * @throws RangeError for another shape, or an id outside the vocabulary
 */
export function checkTokens(
  tokens: ndarray.NdArray<Int32Array>,
  vocabulary: number,
  context: number,
  call: string,
): void {
  if (tokens.dimension !== 2 || tokens.shape[1] < 1 || tokens.shape[1] > context) {
    throw new RangeError(
      `${call}: "tokens" expected shape (N, 1…${context}), got (${tokens.shape.join(', ')}); use tokenize`,
    );
  }
  const [N, T] = tokens.shape;
  for (let n = 0; n < N; n++) {
    for (let t = 0; t < T; t++) {
      const id = tokens.get(n, t);
      if (!Number.isInteger(id) || id < 0 || id >= vocabulary) {
        throw new RangeError(
          `${call}: "tokens" expected ids from 0 to ${vocabulary - 1}, got ${id} in row ${n}, column ${t}; ` +
            `was another model's tokenizer used?`,
        );
      }
    }
  }
}
