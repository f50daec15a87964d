// One recorded item becomes steps with addresses, in float32 mode. Operands that do not lie as a kernel wants them are
// copied first.

import { affine } from './affine.ts';
import { emitQuantize, emitRound } from './emit-emulation.ts';
import { copy, dense, inPlace, like, planes, rows } from './emit-operands.ts';
import { emitAttention, emitConv2d, emitLinear, emitMatmul } from './emit-products.ts';
import type { Item } from './fuse.ts';
import type { Node } from '../graph/recorder.ts';
import type { Context } from './planner.ts';
import { collapse } from '../graph/views.ts';

type Emitter = (item: Item, context: Context) => void;

export function emit(item: Item, context: Context): void {
  EMITTERS[item.node.op](item, context);
}

const unary =
  (kind: 'relu' | 'sigmoid' | 'quickGelu' | 'gelu'): Emitter =>
  ({ node }, context) => {
    context.steps.push({ kind, ...inPlace(node, context), tables: context.around.tables });
  };

const overRows =
  (kind: 'softmax' | 'l2Normalize'): Emitter =>
  ({ node }, context) => {
    const x = rows(node.inputs[0], context);
    const width = node.output.shape[node.output.shape.length - 1];
    context.steps.push({
      kind,
      x: x.address,
      xStride: 4 * x.stride,
      y: context.place(node.storage),
      yStride: 4 * width,
      rows: x.count,
      width,
      tables: context.around.tables,
    });
  };

const EMITTERS: Record<Node['op'], Emitter> = {
  conv2d: emitConv2d,
  linear: emitLinear,
  matmul: emitMatmul,
  attention: emitAttention,
  round: ({ node }, context) => {
    emitRound(node, context);
  },
  quantize: ({ node }, context) => {
    emitQuantize(node, context);
  },
  relu: unary('relu'),
  sigmoid: unary('sigmoid'),
  quickGelu: unary('quickGelu'),
  gelu: unary('gelu'),
  softmax: overRows('softmax'),
  l2Normalize: overRows('l2Normalize'),
  scale: ({ node }, context) => {
    context.steps.push({ kind: 'scale', ...inPlace(node, context), factor: node.attributes.factor as number });
  },
  add: ({ node }, context) => {
    const [a, b] = node.inputs;
    if (a.shape.length === b.shape.length) {
      const { x, y, count } = inPlace(node, context);
      context.steps.push({ kind: 'add', a: x, b: like(b, node, context), y, rows: 1, width: count });
    } else {
      const width = b.size;
      context.steps.push({
        kind: 'add',
        a: dense(a, context),
        b: dense(b, context),
        y: context.place(node.storage),
        rows: width === 0 ? 0 : a.size / width,
        width,
      });
    }
  },
  batchNorm2d: ({ node }, context) => {
    const [x] = node.inputs;
    const [N, C] = x.shape;
    const found = collapse(x.shape.slice(0, 2), node.output.stride.slice(0, 2));
    if (found === null) throw new Error('batchNorm2d: planes expected to lie evenly');
    const { x: from, y } = inPlace(node, context);
    const plane = found.count === 1 ? node.storage.length : found.stride;
    context.steps.push({
      kind: 'batchNorm2d',
      x: from,
      y,
      planes: N * C,
      channels: C,
      plane,
      ac: context.constant(affine(node, context)),
    });
  },
  layerNorm: ({ node }, context) => {
    const [x, weight, bias] = node.inputs;
    const source = rows(x, context);
    const width = x.shape[x.shape.length - 1];
    context.steps.push({
      kind: 'layerNorm',
      x: source.address,
      xStride: 4 * source.stride,
      y: context.place(node.storage),
      yStride: 4 * width,
      rows: source.count,
      width,
      weight: dense(weight, context),
      bias: dense(bias, context),
      eps: node.attributes.eps as number,
    });
  },
  mean: ({ node }, context) => {
    const source = rows(node.inputs[0], context);
    const { shape } = node.inputs[0];
    context.steps.push({
      kind: 'mean',
      x: source.address,
      xStride: 4 * source.stride,
      y: context.place(node.storage),
      rows: source.count,
      width: shape[shape.length - 1],
    });
  },
  avgPool2d: ({ node }, context) => {
    const [x] = node.inputs;
    const [, , H, W] = x.shape;
    const [, , OH, OW] = node.output.shape;
    const source = planes(x, context);
    const [kernelH, kernelW] = node.attributes.kernel as [number, number];
    const [strideH, strideW] = node.attributes.stride as [number, number];
    const [padH, padW] = node.attributes.padding as [number, number];
    context.steps.push({
      kind: 'avgPool2d',
      x: source.address,
      y: context.place(node.storage),
      planes: source.count,
      xPlane: 4 * source.stride,
      yPlane: 4 * node.output.stride[1],
      H,
      W,
      OH,
      OW,
      kernelH,
      kernelW,
      strideH,
      strideW,
      padH,
      padW,
      countIncludePad: node.attributes.countIncludePad as boolean,
    });
  },
  concat: ({ node }, context) => {
    const axis = node.attributes.axis as number;
    const y = context.place(node.storage);
    let before = 0;
    for (const x of node.inputs) {
      copy(x, y + 4 * before * node.output.stride[axis], node.output.stride, context);
      before += x.shape[axis];
    }
  },
  embedding: ({ node }, context) => {
    const [ids, table] = node.inputs;
    const width = table.shape[1];
    context.steps.push({
      kind: 'embedding',
      ids: context.address(ids),
      table: dense(table, context),
      y: context.place(node.storage),
      rows: ids.size,
      width,
    });
  },
  contiguous: ({ node }, context) => {
    copy(node.inputs[0], context.place(node.storage), node.output.stride, context);
  },
};
