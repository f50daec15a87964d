// One recorded operation becomes steps of float64 mode. Products have kernels of their own; everything else is the
// plain definition on shares of the memory (plain64.ts). Nothing is fused: the cost of the other operations is small
// beside that of the products.

import { attentionScratchBytes } from '../ops/attention.simd.ts';
import { scratchBytes } from '../ops/conv2d.simd.ts';
import { sizeOf, type Tensor } from '../ops/tensor.ts';
import { concatenate, copy, dense, inPlace, like, lying, planes, rows, spacedRows } from './emit-operands.ts';
import { attentionTokens, eachProduct, packA, packedRows, widenedB, windows } from './emit-product-operands.ts';
import type { Item } from './fuse.ts';
import type { Node, RecordedNode } from '../graph/node.ts';
import { DESCRIPTIONS, type OperationName } from '../ops/operations.ts';
import { paddedColumns } from '../ops/packing.simd.ts';
import type { Operand64, Output64, Plain64Step, View64 } from './plain64.ts';
import type { Context } from './context.ts';
import type { Derived } from './steps.ts';

type Emitters<Names extends OperationName> = {
  readonly [Name in Names]: (node: RecordedNode<Name>, context: Context) => void;
};

/** @throws RangeError for what float64 mode does not have: the emulation of other precisions */
export function emit64({ node }: Item, context: Context): void {
  const { layout } = DESCRIPTIONS[node.op];
  if ('summation' in node.attributes && node.attributes.summation !== null) {
    throw new RangeError(
      `${node.op}: smaller formats and other sums are emulated in float32 mode only; set precision to float32`,
    );
  }
  if (layout === 'elements') emitElements(node, context);
  else if (layout === 'rows') emitRows(node, context);
  else own(node as RecordedNode<Exclude<OperationName, Derived>>, context);
}

const own = <Name extends Exclude<OperationName, Derived>>(node: RecordedNode<Name>, context: Context): void => {
  const emitter: (of: RecordedNode<Name>, context: Context) => void = EMITTERS[node.op];
  emitter(node, context);
};

const float64 = (address: number, shape: readonly number[], stride: readonly number[]): View64 => ({
  address,
  shape: [...shape],
  stride: [...stride],
  kind: 'f64',
});
const shared = (x: View64): Operand64 => ({ ...x, axis: null });
const divided = <A extends number>(x: View64, axis: A): Operand64 & { axis: A } => ({ ...x, axis });

/**
 * A step by the plain definition.
 * @param more outputs after the first
 */
function plain(node: Node, operands: Operand64[], y: Output64, context: Context, more: Output64[] = []): void {
  const { op, attributes } = node;
  context.steps.push({
    kind: 'plain64',
    op,
    operands,
    attributes,
    y,
    ...(more.length > 0 && { more }),
  } as Plain64Step);
}

const line = (address: number, count: number): Operand64 & { axis: number } =>
  divided(float64(address, [count], [1]), 0);

function emitElements(node: Node, context: Context): void {
  const { x, y, count } = inPlace(node, context);
  plain(node, [line(x, count)], line(y, count), context);
}

/** (…,D) with parameters (D). */
function emitRows(node: Node, context: Context): void {
  const [x, ...parameters] = node.operands as readonly Tensor[];
  const { address, count, stride } = rows(x, context);
  const width = x.shape[x.shape.length - 1];
  const y = context.place(node.storage);
  const whole = node.output.shape.length === x.shape.length;
  const output = whole ? float64(y, [count, width], [width, 1]) : float64(y, [count], [1]);
  plain(
    node,
    [divided(float64(address, [count, width], [stride, 1]), 0), ...parameters.map((p) => shared(lying(p, context)))],
    divided(output, 0),
    context,
  );
}

const conv2d = (node: RecordedNode<'conv2d'>, context: Context): void => {
  const [, weight, bias] = node.inputs;
  const image = windows(node, context);
  const packed = packedRows(weight, context);
  const [yImage, yPlane] = node.output.stride;
  context.steps.push({
    kind: 'conv2d64',
    ...image,
    ...packed,
    bias: bias === undefined ? 0 : dense(bias, context),
    scratch: context.temporary(context.around.parts * scratchBytes(packed.form, 8)),
    y: context.place(node.storage),
    yImage: 8 * yImage,
    yPlane: 8 * yPlane,
  });
};

/** y = A·B + bias, B with room to widen it in where it was packed at load. */
function product(
  { M, K, O }: { M: number; K: number; O: number },
  a: number,
  x: Tensor,
  bias: number,
  y: number,
  context: Context,
): void {
  const { MR } = context.around;
  const b = widenedB(x, context);
  if (M > 0) context.steps.push({ kind: 'linear64', MR, M, K, O, a, ...b, bias, y, yStride: 8 * paddedColumns(O) });
}

const linear = (node: RecordedNode<'linear'>, context: Context): void => {
  const [x, weight, bias] = node.inputs;
  const [O, K] = weight.shape;
  const source = spacedRows(x, context);
  const a = packA(source, K, context);
  product(
    { M: source.count, K, O },
    a,
    weight,
    bias === undefined ? 0 : dense(bias, context),
    context.place(node.storage),
    context,
  );
};

const matmul = (node: RecordedNode<'matmul'>, context: Context): void => {
  const y = context.place(node.storage);
  eachProduct(node, context, (sizes, a, b, n) => {
    product(sizes, a, b, 0, y + 8 * n * sizes.M * paddedColumns(sizes.O), context);
  });
};

const attention = (node: RecordedNode<'attention'>, context: Context): void => {
  const [, , , mask] = node.inputs;
  const tokens = attentionTokens(node, context);
  context.steps.push({
    kind: 'attention64',
    ...tokens,
    mask: mask === undefined ? 0 : dense(mask, context),
    scratch: context.temporary(context.around.parts * attentionScratchBytes(tokens.S, tokens.d, 8)),
  });
};

/** Smaller formats are emulated in float32 mode. */
const notHere = (node: Node): void => {
  throw new RangeError(`${node.op}: emulation is done in float32 mode only; leave out precision float64`);
};

const EMITTERS: Emitters<Exclude<OperationName, Derived>> = {
  conv2d,
  linear,
  matmul,
  attention,
  round: notHere,
  quantize: notHere,
  add: (node, context) => {
    const [a, b] = node.inputs;
    if (a.shape.length === b.shape.length) {
      const { x, y, count } = inPlace(node, context);
      plain(node, [line(x, count), line(like(b, node, context), count)], line(y, count), context);
    } else {
      const width = b.size;
      const count = width === 0 ? 0 : a.size / width;
      const summands = [
        divided(float64(dense(a, context), [count, width], [width, 1]), 0),
        shared(float64(dense(b, context), [width], [1])),
      ];
      const y = float64(context.place(node.storage), [count, width], [width, 1]);
      plain(node, summands, divided(y, 0), context);
    }
  },
  batchNorm2d: (node, context) => {
    const [image, ...parameters] = node.inputs;
    const { x, y } = inPlace(node, context);
    const channels = (address: number): Operand64 & { axis: number } => {
      const [N, C, ...inner] = image.shape;
      return divided(float64(address, [N, C, sizeOf(inner)], [node.output.stride[0], node.output.stride[1], 1]), 1);
    };
    const perChannel = parameters.map((p) => divided(lying(p, context), 0));
    plain(node, [channels(x), ...perChannel], channels(y), context);
  },
  avgPool2d: (node, context) => {
    const [x] = node.inputs;
    const [, , H, W] = x.shape;
    const [, C, OH, OW] = node.output.shape;
    const { address, count, stride } = planes(x, context);
    const plane = C === 0 ? 0 : node.output.stride[1];
    const output = float64(context.place(node.storage), [count, 1, OH, OW], [plane, plane, OW, 1]);
    const image = float64(address, [count, 1, H, W], [stride, stride, W, 1]);
    plain(node, [divided(image, 0)], divided(output, 0), context);
  },
  concat: concatenate,
  embedding: (node, context) => {
    const [ids, table] = node.inputs;
    const width = table.shape[1];
    const output = float64(context.place(node.storage), [ids.size, width], [width, 1]);
    const list: View64 = { ...lying(ids, context), shape: [ids.size], stride: [1] };
    plain(node, [divided(list, 0), shared(lying(table, context))], divided(output, 0), context);
  },
  contiguous: (node, context) => {
    copy(node.inputs[0], context.place(node.storage), node.output.stride, context);
  },
};
