// Steps of conv2d, linear, matmul and attention in float32 mode, with the operations fused to them.

import { attentionScratchBytes } from '../ops/attention.simd.ts';
import { scratchBytes } from '../ops/conv2d.simd.ts';
import type { Summation } from '../ops/dot-products.ts';
import { ACTIVATIONS, type LinearStep } from '../ops/linear.simd.ts';
import type { Tensor } from '../ops/tensor.ts';
import { affine } from './affine.ts';
import { dense, like, rows, spacedRows } from './emit-operands.ts';
import { attentionTokens, eachProduct, packA, packedRows, widenedB, windows } from './emit-product-operands.ts';
import { residualOf, type Item } from './fuse.ts';
import type { Node, RecordedNode } from '../graph/node.ts';
import { paddedColumns } from '../ops/packing.simd.ts';
import type { Context } from './context.ts';

export function emitConv2d({ node, followers, last }: Item<'conv2d'>, context: Context): void {
  const [, weight, bias] = node.inputs;
  const image = windows(node, context);
  const normed = followers.find((next) => next.op === 'batchNorm2d');
  const summand = residualIn(followers, node);
  const y = context.place(last.storage);
  const [yImage, yPlane] = last.output.stride;
  const residual = summand === null ? 0 : like(summand, last, context);
  const packed = packedRows(weight, context);
  context.steps.push({
    kind: 'conv2d',
    ...image,
    ...packed,
    ...summationOf(node),
    scratch: context.temporary(context.around.parts * scratchBytes(packed.form, 4)),
    bias: bias === undefined ? 0 : dense(bias, context),
    ac: normed === undefined ? 0 : context.constant(affine(normed, context)),
    residual,
    relu: followers.some((next) => next.op === 'relu'),
    y,
    yImage: 4 * yImage,
    yPlane: 4 * yPlane,
  });
}

/** What is added to a product among its followers. */
function residualIn(followers: readonly Node[], node: Node): Tensor | null {
  let before = node;
  for (const next of followers) {
    if (next.op === 'add') return residualOf(next, before);
    before = next;
  }
  return null;
}

/** The order of a node's sums, where it is not the contract's. */
const summationOf = ({ attributes: { summation } }: Summed): { summation?: Summation } =>
  summation === null ? {} : { summation };

type Summed = RecordedNode<'conv2d'> | RecordedNode<'linear'> | RecordedNode<'matmul'>;

export function emitLinear({ node, followers, last }: Item<'linear'>, context: Context): void {
  const [x, weight, bias] = node.inputs;
  const [O, K] = weight.shape;
  const source = spacedRows(x, context);
  const a = packA(source, K, context);
  const b = widenedB(weight, context);
  const summand = residualIn(followers, node);
  const residual = summand === null ? { address: 0, stride: 0 } : rows(summand, context);
  const activation = followers.map((next) => next.op).find((op) => op === 'quickGelu' || op === 'gelu') ?? 'none';
  const after = {
    bias: bias === undefined ? 0 : dense(bias, context),
    activation: ACTIVATIONS[activation],
    residual: residual.address,
    residualStride: 4 * residual.stride,
  };
  product(
    { M: source.count, K, O, a, ...b, ...summationOf(node), ...after },
    context.place(last.storage),
    rowStride(last.output),
    context,
  );
}

const rowStride = (output: Tensor): number => 4 * paddedColumns(output.shape[output.shape.length - 1]);

type Product = Omit<LinearStep, 'kind' | 'MR' | 'y' | 'yStride' | 'tables'>;

function product(fields: Product, y: number, yStride: number, context: Context): void {
  const { MR, tables } = context.around;
  if (fields.M > 0) context.steps.push({ kind: 'linear', MR, ...fields, y, yStride, tables });
}

export function emitMatmul({ node }: Item<'matmul'>, context: Context): void {
  const y = context.place(node.storage);
  const yStride = rowStride(node.output);
  eachProduct(node, context, (sizes, a, b, n) => {
    product(
      {
        ...sizes,
        a,
        ...widenedB(b, context),
        ...summationOf(node),
        bias: 0,
        activation: 0,
        residual: 0,
        residualStride: 0,
      },
      y + n * sizes.M * yStride,
      yStride,
      context,
    );
  });
}

export function emitAttention({ node }: Item<'attention'>, context: Context): void {
  const { parts, tables } = context.around;
  const [, , , mask] = node.inputs;
  const tokens = attentionTokens(node, context);
  const { S, d } = tokens;
  const shift = mask === undefined ? null : rows(mask, context);
  context.steps.push({
    kind: 'attention',
    ...tokens,
    factor: Math.fround(1 / Math.sqrt(d)),
    mask: shift?.address ?? 0,
    maskStride: 4 * (shift?.stride ?? 0),
    scratch: context.temporary(parts * attentionScratchBytes(S, d, 4)),
    tables,
  });
}
