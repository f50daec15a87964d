// Attention done differently: inputs exchanged, other scales, heads, masks.

import ndarray from 'ndarray';
import { headCounts } from '../../../clip/head-counts.ts';
import { reshape, type Tensor } from '../../../ops/tensor.ts';
import type { Change, Fault, FaultedNode } from '../fault.ts';
import { dense, mapped, picked, range } from '../tensors.ts';

const attention = (name: string, explanation: string, change: Change<'attention'>): Fault => ({
  name,
  explanation,
  steps: { attention: change },
});

const headsOf = (step: FaultedNode<'attention'>): number => step.attributes.heads;
const widthOf = (step: FaultedNode): number => step.inputs[0].shape[2];

/** Scores times a factor, by way of q. */
const scaled =
  (factor: (d: number, D: number) => number): Change<'attention'> =>
  (step) => {
    const [q, ...rest] = step.inputs;
    const D = widthOf(step);
    return step.run({ inputs: [mapped(q, (v) => v * factor(D / headsOf(step), D)), ...rest] });
  };

/** q, k, v in another order, where all tokens are queries, keys and values. */
const exchanged =
  (order: readonly [number, number, number]): Change =>
  (step) => {
    if (step.inputs[0].shape[1] !== step.inputs[1].shape[1]) return null;
    return step.run({ inputs: order.map((i) => step.inputs[i]) });
  };

/** The attention pool's projections have parameters of their own names; there, one is computed with the other's. */
const poolExchanged =
  (a: string, b: string): Change =>
  async (step) => {
    const name = step.names[1];
    const own = name === null ? undefined : [a, b].find((one) => name.endsWith(`attnpool.${one}.weight`));
    if (own === undefined) return null;
    const prefix = name!.slice(0, name!.lastIndexOf(`${own}.weight`)) + (own === a ? b : a);
    return step.run({
      inputs: [step.inputs[0], (await step.parameter(`${prefix}.weight`))!, (await step.parameter(`${prefix}.bias`))!],
    });
  };

/** Another number of heads, with the scale that they would have, or with that of the right ones. */
const heads = (count: number, scale: 'own' | 'right'): Fault =>
  attention(
    `attention-heads-${count}`,
    `Attention is divided into ${count === 1 ? 'one head' : `${count} heads`}; take the model's number, ` +
      'which gives most CLIP models heads of 64 columns.',
    (step) => {
      const D = widthOf(step);
      if (D % count !== 0 || headsOf(step) === count) return null;
      const factor = scale === 'own' ? 1 : Math.sqrt(D / count) / Math.sqrt(D / headsOf(step));
      return step.run({
        inputs: [mapped(step.inputs[0], (v) => v * factor), ...step.inputs.slice(1)],
        attributes: { heads: count },
      });
    },
  );

/** (N,T,D) as (N,A,T,d) */
function byHead(x: Tensor, A: number): Tensor {
  const [N, T, D] = x.shape;
  return ndarray(
    x.data,
    [N, A, T, D / A],
    [x.stride[0], (D / A) * x.stride[2], x.stride[1], x.stride[2]],
    x.offset,
  ) as Tensor;
}

/** Attention in its parts; `probabilities` gets the scaled scores (N,A,T,S). */
function inParts(step: FaultedNode<'attention'>, probabilities: (scores: Tensor) => Tensor): Tensor {
  const { ops } = step.arithmetic;
  const A = headsOf(step);
  const [q, k, v] = step.inputs.map((x) => byHead(x, A));
  const scores = ops.matmul(
    mapped(q, (value) => value / Math.sqrt(q.shape[3])),
    k.transpose(0, 1, 3, 2),
  );
  const mixed = ops.matmul(probabilities(scores), v).transpose(0, 2, 1, 3);
  return reshape(dense(mixed), step.inputs[0].shape);
}

/** The channels of a head are stored A apart instead of side by side. */
const interleaved: Change<'attention'> = async (step) => {
  const A = headsOf(step);
  const D = widthOf(step);
  if (A === 1) return null;
  const gather = range(D).map((c) => (c % (D / A)) * A + Math.floor(c / (D / A)));
  const back = range(D).map((c) => gather.indexOf(c));
  const mixed = await step.run({
    inputs: [...step.inputs.slice(0, 3).map((x) => picked(x, 2, gather)), ...step.inputs.slice(3)],
  });
  return picked(mixed, 2, back);
};

const causal: Change = (step) => {
  const [T, S] = [step.inputs[0].shape[1], step.inputs[1].shape[1]];
  if (T !== S || step.inputs.length > 3) return null;
  const mask = ndarray(
    Float32Array.from({ length: T * T }, (_, i) => (i % T > Math.floor(i / T) ? -Infinity : 0)),
    [T, T],
  ) as Tensor;
  return step.run({ inputs: [...step.inputs, mask] });
};

/** The pool's tokens without the mean, which is only the query. */
const withoutMean: Change = (step) => {
  const [q, k, v] = step.inputs;
  return q.shape[1] === 1 && k.shape[1] > 1 ? step.run({ inputs: [q, k.lo(0, 1, 0), v.lo(0, 1, 0)] }) : null;
};

/**
 * The first patch is the query instead of the mean. `q_proj` sees the first token only, so the others are looked up
 * where they were joined.
 */
const isQuery = (step: FaultedNode): boolean => step.names[1]?.endsWith('attnpool.q_proj.weight') === true;

function firstPatchAsks(): Fault {
  return {
    name: 'attention-pool-first-patch-asks',
    explanation:
      'In the attention pool the first position is the query; the query is the mean of all positions, the first token.',
    steps: {
      linear: (step) =>
        isQuery(step) ? step.run({ inputs: [secondToken(step.inputs[0]), ...step.inputs.slice(1)] }) : null,
    },
  };
}

/** The token behind the one that a view of the first shows. */
function secondToken(x: Tensor): Tensor {
  if (x.offset + x.stride[1] >= x.data.length)
    throw new RangeError('causes: expected a view of the first of several tokens');
  return ndarray(x.data, x.shape, x.stride, x.offset + x.stride[1]) as Tensor;
}

export const ATTENTION_FAULTS: readonly Fault[] = [
  { ...attention('q-k-swapped', 'q and k are exchanged; in_proj holds q, then k, then v.', exchanged([1, 0, 2])) },
  {
    name: 'q-k-swapped',
    explanation: 'q_proj and k_proj are exchanged; give each its own parameters.',
    steps: { linear: poolExchanged('q_proj', 'k_proj') },
  },
  attention('k-v-swapped', 'k and v are exchanged; in_proj holds q, then k, then v.', exchanged([0, 2, 1])),
  {
    name: 'k-v-swapped',
    explanation: 'k_proj and v_proj are exchanged; give each its own parameters.',
    steps: { linear: poolExchanged('k_proj', 'v_proj') },
  },
  attention('q-v-swapped', 'q and v are exchanged; in_proj holds q, then k, then v.', exchanged([2, 1, 0])),
  {
    name: 'q-v-swapped',
    explanation: 'q_proj and v_proj are exchanged; give each its own parameters.',
    steps: { linear: poolExchanged('q_proj', 'v_proj') },
  },
  attention(
    'q-k-v-rotated',
    'q, k and v are taken in the order k, v, q; in_proj holds q, then k, then v.',
    exchanged([1, 2, 0]),
  ),
  attention(
    'q-k-v-rotated',
    'q, k and v are taken in the order v, q, k; in_proj holds q, then k, then v.',
    exchanged([2, 0, 1]),
  ),
  attention(
    'attention-scale-missing',
    'The scores are not scaled; multiply q by 1/sqrt(d), d the columns of a head (64 in most models).',
    scaled((d) => Math.sqrt(d)),
  ),
  attention(
    'attention-scale-twice',
    'The scores are scaled twice (or by 1/d); multiply q by 1/sqrt(d) once, d the columns of a head.',
    scaled((d) => 1 / Math.sqrt(d)),
  ),
  attention(
    'attention-scale-of-width',
    "The scores are scaled by the root of the whole width; take that of a head's columns, 1/sqrt(d).",
    scaled((d, D) => Math.sqrt(d) / Math.sqrt(D)),
  ),
  ...headCounts().flatMap((count) => [heads(count, 'own'), heads(count, 'right')]),
  attention(
    'attention-heads-interleaved',
    'Channels of a head are taken apart from one another; a head is d channels side by side (64 in most models).',
    interleaved,
  ),
  attention(
    'causal-mask',
    "The text tower's causal mask is applied in the image tower; there every token sees all others.",
    causal,
  ),
  attention('softmax-over-queries', 'The softmax runs over the queries; it has to run over the keys.', (step) =>
    inParts(step, (scores) =>
      dense(step.arithmetic.ops.softmax(dense(scores.transpose(0, 1, 3, 2) as Tensor)).transpose(0, 1, 3, 2) as Tensor),
    ),
  ),
  attention(
    'softmax-missing',
    'The softmax is left out; the scores of each token have to be turned into shares of 1.',
    (step) => inParts(step, (scores) => scores),
  ),
  {
    name: 'out-projection-missing',
    explanation: 'The output projection of attention is left out; apply out_proj.',
    steps: { linear: (step) => (step.names[1]?.endsWith('out_proj.weight') === true ? step.inputs[0] : null) },
  },
  attention(
    'attention-pool-without-mean-token',
    'In the attention pool the mean is only the query; it has to be among the keys and values, too.',
    withoutMean,
  ),
  firstPatchAsks(),
];
