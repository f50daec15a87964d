// One recorded item becomes steps with addresses, in float32 mode. Operands that are not laid out as a kernel needs
// them are copied first.

import type { Node } from '../graph/node.ts';
import { collapse } from '../graph/views.ts';
import { DESCRIPTIONS, type OperationName } from '../ops/operations.ts';
import type { Tensor } from '../ops/tensor.ts';
import { affine } from './affine.ts';
import type { Context } from './context.ts';
import { emitQuantize, emitRound } from './emit-emulation.ts';
import { concatenate, copy, dense, inPlace, like, planes, rows } from './emit-operands.ts';
import { emitAttention, emitConv2d, emitLinear, emitMatmul } from './emit-products.ts';
import type { Item } from './fuse.ts';
import type { Derived, DerivedStep } from './steps.ts';

type Emitters<Names extends OperationName> = { readonly [Name in Names]: (item: Item<Name>, context: Context) => void };

export function emit(item: Item, context: Context): void {
  const { layout } = DESCRIPTIONS[item.node.op];
  if (layout === 'elements') emitElements(item.node, context);
  else if (layout === 'rows') emitRows(item.node, context);
  else own(item as Item<Exclude<OperationName, Derived>>, context);
}

const own = <Name extends Exclude<OperationName, Derived>>(item: Item<Name>, context: Context): void => {
  const emitter: (of: Item<Name>, context: Context) => void = EMITTERS[item.node.op as Name];
  emitter(item, context);
};

function emitElements(node: Node, context: Context): void {
  const { tables } = context.around;
  context.steps.push({ kind: node.op, ...inPlace(node, context), ...node.attributes, tables } as DerivedStep);
}

function emitRows(node: Node, context: Context): void {
  const [x, ...others] = node.operands as readonly Tensor[];
  const source = rows(x, context);
  const width = x.shape[x.shape.length - 1];
  const names = DESCRIPTIONS[node.op].parameters ?? [];
  context.steps.push({
    kind: node.op,
    x: source.address,
    xStride: 4 * source.stride,
    y: context.place(node.storage),
    yStride: 4 * (node.output.shape.length === x.shape.length ? width : 1),
    rows: source.count,
    width,
    ...Object.fromEntries(names.map((name, i) => [name, dense(others[i], context)])),
    ...node.attributes,
    tables: context.around.tables,
  } as DerivedStep);
}

const EMITTERS: Emitters<Exclude<OperationName, Derived>> = {
  conv2d: emitConv2d,
  linear: emitLinear,
  matmul: emitMatmul,
  attention: emitAttention,
  round: emitRound,
  quantize: emitQuantize,
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
    if (found === null) throw new Error('batchNorm2d: planes expected to be evenly spaced');
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
  avgPool2d: ({ node }, context) => {
    const [x] = node.inputs;
    const [, , H, W] = x.shape;
    const [, , OH, OW] = node.output.shape;
    const source = planes(x, context);
    const { kernel, stride, padding, countIncludePad } = node.attributes;
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
      kernelH: kernel[0],
      kernelW: kernel[1],
      strideH: stride[0],
      strideW: stride[1],
      padH: padding[0],
      padW: padding[1],
      countIncludePad,
    });
  },
  concat: ({ node }, context) => {
    concatenate(node, context);
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
