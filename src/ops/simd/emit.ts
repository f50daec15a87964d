// One recorded item becomes steps with addresses. Operands that do not lie as a kernel wants them are copied first.

import type { Summation } from '../dotProducts.ts';
import { roundInto, type RoundFormat } from '../round.ts';
import { ACTIVATIONS, WIDENED_PANEL, type LinearStep } from '../linear.simd.ts';
import { attentionScratchBytes, type Tokens } from '../attention.simd.ts';
import { batchNormAC } from '../batchNorm2d.simd.ts';
import { scratchBytes } from '../conv2d.simd.ts';
import { NR } from '../dotProducts.simd.ts';
import { isContiguous, sizeOf, type Tensor } from '../tensor.ts';
import { emitQuantize, emitRound } from './emit-emulation.ts';
import { residualOf, type Item } from './fuse.ts';
import { isWhole, paddedStrides, storageOf, view, type Node } from './graph.ts';
import { paddedColumns, packedColumnsBytes } from './packing.ts';
import type { Context } from './planner.ts';
import { collapse, planesOf, rowsOf } from './views.ts';
import type { PlacedWeight } from './weights.ts';

type Emitter = (item: Item, context: Context) => void;

export function emit(item: Item, context: Context): void {
  EMITTERS[item.node.op](item, context);
}

const bytes = (strides: readonly number[]): number[] => strides.map((stride) => 4 * stride);

/** Copies a view to an address, under given strides (in elements). */
function copy(x: Tensor, address: number, stride: readonly number[], context: Context): void {
  context.steps.push({ kind: 'copy', x: context.address(x), y: address, shape: [...x.shape], xStride: bytes(x.stride), yStride: bytes(stride) });
}

/** The view itself if `good`, else its address after a copy into row-major order, with the strides that it then has. */
function asDense(x: Tensor, good: boolean, context: Context): { address: number; stride: readonly number[] } {
  if (good) return { address: context.address(x), stride: x.stride };
  const { stride } = paddedStrides(x.shape, 0);
  const address = context.temporary(4 * x.size + 64);
  copy(x, address, stride, context);
  return { address, stride };
}

const dense = (x: Tensor, context: Context): number => asDense(x, isContiguous(x), context).address;

/** Evenly spaced rows with elements side by side: (…,D). */
function rows(x: Tensor, context: Context): { address: number; count: number; stride: number } {
  const found = rowsOf(x);
  const { address, stride } = asDense(x, found !== null, context);
  return { address, ...(found ?? rowsOf(view(storageOf(x), x.shape, stride))!) };
}

/** Evenly spaced planes, row-major in themselves: (N,C,H,W). */
function planes(x: Tensor, context: Context): { address: number; count: number; stride: number } {
  const found = planesOf(x);
  const { address, stride } = asDense(x, found !== null, context);
  return { address, ...(found ?? planesOf(view(storageOf(x), x.shape, stride))!) };
}

/** The output's memory with x's elements in it, or x itself where it lies like the output: for operations that work in place. */
function inPlace(node: Node, context: Context): { x: number; y: number; count: number } {
  const [x] = node.inputs;
  const y = context.place(node.storage);
  if (isWhole(x, storageOf(x)) && x.stride.join() === node.output.stride.join()) return { x: context.address(x), y, count: node.storage.length };
  copy(x, y, node.output.stride, context);
  return { x: y, y, count: node.storage.length };
}

const unary = (kind: 'relu' | 'sigmoid' | 'quickGelu' | 'gelu'): Emitter => ({ node }, context) => {
  context.steps.push({ kind, ...inPlace(node, context), tables: context.around.tables });
};

const conv2d: Emitter = ({ node, followers, last }, context) => {
  const [x, weight, bias] = node.inputs;
  const { MR, parts } = context.around;
  const [N, C, H, W] = x.shape;
  const [O, , KH, KW] = weight.shape;
  const [, , OH, OW] = node.output.shape;
  const [padH, padW] = node.attributes.padding as [number, number];
  const [strideH, strideW] = node.attributes.stride as [number, number];
  const K = C * KH * KW;
  const source = planes(x, context);
  let image = { x: source.address, xImage: 4 * C * source.stride, xPlane: 4 * source.stride, xRow: 4 * W };
  if (padH > 0 || padW > 0) {
    const plane = (H + 2 * padH) * (W + 2 * padW);
    const y = context.temporary(4 * N * C * plane + 64);
    context.steps.push({ kind: 'pad', x: source.address, xPlane: 4 * source.stride, y, planes: N * C, H, W, padH, padW });
    image = { x: y, xImage: 4 * C * plane, xPlane: 4 * plane, xRow: 4 * (W + 2 * padW) };
  }
  const pointwise = KH === 1 && KW === 1 && strideH === 1 && strideW === 1 && padH === 0 && padW === 0;
  const offsets = pointwise ? 0 : context.constant(windowOffsets(C, KH, KW, image.xPlane, image.xRow));
  const normed = followers.find((next) => next.op === 'batchNorm2d');
  const sum = followers.find((next) => next.op === 'add');
  const y = context.place(last.storage);
  const [yImage, yPlane] = bytes(last.output.stride);
  let residual = 0;
  if (sum !== undefined) {
    const other = residualOf(sum, followers[followers.indexOf(sum) - 1] ?? node);
    residual = like(other, last, context);
  }
  const packed = packedRows(weight, context);
  context.steps.push({
    kind: 'conv2d', MR, N, O, K, OH, OW, ...image, strideH, strideW, offsets, ...packed, ...summationOf(node), scratch: context.temporary(parts * scratchBytes(packed.half)),
    bias: bias === undefined ? 0 : dense(bias, context), ac: normed === undefined ? 0 : context.constant(affine(normed, context)),
    residual, relu: followers.some((next) => next.op === 'relu'), y, yImage, yPlane, 
  });
};

/** A view's address if it lies as the item's output does, else after a copy that does. */
function like(x: Tensor, last: Node, context: Context): number {
  if (x.stride.join() === last.output.stride.join()) return context.address(x);
  const address = context.temporary(4 * last.storage.length + 64);
  copy(x, address, last.output.stride, context);
  return address;
}

/** How a node sums, where not as the contract has it. */
const summationOf = (node: Node): { summation?: Summation } => (node.attributes.summation === undefined ? {} : { summation: node.attributes.summation as Summation });

/** Where (c, kh, kw) lies from the window's corner, in bytes; `bytes` of one element. */
export function windowOffsets(C: number, KH: number, KW: number, plane: number, row: number, bytes = 4): Int32Array {
  const offsets = new Int32Array(C * KH * KW);
  let k = 0;
  for (let c = 0; c < C; c++) for (let kh = 0; kh < KH; kh++) for (let kw = 0; kw < KW; kw++) offsets[k++] = c * plane + kh * row + bytes * kw;
  return offsets;
}

/** batchNorm2d's a and c per channel. */
function affine(node: Node, context: Context): Float64Array {
  const [weight, bias, mean, variance] = node.inputs.slice(1).map((x) => {
    const { origin } = storageOf(x);
    if (origin.kind === 'constant') return origin.data as Float32Array;
    if (origin.kind === 'weight') return context.around.values(origin.name);
    if (origin.kind === 'node' && origin.node.op === 'round') return rounded(origin.node, context);
    throw new Error('batchNorm2d: parameters that are computed are not supported by the SIMD executor; take executor reference');
  });
  return batchNormAC(weight, bias, mean, variance, node.attributes.eps as number);
}

/** A parameter that is rounded, for those who need its numbers when the plan is made. */
function rounded(node: Node, context: Context): Float32Array {
  const { origin } = storageOf(node.inputs[0]);
  if (origin.kind !== 'weight') throw new Error('batchNorm2d: parameters that are computed are not supported by the SIMD executor; take executor reference');
  const values = context.around.values(origin.name);
  roundInto(values, values, node.attributes.format as RoundFormat);
  return values;
}

/** A convolution's weight, packed at load or now. */
function packedRows(weight: Tensor, context: Context): { weight: number; half: boolean } {
  const placed = packedWeight(weight, 'rows', context);
  if (placed !== null) return { weight: placed.address, half: placed.half };
  const [O] = weight.shape;
  const K = sizeOf(weight.shape.slice(1));
  const to = context.temporary(4 * O * K);
  context.steps.push({ kind: 'pack', from: dense(weight, context), vectorStride: 4 * K, kStride: 4, vectors: O, K, MR: context.around.MR, to });
  return { weight: to, half: false };
}

/** Where a weight lies that was packed for products when it was loaded; null if it was not. */
export function packedWeight(x: Tensor, layout: 'rows' | 'columns', context: Context): PlacedWeight | null {
  const { origin } = storageOf(x);
  if (origin.kind === 'node' && (origin.node.op === 'round' || origin.node.op === 'quantize')) {
    const stored = packedWeight(origin.node.inputs[0], layout, context);
    return stored === null ? null : { ...stored, half: false, address: context.address(origin.node.output) };
  }
  const placed = origin.kind === 'weight' ? context.around.weights.get(origin.name) : undefined;
  return placed?.layout === layout ? placed : null;
}

/** A (rows, K), packed now. */
function packA(from: number, M: number, vectorStride: number, kStride: number, K: number, context: Context): number {
  const { MR } = context.around;
  const to = context.temporary(4 * M * K);
  context.steps.push({ kind: 'pack', from, vectorStride, kStride, vectors: M, K, MR, to });
  return to;
}

/** B, packed at load or now: (O,K) with the given strides. */
function packB(x: Tensor, O: number, K: number, vectorStride: number, kStride: number, context: Context): { b: number; bColumns: number; firstPanel: number; widened: number } {
  const placed = packedWeight(x, 'columns', context);
  if (placed !== null) {
    // A weight of nn.Linear may be taken in part, by rows: in_proj_weight is.
    const total = paddedColumns(placed.shape[0] === K && placed.shape[1] === O && kStride !== 1 ? O : placed.shape[0]);
    const firstRow = x.offset / K;
    if (firstRow % NR !== 0) throw new Error(`a packed weight expected rows from a multiple of ${NR} on, got ${firstRow}`);
    const widened = placed.half ? context.temporary(context.around.parts * WIDENED_PANEL) : 0;
    return { b: placed.address, bColumns: total, firstPanel: firstRow / NR, widened };
  }
  const to = context.temporary(packedColumnsBytes(O, K));
  context.steps.push({ kind: 'pack', from: context.address(x), vectorStride: 4 * vectorStride, kStride: 4 * kStride, vectors: O, K, MR: 0, to });
  return { b: to, bColumns: paddedColumns(O), firstPanel: 0, widened: 0 };
}

const linear: Emitter = ({ node, followers, last }, context) => {
  const [x, weight, bias] = node.inputs;
  const [O, K] = weight.shape;
  const source = rowsOrColumns(x, context);
  const a = packA(source.address, source.count, 4 * source.stride, 4 * source.kStride, K, context);
  const b = packB(weight, O, K, weight.stride[0], weight.stride[1], context);
  const sum = followers.find((next) => next.op === 'add');
  let residual = 0;
  let residualStride = 0;
  if (sum !== undefined) {
    const found = rows(residualOf(sum, followers[followers.indexOf(sum) - 1] ?? node), context);
    residual = found.address;
    residualStride = 4 * found.stride;
  }
  const activation = followers.map((next) => next.op).find((op) => op === 'quickGelu' || op === 'gelu') ?? 'none';
  product({ M: source.count, K, O, a, ...b, ...summationOf(node), bias: bias === undefined ? 0 : dense(bias, context), activation: ACTIVATIONS[activation], residual, residualStride },
    context.place(last.storage), rowStride(last.output), context);
};

/** Rows of A for packing: their elements may lie apart. */
function rowsOrColumns(x: Tensor, context: Context): { address: number; count: number; stride: number; kStride: number } {
  const last = x.shape.length - 1;
  const found = collapse(x.shape.slice(0, last), x.stride.slice(0, last));
  const { address, stride } = asDense(x, found !== null, context);
  return { address, ...(found ?? collapse(x.shape.slice(0, last), stride.slice(0, last))!), kStride: stride[last] };
}

const rowStride = (output: Tensor): number => 4 * paddedColumns(output.shape[output.shape.length - 1]);

type Product = Omit<LinearStep, 'kind' | 'MR' | 'y' | 'yStride' | 'tables'>;

function product(fields: Product, y: number, yStride: number, context: Context): void {
  const { MR, tables } = context.around;
  if (fields.M > 0) context.steps.push({ kind: 'linear', MR, ...fields, y, yStride, tables });
}

const matmul: Emitter = ({ node }, context) => {
  const [a, b] = node.inputs;
  const rank = a.shape.length;
  const [M, K] = a.shape.slice(-2);
  const O = b.shape[rank - 1];
  const y = context.place(node.storage);
  const yStride = rowStride(node.output);
  const products = sizeOf(a.shape.slice(0, -2));
  const at = (x: Tensor, n: number): number => 4 * offsetOf(x.shape.slice(0, -2), x.stride.slice(0, -2), n);
  for (let n = 0; n < products; n++) {
    const packedA = packA(context.address(a) + at(a, n), M, 4 * a.stride[rank - 2], 4 * a.stride[rank - 1], K, context);
    const one = view(storageOf(b), [O, K], [b.stride[rank - 1], b.stride[rank - 2]], b.offset + at(b, n) / 4);
    const packedB = packB(one, O, K, b.stride[rank - 1], b.stride[rank - 2], context);
    product({ M, K, O, a: packedA, ...packedB, ...summationOf(node), bias: 0, activation: 0, residual: 0, residualStride: 0 }, y + n * M * yStride, yStride, context);
  }
};

/** Elements from the first to the n-th of the leading axes, in row-major order. */
export function offsetOf(shape: readonly number[], stride: readonly number[], n: number): number {
  let rest = n;
  let offset = 0;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    offset += (rest % shape[axis]) * stride[axis];
    rest = Math.floor(rest / shape[axis]);
  }
  return offset;
}

const attention: Emitter = ({ node }, context) => {
  const { MR, parts, tables } = context.around;
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
    return { at: address, image: 4 * images.stride, token: 4 * stride[x.shape.length - 2], N: images.count };
  };
  const { N, ...queries } = tokens(q);
  const at = context.place(node.storage);
  const tokensFirst = node.attributes.tokensFirst === true;
  const y = tokensFirst ? { at, image: 4 * D, token: 4 * N * D } : { at, image: 4 * T * D, token: 4 * D };
  const shift = mask === undefined ? null : rows(mask, context);
  context.steps.push({
    kind: 'attention', MR, N, T, S, heads, d, factor: Math.fround(1 / Math.sqrt(d)), q: queries, k: tokens(k), v: tokens(v), y,
    mask: shift?.address ?? 0, maskStride: 4 * (shift?.stride ?? 0), scratch: context.temporary(parts * attentionScratchBytes(S, d)), tables,
  });
};

const overRows = (kind: 'softmax' | 'l2Normalize'): Emitter => ({ node }, context) => {
  const x = rows(node.inputs[0], context);
  const width = node.output.shape[node.output.shape.length - 1];
  context.steps.push({ kind, x: x.address, xStride: 4 * x.stride, y: context.place(node.storage), yStride: 4 * width, rows: x.count, width, tables: context.around.tables });
};

const EMITTERS: Record<Node['op'], Emitter> = {
  conv2d, linear, matmul, attention,
  round: ({ node }, context) => { emitRound(node, context, inPlace); },
  quantize: ({ node }, context) => { emitQuantize(node, context, inPlace); },
  relu: unary('relu'), sigmoid: unary('sigmoid'), quickGelu: unary('quickGelu'), gelu: unary('gelu'),
  softmax: overRows('softmax'), l2Normalize: overRows('l2Normalize'),
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
      context.steps.push({ kind: 'add', a: dense(a, context), b: dense(b, context), y: context.place(node.storage), rows: width === 0 ? 0 : a.size / width, width });
    }
  },
  batchNorm2d: ({ node }, context) => {
    const [x] = node.inputs;
    const [N, C] = x.shape;
    const found = collapse(x.shape.slice(0, 2), node.output.stride.slice(0, 2));
    if (found === null) throw new Error('batchNorm2d: planes expected to lie evenly');
    const { x: from, y } = inPlace(node, context);
    const plane = found.count === 1 ? node.storage.length : found.stride;
    context.steps.push({ kind: 'batchNorm2d', x: from, y, planes: N * C, channels: C, plane, ac: context.constant(affine(node, context)) });
  },
  layerNorm: ({ node }, context) => {
    const [x, weight, bias] = node.inputs;
    const source = rows(x, context);
    const width = x.shape[x.shape.length - 1];
    context.steps.push({
      kind: 'layerNorm', x: source.address, xStride: 4 * source.stride, y: context.place(node.storage), yStride: 4 * width, rows: source.count, width,
      weight: dense(weight, context), bias: dense(bias, context), eps: node.attributes.eps as number,
    });
  },
  mean: ({ node }, context) => {
    const source = rows(node.inputs[0], context);
    const { shape } = node.inputs[0];
    context.steps.push({ kind: 'mean', x: source.address, xStride: 4 * source.stride, y: context.place(node.storage), rows: source.count, width: shape[shape.length - 1] });
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
      kind: 'avgPool2d', x: source.address, y: context.place(node.storage), planes: source.count, xPlane: 4 * source.stride, yPlane: 4 * node.output.stride[1],
      H, W, OH, OW, kernelH, kernelW, strideH, strideW, padH, padW, countIncludePad: node.attributes.countIncludePad as boolean,
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
    context.steps.push({ kind: 'embedding', ids: context.address(ids), table: dense(table, context), y: context.place(node.storage), rows: ids.size, width });
  },
  contiguous: ({ node }, context) => {
    copy(node.inputs[0], context.place(node.storage), node.output.stride, context);
  },
};
