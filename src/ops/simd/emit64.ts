// One recorded operation becomes steps of float64 mode. Products have kernels of their own; everything else is the plain definition on shares of the memory
// (plain64.ts). Nothing is fused: what a truth costs beyond its products is small.

import { attention64ScratchBytes } from '../attention64.simd.ts';
import type { Tokens } from '../attention.simd.ts';
import { SCRATCH64 } from '../conv2d64.simd.ts';
import { NR } from '../dotProducts.simd.ts';
import { WIDENED_PANEL64 } from '../linear64.simd.ts';
import { isContiguous, sizeOf, type Tensor } from '../tensor.ts';
import { offsetOf, packedWeight, windowOffsets } from './emit.ts';
import type { Item } from './fuse.ts';
import { isWhole, paddedStrides, storageOf, view, type Node } from './graph.ts';
import { paddedColumns } from './packing.ts';
import { packedColumnsBytes64, type PackedForm } from './packing64.ts';
import type { Operand64, PlainOperation, View64 } from './plain64.ts';
import type { Context } from './planner.ts';
import { collapse, planesOf, rowsOf } from './views.ts';

type Emitter = (node: Node, context: Context) => void;

/** @throws RangeError for what float64 mode does not have: the emulation of other precisions */
export function emit64({ node }: Item, context: Context): void {
  const emitter = EMITTERS[node.op];
  if (emitter === undefined || node.attributes.summation !== undefined) {
    throw new RangeError(`${node.op}: smaller formats and other sums are emulated in float32 mode only; ask for precision float32`);
  }
  emitter(node, context);
}

/** A tensor where it lies. */
function lying(x: Tensor, context: Context): View64 {
  return { address: context.address(x), shape: [...x.shape], stride: [...x.stride], kind: context.kind(storageOf(x)) };
}

const float64 = (address: number, shape: readonly number[], stride: readonly number[]): View64 => ({ address, shape: [...shape], stride: [...stride], kind: 'f64' });
const shared = (x: View64): Operand64 => ({ ...x, axis: null });
const divided = <A extends number>(x: View64, axis: A): Operand64 & { axis: A } => ({ ...x, axis });

/** Copies a view to an address, under given strides, as float64. */
function copy(x: Tensor, address: number, stride: readonly number[], context: Context): void {
  context.steps.push({ kind: 'copy64', x: lying(x, context), y: float64(address, x.shape, stride) });
}

/** The view itself if it is `good` and float64, else its address after a copy into row-major order, with the strides that it then has. */
function asDense(x: Tensor, good: boolean, context: Context): { address: number; stride: readonly number[] } {
  if (good && context.kind(storageOf(x)) === 'f64') return { address: context.address(x), stride: x.stride };
  const { stride } = paddedStrides(x.shape, 0);
  const address = context.temporary(8 * x.size + 64);
  copy(x, address, stride, context);
  return { address, stride };
}

const dense = (x: Tensor, context: Context): number => asDense(x, isContiguous(x), context).address;

/** Evenly spaced vectors, if `of` finds them in the view, or else in a copy of it. */
function evenly(x: Tensor, of: (x: Tensor) => { count: number; stride: number } | null, context: Context): { address: number; count: number; stride: number } {
  const { address, stride } = asDense(x, of(x) !== null, context);
  return { address, ...of(view(storageOf(x), x.shape, stride))! };
}

/** The output's memory with x's elements in it, or x itself where it lies like the output: for operations on all elements alike, padding included. */
function inPlace(node: Node, context: Context): { x: number; y: number; count: number } {
  const [x] = node.inputs;
  const y = context.place(node.storage);
  const same = isWhole(x, storageOf(x)) && x.stride.join() === node.output.stride.join() && context.kind(storageOf(x)) === 'f64';
  if (same) return { x: context.address(x), y, count: node.storage.length };
  copy(x, y, node.output.stride, context);
  return { x: y, y, count: node.storage.length };
}

function plain(op: PlainOperation, operands: Operand64[], y: Operand64 & { axis: number }, node: Node, context: Context): void {
  context.steps.push({ kind: 'plain64', op, operands, attributes: node.attributes, y });
}

const line = (address: number, count: number): Operand64 & { axis: number } => divided(float64(address, [count], [1]), 0);

const unary = (op: PlainOperation): Emitter => (node, context) => {
  const { x, y, count } = inPlace(node, context);
  plain(op, [line(x, count)], line(y, count), node, context);
};

/** (…,D) with parameters (D). */
const overRows = (op: PlainOperation): Emitter => (node, context) => {
  const [x, ...parameters] = node.inputs;
  const { address, count, stride } = evenly(x, rowsOf, context);
  const width = x.shape[x.shape.length - 1];
  const y = context.place(node.storage);
  const output = op === 'mean' ? float64(y, [count], [1]) : float64(y, [count, width], [width, 1]);
  plain(op, [divided(float64(address, [count, width], [stride, 1]), 0), ...parameters.map((p) => shared(lying(p, context)))], divided(output, 0), node, context);
};

const conv2d: Emitter = (node, context) => {
  const [x, weight, bias] = node.inputs;
  const { MR, parts } = context.around;
  const [N, C, H, W] = x.shape;
  const [O, , KH, KW] = weight.shape;
  const [, , OH, OW] = node.output.shape;
  const [padH, padW] = node.attributes.padding as [number, number];
  const [strideH, strideW] = node.attributes.stride as [number, number];
  const K = C * KH * KW;
  const source = evenly(x, planesOf, context);
  let image = { x: source.address, xImage: 8 * C * source.stride, xPlane: 8 * source.stride, xRow: 8 * W };
  if (padH > 0 || padW > 0) {
    const plane = (H + 2 * padH) * (W + 2 * padW);
    const y = context.temporary(8 * N * C * plane + 64);
    context.steps.push({ kind: 'pad64', x: source.address, xPlane: 8 * source.stride, y, planes: N * C, H, W, padH, padW });
    image = { x: y, xImage: 8 * C * plane, xPlane: 8 * plane, xRow: 8 * (W + 2 * padW) };
  }
  const pointwise = KH === 1 && KW === 1 && strideH === 1 && strideW === 1 && padH === 0 && padW === 0;
  const offsets = pointwise ? 0 : context.constant(windowOffsets(C, KH, KW, image.xPlane, image.xRow, 8));
  const [yImage, yPlane] = node.output.stride;
  context.steps.push({
    kind: 'conv2d64', MR, N, O, K, OH, OW, ...image, strideH, strideW, offsets, ...packedRows(weight, context), bias: bias === undefined ? 0 : dense(bias, context),
    scratch: context.temporary(parts * SCRATCH64), y: context.place(node.storage), yImage: 8 * yImage, yPlane: 8 * yPlane,
  });
};

const formOf = (half: boolean): PackedForm => half ? 'f16' : 'f32';

/** A convolution's weight, packed at load or now. */
function packedRows(weight: Tensor, context: Context): { weight: number; form: PackedForm } {
  const placed = packedWeight(weight, 'rows', context);
  if (placed !== null) return { weight: placed.address, form: formOf(placed.half) };
  const [O] = weight.shape;
  const K = sizeOf(weight.shape.slice(1));
  return { weight: packA(dense(weight, context), O, 8 * K, 8, K, context), form: 'f64' };
}

/** A (M,K), packed now. */
function packA(from: number, M: number, vectorStride: number, kStride: number, K: number, context: Context): number {
  const { MR } = context.around;
  const to = context.temporary(8 * M * K);
  context.steps.push({ kind: 'pack64', from, vectorStride, kStride, vectors: M, K, MR, to });
  return to;
}

/** B, packed at load or now: (O,K). */
function packB(x: Tensor, context: Context): { b: number; form: PackedForm; bColumns: number; firstPanel: number; widened: number } {
  const [O, K] = x.shape;
  const placed = packedWeight(x, 'columns', context);
  if (placed !== null) {
    // A weight of nn.Linear may be taken in part, by rows: in_proj_weight is.
    const total = paddedColumns(placed.shape[0] === K && placed.shape[1] === O && x.stride[1] !== 1 ? O : placed.shape[0]);
    const firstRow = x.offset / K;
    if (firstRow % NR !== 0) throw new Error(`a packed weight expected rows from a multiple of ${NR} on, got ${firstRow}`);
    return { b: placed.address, form: formOf(placed.half), bColumns: total, firstPanel: firstRow / NR, widened: context.temporary(context.around.parts * WIDENED_PANEL64) };
  }
  const { address, stride } = asDense(x, true, context);
  const to = context.temporary(packedColumnsBytes64(O, K));
  context.steps.push({ kind: 'pack64', from: address, vectorStride: 8 * stride[0], kStride: 8 * stride[1], vectors: O, K, MR: 0, to });
  return { b: to, form: 'f64', bColumns: paddedColumns(O), firstPanel: 0, widened: 0 };
}

function product(M: number, K: number, O: number, a: number, b: ReturnType<typeof packB>, bias: number, y: number, context: Context): void {
  if (M > 0) context.steps.push({ kind: 'linear64', MR: context.around.MR, M, K, O, a, ...b, bias, y, yStride: 8 * paddedColumns(O) });
}

const linear: Emitter = (node, context) => {
  const [x, weight, bias] = node.inputs;
  const [O, K] = weight.shape;
  const last = x.shape.length - 1;
  // Rows whose elements may lie apart.
  const { address, stride } = asDense(x, collapse(x.shape.slice(0, last), x.stride.slice(0, last)) !== null, context);
  const rows = collapse(x.shape.slice(0, last), stride.slice(0, last))!;
  const a = packA(address, rows.count, 8 * rows.stride, 8 * stride[last], K, context);
  product(rows.count, K, O, a, packB(weight, context), bias === undefined ? 0 : dense(bias, context), context.place(node.storage), context);
};

const matmul: Emitter = (node, context) => {
  const [a, b] = node.inputs;
  const rank = a.shape.length;
  const [M, K] = a.shape.slice(-2);
  const O = b.shape[rank - 1];
  const left = asDense(a, true, context);
  const y = context.place(node.storage);
  const products = sizeOf(a.shape.slice(0, -2));
  for (let n = 0; n < products; n++) {
    const from = left.address + 8 * offsetOf(a.shape.slice(0, -2), left.stride.slice(0, -2), n);
    const packedA = packA(from, M, 8 * left.stride[rank - 2], 8 * left.stride[rank - 1], K, context);
    const offset = b.offset + offsetOf(b.shape.slice(0, -2), b.stride.slice(0, -2), n);
    const packedB = packB(view(storageOf(b), [O, K], [b.stride[rank - 1], b.stride[rank - 2]], offset), context);
    product(M, K, O, packedA, packedB, 0, y + 8 * n * M * paddedColumns(O), context);
  }
};

const attention: Emitter = (node, context) => {
  const { MR, parts } = context.around;
  const [q, k, v, mask] = node.inputs;
  const heads = node.attributes.heads as number;
  const [T, D] = q.shape.slice(-2);
  const [S] = k.shape.slice(-2);
  const d = D / heads;
  const tokens = (x: Tensor): Tokens & { N: number } => {
    const leading = (stride: readonly number[]) => collapse(x.shape.slice(0, -2), stride.slice(0, -2));
    const good = leading(x.stride) !== null && (D === 1 || x.stride[x.shape.length - 1] === 1);
    const { address, stride } = asDense(x, good, context);
    const images = leading(stride)!;
    return { at: address, image: 8 * images.stride, token: 8 * stride[x.shape.length - 2], N: images.count };
  };
  const { N, ...queries } = tokens(q);
  const [keys, values] = [tokens(k), tokens(v)];
  const shift = mask === undefined ? 0 : dense(mask, context);
  const at = context.place(node.storage);
  const tokensFirst = node.attributes.tokensFirst === true;
  const y = tokensFirst ? { at, image: 8 * D, token: 8 * N * D } : { at, image: 8 * T * D, token: 8 * D };
  context.steps.push({
    kind: 'attention64', MR, N, T, S, heads, d, q: queries, k: keys, v: values, y, mask: shift, scratch: context.temporary(parts * attention64ScratchBytes(S, d)),
  });
};

/** Smaller formats are emulated in float32 mode. */
const notHere: Emitter = (node) => { throw new RangeError(`${node.op}: emulation is done in float32; leave precision float64 out`); };

const EMITTERS: Partial<Record<Node['op'], Emitter>> = {
  conv2d, linear, matmul, attention, round: notHere, quantize: notHere,
  relu: unary('relu'), sigmoid: unary('sigmoid'), quickGelu: unary('quickGelu'), gelu: unary('gelu'), scale: unary('scale'),
  softmax: overRows('softmax'), l2Normalize: overRows('l2Normalize'), layerNorm: overRows('layerNorm'), mean: overRows('mean'),
  add: (node, context) => {
    const [a, b] = node.inputs;
    if (a.shape.length === b.shape.length) {
      const { x, y, count } = inPlace(node, context);
      let other = context.address(b);
      if (b.stride.join() !== node.output.stride.join() || context.kind(storageOf(b)) !== 'f64') {
        other = context.temporary(8 * count + 64);
        copy(b, other, node.output.stride, context);
      }
      plain('add', [line(x, count), line(other, count)], line(y, count), node, context);
    } else {
      const width = b.size;
      const rows = width === 0 ? 0 : a.size / width;
      const summands = [divided(float64(dense(a, context), [rows, width], [width, 1]), 0), shared(float64(dense(b, context), [width], [1]))];
      plain('add', summands, divided(float64(context.place(node.storage), [rows, width], [width, 1]), 0), node, context);
    }
  },
  batchNorm2d: (node, context) => {
    const [image, ...parameters] = node.inputs;
    const { x, y } = inPlace(node, context);
    const planes = (address: number): Operand64 & { axis: number } => {
      const [N, C, ...inner] = image.shape;
      return divided(float64(address, [N, C, sizeOf(inner)], [node.output.stride[0], node.output.stride[1], 1]), 1);
    };
    plain('batchNorm2d', [planes(x), ...parameters.map((p) => divided(lying(p, context), 0))], planes(y), node, context);
  },
  avgPool2d: (node, context) => {
    const [x] = node.inputs;
    const [, , H, W] = x.shape;
    const [, C, OH, OW] = node.output.shape;
    const { address, count, stride } = evenly(x, planesOf, context);
    const plane = C === 0 ? 0 : node.output.stride[1];
    const output = float64(context.place(node.storage), [count, 1, OH, OW], [plane, plane, OW, 1]);
    plain('avgPool2d', [divided(float64(address, [count, 1, H, W], [stride, stride, W, 1]), 0)], divided(output, 0), node, context);
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
    plain('embedding', [divided(lying(ids, context), 0), shared(lying(table, context))], divided(output, 0), node, context);
  },
  contiguous: (node, context) => {
    copy(node.inputs[0], context.place(node.storage), node.output.stride, context);
  },
};
