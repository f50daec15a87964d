// One recorded operation becomes steps of float64 mode. Products have kernels of their own; everything else is the
// plain definition on shares of the memory (plain64.ts). Nothing is fused: what a truth costs beyond its products is
// small.

import { attentionScratchBytes } from '../ops/attention.simd.ts';
import { scratchBytes } from '../ops/conv2d.simd.ts';
import { sizeOf, type Tensor } from '../ops/tensor.ts';
import { copy, dense, inPlace, like, lying, planes, rows, spacedRows } from './emit-operands.ts';
import { attentionTokens, eachProduct, packA, packedRows, widenedB, windows } from './emit-product-operands.ts';
import type { Item } from './fuse.ts';
import type { Node } from '../graph/recorder.ts';
import { paddedColumns } from '../ops/packing.simd.ts';
import type { Operand64, PlainOperation, View64 } from './plain64.ts';
import type { Context } from './planner.ts';

type Emitter = (node: Node, context: Context) => void;

/** @throws RangeError for what float64 mode does not have: the emulation of other precisions */
export function emit64({ node }: Item, context: Context): void {
  const emitter = EMITTERS[node.op];
  if (emitter === undefined || node.attributes.summation !== undefined) {
    throw new RangeError(
      `${node.op}: smaller formats and other sums are emulated in float32 mode only; ask for precision float32`,
    );
  }
  emitter(node, context);
}

const float64 = (address: number, shape: readonly number[], stride: readonly number[]): View64 => ({
  address,
  shape: [...shape],
  stride: [...stride],
  kind: 'f64',
});
const shared = (x: View64): Operand64 => ({ ...x, axis: null });
const divided = <A extends number>(x: View64, axis: A): Operand64 & { axis: A } => ({ ...x, axis });

function plain(
  op: PlainOperation,
  operands: Operand64[],
  y: Operand64 & { axis: number },
  node: Node,
  context: Context,
): void {
  context.steps.push({ kind: 'plain64', op, operands, attributes: node.attributes, y });
}

const line = (address: number, count: number): Operand64 & { axis: number } =>
  divided(float64(address, [count], [1]), 0);

const unary =
  (op: PlainOperation): Emitter =>
  (node, context) => {
    const { x, y, count } = inPlace(node, context);
    plain(op, [line(x, count)], line(y, count), node, context);
  };

/** (…,D) with parameters (D). */
const overRows =
  (op: PlainOperation): Emitter =>
  (node, context) => {
    const [x, ...parameters] = node.inputs;
    const { address, count, stride } = rows(x, context);
    const width = x.shape[x.shape.length - 1];
    const y = context.place(node.storage);
    const output = op === 'mean' ? float64(y, [count], [1]) : float64(y, [count, width], [width, 1]);
    plain(
      op,
      [divided(float64(address, [count, width], [stride, 1]), 0), ...parameters.map((p) => shared(lying(p, context)))],
      divided(output, 0),
      node,
      context,
    );
  };

const conv2d: Emitter = (node, context) => {
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

const linear: Emitter = (node, context) => {
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

const matmul: Emitter = (node, context) => {
  const y = context.place(node.storage);
  eachProduct(node, context, (sizes, a, b, n) => {
    product(sizes, a, b, 0, y + 8 * n * sizes.M * paddedColumns(sizes.O), context);
  });
};

const attention: Emitter = (node, context) => {
  const mask = node.inputs.at(3);
  const tokens = attentionTokens(node, context);
  context.steps.push({
    kind: 'attention64',
    ...tokens,
    mask: mask === undefined ? 0 : dense(mask, context),
    scratch: context.temporary(context.around.parts * attentionScratchBytes(tokens.S, tokens.d, 8)),
  });
};

/** Smaller formats are emulated in float32 mode. */
const notHere: Emitter = (node) => {
  throw new RangeError(`${node.op}: emulation is done in float32; leave precision float64 out`);
};

const EMITTERS: Partial<Record<Node['op'], Emitter>> = {
  conv2d,
  linear,
  matmul,
  attention,
  round: notHere,
  quantize: notHere,
  relu: unary('relu'),
  sigmoid: unary('sigmoid'),
  quickGelu: unary('quickGelu'),
  gelu: unary('gelu'),
  scale: unary('scale'),
  softmax: overRows('softmax'),
  l2Normalize: overRows('l2Normalize'),
  layerNorm: overRows('layerNorm'),
  mean: overRows('mean'),
  add: (node, context) => {
    const [a, b] = node.inputs;
    if (a.shape.length === b.shape.length) {
      const { x, y, count } = inPlace(node, context);
      plain('add', [line(x, count), line(like(b, node, context), count)], line(y, count), node, context);
    } else {
      const width = b.size;
      const count = width === 0 ? 0 : a.size / width;
      const summands = [
        divided(float64(dense(a, context), [count, width], [width, 1]), 0),
        shared(float64(dense(b, context), [width], [1])),
      ];
      plain(
        'add',
        summands,
        divided(float64(context.place(node.storage), [count, width], [width, 1]), 0),
        node,
        context,
      );
    }
  },
  batchNorm2d: (node, context) => {
    const [image, ...parameters] = node.inputs;
    const { x, y } = inPlace(node, context);
    const channels = (address: number): Operand64 & { axis: number } => {
      const [N, C, ...inner] = image.shape;
      return divided(float64(address, [N, C, sizeOf(inner)], [node.output.stride[0], node.output.stride[1], 1]), 1);
    };
    plain(
      'batchNorm2d',
      [channels(x), ...parameters.map((p) => divided(lying(p, context), 0))],
      channels(y),
      node,
      context,
    );
  },
  avgPool2d: (node, context) => {
    const [x] = node.inputs;
    const [, , H, W] = x.shape;
    const [, C, OH, OW] = node.output.shape;
    const { address, count, stride } = planes(x, context);
    const plane = C === 0 ? 0 : node.output.stride[1];
    const output = float64(context.place(node.storage), [count, 1, OH, OW], [plane, plane, OW, 1]);
    plain(
      'avgPool2d',
      [divided(float64(address, [count, 1, H, W], [stride, stride, W, 1]), 0)],
      divided(output, 0),
      node,
      context,
    );
  },
  concat: (node, context) => {
    const axis = node.attributes.axis as number;
    const y = context.place(node.storage);
    let before = 0;
    for (const x of node.inputs) {
      copy(x, y + 8 * before * node.output.stride[axis], node.output.stride, context);
      before += x.shape[axis];
    }
  },
  embedding: (node, context) => {
    const [ids, table] = node.inputs;
    const width = table.shape[1];
    const output = float64(context.place(node.storage), [ids.size, width], [width, 1]);
    plain(
      'embedding',
      [divided(lying(ids, context), 0), shared(lying(table, context))],
      divided(output, 0),
      node,
      context,
    );
  },
  contiguous: (node, context) => {
    copy(node.inputs[0], context.place(node.storage), node.output.stride, context);
  },
};
