// Operands of the products (conv2d, linear, matmul, attention) of both modes: their addresses, and how they are packed.

import type { AttentionStep, Tokens } from '../ops/attention.simd.ts';
import type { Conv2dStep } from '../ops/conv2d.simd.ts';
import { NR } from '../ops/dot-products.simd.ts';
import { sizeOf, type Tensor } from '../ops/tensor.ts';
import { isPointwise } from './constants.ts';
import { asDense, dense, packedWeight, planes } from './emit-operands.ts';
import { storageOf, view, type RecordedNode } from '../graph/node.ts';
import { formOfWidth, packedColumnsBytes, paddedColumns, type WeightForm } from '../ops/packing.simd.ts';
import { widenedPanelBytes, type LinearStep } from '../ops/linear.simd.ts';
import type { Width } from '../wasm/mode.ts';
import type { Context } from './context.ts';
import { collapse } from '../graph/views.ts';
import { columnsOf, outputsOf } from './weights.ts';

type Windows = Pick<
  Conv2dStep,
  'MR' | 'N' | 'O' | 'K' | 'OH' | 'OW' | 'x' | 'xImage' | 'xPlane' | 'xRow' | 'strideH' | 'strideW' | 'offsets'
>;

/** The sizes of a conv2d, and its image with zeros around it. */
export function windows(node: RecordedNode<'conv2d'>, context: Context): Windows {
  const { inputs, output, attributes } = node;
  const [x, weight] = inputs;
  const { bytes } = context;
  const [N, C, H, W] = x.shape;
  const [O, , KH, KW] = weight.shape;
  const [, , OH, OW] = output.shape;
  const [padH, padW] = attributes.padding;
  const [strideH, strideW] = attributes.stride;
  const K = C * KH * KW;
  const source = planes(x, context);
  let image = { x: source.address, xImage: bytes * C * source.stride, xPlane: bytes * source.stride, xRow: bytes * W };
  if (padH > 0 || padW > 0) {
    const plane = (H + 2 * padH) * (W + 2 * padW);
    const y = context.temporary(bytes * N * C * plane + 64);
    context.steps.push({
      kind: 'pad',
      x: source.address,
      xPlane: bytes * source.stride,
      y,
      planes: N * C,
      H,
      W,
      padH,
      padW,
      bytes,
    });
    image = { x: y, xImage: bytes * C * plane, xPlane: bytes * plane, xRow: bytes * (W + 2 * padW) };
  }
  const offsets = isPointwise(node) ? 0 : context.constant(windowOffsets(C, KH, KW, image.xPlane, image.xRow, bytes));
  return { MR: context.around.MR, N, O, K, OH, OW, ...image, strideH, strideW, offsets };
}

/** Offsets of (c, kh, kw) from the window's corner, in bytes; `bytes` of one element. */
function windowOffsets(C: number, KH: number, KW: number, plane: number, row: number, bytes: Width): Int32Array {
  const offsets = new Int32Array(C * KH * KW);
  let k = 0;
  for (let c = 0; c < C; c++)
    for (let kh = 0; kh < KH; kh++) for (let kw = 0; kw < KW; kw++) offsets[k++] = c * plane + kh * row + bytes * kw;
  return offsets;
}

/** A convolution's weight, packed at load in a form of its own, or now in the mode's. */
export function packedRows(weight: Tensor, context: Context): { weight: number; form: WeightForm } {
  const placed = packedWeight(weight, 'rows', context);
  if (placed !== null) return { weight: placed.address, form: placed.form };
  const [O] = weight.shape;
  const K = sizeOf(weight.shape.slice(1));
  const rows = { address: dense(weight, context), count: O, stride: K, kStride: 1 };
  return { weight: packA(rows, K, context), form: formOfWidth(context.bytes) };
}

/** A (M,K), packed now: rows `stride` elements apart, their elements kStride. */
export function packA(
  { address, count, stride, kStride }: { address: number; count: number; stride: number; kStride: number },
  K: number,
  context: Context,
): number {
  const { bytes } = context;
  const to = context.temporary(bytes * count * K);
  context.steps.push({
    kind: 'pack',
    from: address,
    vectorStride: bytes * stride,
    kStride: bytes * kStride,
    vectors: count,
    K,
    bytes,
    MR: context.around.MR,
    to,
  });
  return to;
}

type PackedB = Pick<LinearStep, 'b' | 'bColumns' | 'firstPanel' | 'form'>;

/** B (O,K), with room to widen it in where its form is not the mode's. */
export function widenedB(x: Tensor, context: Context): PackedB & { widened: number } {
  const packed = packB(x, context);
  const room = widenedPanelBytes(packed.form, context.bytes);
  return { ...packed, widened: room === 0 ? 0 : context.temporary(context.around.parts * room) };
}

/** B (O,K), packed at load in a form of its own, or now in the mode's. */
function packB(x: Tensor, context: Context): PackedB {
  const [O, K] = x.shape;
  const stored = packedWeight(x, 'columns', context);
  if (stored !== null) {
    const placed = columnsOf(stored, x);
    if (placed === null)
      throw new Error(
        `a parameter of shape (${stored.shape.join(', ')}) expected a product of its use, "${stored.use}", got ` +
          `another; name the other use, too, when it is read`,
      );
    const first = placed.use === 'matrix' ? x.offset : x.offset / K;
    if (first % NR !== 0) throw new Error(`a packed weight expected rows from a multiple of ${NR} on, got ${first}`);
    const bColumns = paddedColumns(outputsOf(placed));
    return { b: placed.address, bColumns, firstPanel: first / NR, form: placed.form };
  }
  const { bytes } = context;
  const { address, stride } = asDense(x, true, context);
  const to = context.temporary(packedColumnsBytes(O, K, bytes));
  context.steps.push({
    kind: 'pack',
    from: address,
    vectorStride: bytes * stride[0],
    kStride: bytes * stride[1],
    vectors: O,
    K,
    bytes,
    MR: 0,
    to,
  });
  return { b: to, bColumns: paddedColumns(O), firstPanel: 0, form: formOfWidth(bytes) };
}

/** The products of a matmul: A packed, and B as (O,K), for the n-th of the leading axes. */
export function eachProduct(
  { inputs: [a, b] }: RecordedNode<'matmul'>,
  context: Context,
  emit: (sizes: { M: number; K: number; O: number }, a: number, b: Tensor, n: number) => void,
): void {
  const rank = a.shape.length;
  const [M, K] = a.shape.slice(-2);
  const O = b.shape[rank - 1];
  const leading = a.shape.slice(0, -2);
  const { address, stride } = asDense(a, true, context);
  const products = sizeOf(leading);
  for (let n = 0; n < products; n++) {
    const from = address + context.bytes * offsetOf(leading, stride.slice(0, -2), n);
    const packed = packA({ address: from, count: M, stride: stride[rank - 2], kStride: stride[rank - 1] }, K, context);
    const offset = b.offset + offsetOf(b.shape.slice(0, -2), b.stride.slice(0, -2), n);
    emit({ M, K, O }, packed, view(storageOf(b), [O, K], [b.stride[rank - 1], b.stride[rank - 2]], offset), n);
  }
}

/** Elements from the first to the n-th of the leading axes, in row-major order. */
function offsetOf(shape: readonly number[], stride: readonly number[], n: number): number {
  let rest = n;
  let offset = 0;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    offset += (rest % shape[axis]) * stride[axis];
    rest = Math.floor(rest / shape[axis]);
  }
  return offset;
}

/** The sizes of an attention, and the addresses of its queries, keys, values and output. */
export function attentionTokens(
  node: RecordedNode<'attention'>,
  context: Context,
): Pick<AttentionStep, 'MR' | 'N' | 'T' | 'S' | 'heads' | 'd' | 'q' | 'k' | 'v' | 'y'> {
  const { bytes } = context;
  const [q, k, v] = node.inputs;
  const { heads } = node.attributes;
  const [T, D] = q.shape.slice(-2);
  const [S] = k.shape.slice(-2);
  const tokens = (x: Tensor): Tokens & { N: number } => {
    const leading = (stride: readonly number[]) => collapse(x.shape.slice(0, -2), stride.slice(0, -2));
    const good = leading(x.stride) !== null && (D === 1 || x.stride[x.shape.length - 1] === 1);
    const { address, stride } = asDense(x, good, context);
    const images = leading(stride)!;
    return { at: address, image: bytes * images.stride, token: bytes * stride[x.shape.length - 2], N: images.count };
  };
  const { N, ...queries } = tokens(q);
  const at = context.place(node.storage);
  // (N,T,D) may be stored with tokens before images.
  const [image, token] = q.shape.length === 3 ? node.output.stride : [T * D, D];
  const y = { at, image: bytes * image, token: bytes * token };
  return { MR: context.around.MR, N, T, S, heads, d: D / heads, q: queries, k: tokens(k), v: tokens(v), y };
}
