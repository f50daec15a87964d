// Tokens, positions, residual sums and what is done to the features: the network put together differently.

import { reshape, type Tensor } from '../../../ops/tensor.ts';
import type { Change, Fault, FaultedNode } from '../fault.ts';
import { dense, mapped, picked, range } from '../tensors.ts';

const isPositions = (step: FaultedNode): boolean => step.names[1]?.endsWith('positional_embedding') === true;

/** Another positional embedding (T,D). */
const positions =
  (change: (table: Tensor) => Tensor): Change =>
  (step) =>
    isPositions(step) ? step.run({ inputs: [step.inputs[0], change(step.inputs[1])] }) : null;

const rotated = (n: number, by: number): number[] => range(n).map((i) => (i + by + n) % n);

/** A sum of two branches, neither of which is a parameter. */
const branches =
  (keep: 0 | 1): Change =>
  (step) =>
    step.names[0] === null && step.names[1] === null ? step.inputs[keep] : null;

const summed =
  (a: number, b: number): Change =>
  (step) => {
    if (step.names[0] !== null || step.names[1] !== null) return null;
    return step.run({ inputs: [mapped(step.inputs[0], (v) => a * v), mapped(step.inputs[1], (v) => b * v)] });
  };

/** Patches in the order of columns, in tokens (N,HW,D). */
function byColumns(grid: Tensor): Tensor {
  const side = Math.round(Math.sqrt(grid.shape[1]));
  return picked(
    grid,
    1,
    range(side * side).map((i) => (i % side) * side + Math.floor(i / side)),
  );
}

/** `concat` of the class token (or the mean) and the grid. */
const joined =
  (change: (first: Tensor, grid: Tensor) => readonly Tensor[]): Change =>
  (step) =>
    step.inputs.length === 2 ? step.run({ inputs: change(step.inputs[0], step.inputs[1]) }) : null;

/** ln_post on something else than the class token's last state; `all` is (T,N,D). */
const pooled =
  (change: (all: Tensor) => Tensor): Change =>
  async (step) => {
    if (step.names[1]?.endsWith('ln_post.weight') !== true) return null;
    const all = await step.module('visual.transformer');
    return all === null ? null : step.run({ inputs: [change(all), ...step.inputs.slice(1)] });
  };

const token = (all: Tensor, t: number): Tensor =>
  reshape(dense(all.lo(t, 0, 0).hi(1, all.shape[1], all.shape[2])), all.shape.slice(1));

function meanOf(all: Tensor, from: number): Tensor {
  const [T] = all.shape;
  const sum = token(all, from); // a copy
  for (let t = from + 1; t < T; t++) {
    const next = token(all, t);
    for (let i = 0; i < sum.size; i++) sum.data[i] += next.data[i];
  }
  return mapped(sum, (v) => v / (T - from));
}

/**
 * ln_1(x + attn(…)), ln_2(x + mlp(…)): the first transformers' order. The backend's own branch is taken, which comes
 * after ln_1 in our order.
 */
const after: Change = async (step) => {
  const block = /^(.*\.resblocks\.\d+)\.ln_1\.weight$/.exec(step.names[1] ?? '')?.[1];
  const branch = block === undefined ? null : await step.module(`${block}.attn`);
  return branch === null || branch.size !== step.inputs[0].size
    ? null
    : step.run({ inputs: [step.arithmetic.ops.add(step.inputs[0], branch), ...step.inputs.slice(1)] });
};

export const STRUCTURE_FAULTS: readonly Fault[] = [
  {
    name: 'positional-embedding-missing',
    explanation:
      "The positional embedding is not added; add it to the tokens before ln_pre (before the attention pool's " +
      'projections).',
    steps: { add: (step) => (isPositions(step) ? step.inputs[0] : null) },
  },
  ...[1, -1].map((by) => ({
    name: 'positional-embedding-shifted',
    steps: { add: positions((table) => picked(table, 0, rotated(table.shape[0], by))) },
    explanation:
      `Each token gets the positional embedding of the ${by > 0 ? 'next' : 'one before'}; its first row belongs ` +
      'to the class token (the mean in the attention pool).',
  })),
  {
    name: 'positional-embedding-twice',
    explanation: 'The positional embedding is added twice; add it once.',
    steps: { add: positions((table) => mapped(table, (v) => 2 * v)) },
  },
  {
    name: 'positional-embedding-not-on-class-token',
    explanation: "The class token gets no positional embedding; the table's first row is its own.",
    steps: { add: positions((table) => mapped(table, (v, i) => (i < table.shape[1] ? 0 : v))) },
  },
  {
    name: 'class-token-last',
    explanation: 'The class token stands behind the patches; put it before them.',
    steps: { concat: joined((first, grid) => [grid, first]) },
  },
  {
    name: 'class-token-missing',
    explanation: 'The class token is zero; put the class embedding there.',
    steps: { concat: joined((first, grid) => [mapped(first, () => 0), grid]) },
  },
  {
    name: 'patches-in-columns',
    explanation: 'Patches are numbered down the columns; number them along the rows.',
    steps: { concat: joined((first, grid) => [first, byColumns(grid)]) },
  },
  {
    name: 'residual-missing',
    explanation: 'A residual connection is left out: the branch goes on alone; add what went into the block.',
    steps: { add: branches(1) },
  },
  {
    name: 'residual-missing',
    explanation: 'A residual connection is left out: the branch goes on alone; add what went into the block.',
    steps: { add: branches(0) },
  },
  {
    name: 'residual-doubled',
    explanation: 'A residual connection is added twice; add what went into the block once.',
    steps: { add: summed(2, 1) },
  },
  {
    name: 'residual-doubled',
    explanation: 'A residual connection is added twice; add what went into the block once.',
    steps: { add: summed(1, 2) },
  },
  {
    name: 'layernorm-after',
    explanation:
      'LayerNorm stands behind the residual sum; in CLIP it stands before attention and MLP, inside the branch.',
    steps: { layerNorm: after },
  },
  {
    name: 'mean-pooling',
    explanation: "The mean of all tokens is taken; the feature is the class token's, the first.",
    steps: { layerNorm: pooled((all) => meanOf(all, 0)) },
  },
  {
    name: 'mean-pooling',
    explanation: "The mean of all patches is taken; the feature is the class token's, the first.",
    steps: { layerNorm: pooled((all) => meanOf(all, 1)) },
  },
  {
    name: 'last-token',
    explanation: "The last token is taken, as in the text tower; the feature is the class token's, the first.",
    steps: { layerNorm: pooled((all) => token(all, all.shape[0] - 1)) },
  },
  {
    name: 'first-patch-token',
    explanation: "The first patch's token is taken; the feature is the class token's, one before.",
    steps: { layerNorm: pooled((all) => token(all, 1)) },
  },
  {
    name: 'features-normalized',
    explanation:
      'The features are divided by their norm; leave that to those who compare them, or verify before that step.',
    output: (y, target) => (/^visual(\.attnpool)?$/.test(target) ? l2(y) : null),
  },
  {
    name: 'relu-after-in-place',
    explanation:
      'The dump holds the value behind the ReLU, which works in place; copy the output in the hook (the ' +
      'network itself may be right).',
    output: (y, target) => (/\.(bn\d|downsample\.1)$/.test(target) ? mapped(y, (v) => Math.max(v, 0)) : null),
  },
];

function l2(y: Tensor): Tensor {
  const E = y.shape[1];
  const norms = range(y.shape[0]).map((n) =>
    Math.sqrt(range(E).reduce((sum, e) => sum + y.get(n, e) * y.get(n, e), 0)),
  );
  return mapped(y, (v, i) => v / norms[Math.floor(i / E)]);
}
