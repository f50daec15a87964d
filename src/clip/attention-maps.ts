// Where the image tower looks: the attention probabilities of every block and head, computed by the same operations on
// the same numbers as the network's own.

import { attentionProbabilities } from '../graph/attention-parts.ts';
import { wrap } from '../graph/wrap.ts';
import type { Operations } from '../ops/operations.ts';
import { zeros, type Tensor } from '../ops/tensor.ts';
import type { CLIP, EncodeOptions } from './clip.ts';
import type { Precision } from '../executors/executor.ts';

export type AttentionMapsOptions = Pick<EncodeOptions, 'precision' | 'signal'>;

/**
 * The attention probabilities that the image tower computes for one image: softmax(q·kᵀ / sqrt(d)), before they mix the
 * values.
 *
 * A ViT's tokens are the class token, then the patches row by row; map [l][a][t][s] is the weight of token s
 * for the query of token t, in head a of block l. A ResNet has one attention, in its pool, where the mean of all
 * positions is the query: L is 1 + its positions, and token 0 of the keys is that mean.
 * @param x (1,3,R,R), as `preprocess` gives it
 * @returns (layers,heads,L,L) for a ViT, (1,heads,1,L) for a ResNet; every row sums to one within rounding
 * @throws RangeError for more than one image; otherwise as `encodeImage`
 */
export async function attentionMaps(
  model: CLIP,
  x: Tensor,
  { precision = model.precision, signal }: AttentionMapsOptions = {},
): Promise<Tensor> {
  const images = Array.isArray(x?.shape) && x.shape.length === 4 ? x.shape[0] : 1;
  if (images !== 1)
    throw new RangeError(
      `attentionMaps: "x" expected one image, (1, 3, R, R), got ${images}; call it once for each image`,
    );
  const maps: Tensor[] = [];
  await model.encodeImage(x, {
    precision,
    signal,
    tap: (_, p) => {
      maps.push(p);
    },
    // The layers' own outputs are not needed, but without a tap the last block would compute one token only.
    around: ({ ops, tap }) => ({ ops: watching(ops!, precision, (p) => tap?.(MAP, p)), tap: () => undefined }),
  });
  const [, heads, T, S] = maps[0].shape;
  const all = zeros([maps.length, heads, T, S], maps[0].data);
  maps.forEach(({ data, offset, size }, layer) => all.data.set(data.subarray(offset, offset + size), layer * size));
  return all;
}

const MAP = 'attention probabilities';

/**
 * `ops`, which also passes each attention's probabilities (N,A,T,S) to `see`. They are computed separately; the network
 * uses `ops`'s own attention.
 */
function watching(ops: Operations, precision: Precision, see: (p: Tensor) => void): Operations {
  return wrap(ops, {
    attention(q, k, v, options = {}) {
      see(attentionProbabilities(ops, q, k, options, precision));
      return ops.attention(q, k, v, options);
    },
  });
}

/**
 * Attention rollout: how much each token of the last block draws on each token of the first, if attention were all that
 * moves information.
 * Samira Abnar and Willem Zuidema, "Quantifying Attention Flow in Transformers" (2020, arXiv:2005.00928), section 3:
 * with A the mean of a block's heads, half of it and half of the identity for the residual connection, multiplied from
 * the first block to the last. Row 0 is the class token's.
 * @param maps (layers,heads,L,L), as `attentionMaps` gives them
 * @param layer the block to stop after. Default: the last
 * @returns (L,L), in the maps' precision; sums in float64
 * @throws RangeError for maps that are not square (a ResNet's pool has nothing to roll out), or a block that is not
 *   there
 */
export function attentionRollout(maps: Tensor, layer: number = maps.shape[0] - 1): Tensor {
  const [layers, heads, L, S] = maps.shape;
  if (maps.shape.length !== 4 || L !== S) {
    throw new RangeError(
      `attentionRollout: "maps" expected shape (layers, heads, L, L), got (${maps.shape.join(', ')}); take a ` +
        `ViT's attentionMaps: a ResNet has one attention only`,
    );
  }
  if (!Number.isInteger(layer) || layer < 0 || layer >= layers)
    throw new RangeError(`attentionRollout: "layer" expected an integer from 0 to ${layers - 1}, got ${layer}`);
  let flow = Float64Array.from({ length: L * L }, (_, i) => (i % (L + 1) === 0 ? 1 : 0));
  for (let l = 0; l <= layer; l++) {
    const step = new Float64Array(L * L);
    for (let t = 0; t < L; t++) {
      for (let s = 0; s < L; s++) {
        let sum = 0;
        for (let a = 0; a < heads; a++) sum += maps.get(l, a, t, s);
        step[t * L + s] = 0.5 * (sum / heads) + (t === s ? 0.5 : 0);
      }
    }
    flow = product(step, flow, L);
  }
  const rollout = zeros([L, L], maps.data);
  rollout.data.set(flow);
  return rollout;
}

function product(a: Float64Array, b: Float64Array, L: number): Float64Array<ArrayBuffer> {
  const y = new Float64Array(L * L);
  for (let t = 0; t < L; t++) {
    for (let i = 0; i < L; i++) {
      const factor = a[t * L + i];
      for (let s = 0; s < L; s++) y[t * L + s] += factor * b[i * L + s];
    }
  }
  return y;
}
