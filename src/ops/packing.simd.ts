// Operands of a product, packed for the tiles of dot-products.simd.ts and dot-products64.simd.ts. Addresses and strides
// in bytes.
//
// Layout of a packed operand of R-wide panels: for each block of 128 k, for each panel: kc lines of R elements. A block
// of n vectors (rows of A, columns of B) takes n·kc elements, so block b begins at element 128·n·b and panel p of it at
// R·kc·p.
//
// Weights are packed once for both modes, in the form that they are kept in, and widened block by block on the way into
// a product: no second copy of them is ever made.

import { BLOCK } from './dot-products.ts';
import { NR } from './dot-products.simd.ts';
import { promote } from './dot-products64.simd.ts';
import { widen } from './half.simd.ts';
import type { Kernels, Machine } from '../wasm/machine.ts';
import type { Width } from '../wasm/mode.ts';

/** The format of a packed operand's elements in memory. */
export type WeightForm = 'f64' | 'f32' | 'f16';

/** Bytes of an element of each form. */
export const FORM_BYTES: Readonly<Record<WeightForm, number>> = { f64: 8, f32: 4, f16: 2 };

/** The form of operands that a mode computes with as they are. */
export const formOfWidth = (bytes: Width): WeightForm => (bytes === 8 ? 'f64' : 'f32');

/** Bytes of room that `widened` needs for `count` elements; none where the form is the mode's own. */
export const widenedBytes = (form: WeightForm, bytes: Width, count: number): number =>
  form === formOfWidth(bytes) ? 0 : bytes * count + 64;

/**
 * Elements [element, element + count) of a packed operand as the mode computes with them.
 * @param bytes of an element of the mode
 * @param room widenedBytes(form, bytes, count) bytes
 * @returns their address: in the operand itself, or in the room
 */
export function widened(
  { kernels }: Pick<Machine, 'kernels'>, bytes: Width, packed: number, form: WeightForm, element: number, count: number,
  room: number,
): number {
  const from = packed + FORM_BYTES[form] * element;
  if (form === formOfWidth(bytes)) return from;
  if (bytes === 4) {
    widen(kernels, from, room, count);
  } else if (form === 'f32') {
    promote(kernels, from, room, count);
  } else {
    // First to float32 in the upper half of the room: promote never writes what it has yet to read.
    widen(kernels, from, room + 4 * count, count);
    promote(kernels, room + 4 * count, room, count);
  }
  return room;
}

/**
 * A matrix of vectors to be packed: rows of A, or columns of B. Element k of vector v is at from + v·vectorStride +
 * k·kStride.
 */
export interface Operand {
  from: number;
  vectorStride: number;
  kStride: number;
  vectors: number;
  K: number;
  /** Bytes of an element, packed and not: float32 or float64. */
  bytes: Width;
}

/** Columns of B are padded with zeros to whole panels. */
export const paddedColumns = (O: number): number => Math.ceil(O / NR) * NR;

/** Bytes of B, packed. */
export const packedColumnsBytes = (O: number, K: number, bytes: Width): number => bytes * paddedColumns(O) * K;

/** Packs panels [begin, end) of B: 8 columns each, the last one filled up with zeros. */
export function packColumns(
  machine: Pick<Machine, 'kernels'>, b: Operand, to: number, begin: number, end: number,
): void {
  packPanels(machine, b, NR, paddedColumns(b.vectors), to, begin, end);
}

/** Packs panels [begin, end) of A: MR rows each, the last one as narrow as it is. */
export function packRows(
  machine: Pick<Machine, 'kernels'>, a: Operand, MR: number, to: number, begin: number, end: number,
): void {
  packPanels(machine, a, MR, a.vectors, to, begin, end);
}

function packPanels(
  { kernels }: Pick<Machine, 'kernels'>, x: Operand, R: number, padded: number, to: number, begin: number, end: number,
): void {
  for (let k = 0; k < x.K; k += BLOCK) {
    const kc = Math.min(BLOCK, x.K - k);
    for (let panel = begin; panel < end; panel++) {
      const first = panel * R;
      const width = Math.min(R, padded - first);
      const present = Math.min(width, x.vectors - first);
      packPanel(kernels, x, first, k, kc, present, width, to + x.bytes * (k * padded + first * kc));
    }
  }
}

const PACK = {
  4: { transpose: 'pack_transpose', lines: 'pack_lines', copy: 'pack_copy', fill: 'pack_fill' },
  8: { transpose: 'pack64_transpose', lines: 'pack64_lines', copy: 'pack64_copy', fill: 'pack64_fill' },
} as const;

/** Copies `count` elements, fromStride and toStride bytes apart. */
export function copyElements(
  kernels: Kernels, bytes: Width, from: number, fromStride: number, count: number, to: number, toStride: number,
): void {
  kernels[PACK[bytes].copy](from, fromStride, count, to, toStride);
}

/** kc lines of a panel from lines kStride bytes apart whose NR columns are adjacent. */
export function copyLines(
  kernels: Kernels, bytes: Width, from: number, kStride: number, kc: number, to: number,
): void {
  kernels[PACK[bytes].lines](from, kStride, kc, to);
}

/** One panel of one block: `present` vectors from `first` on, in lines of `width`. */
function packPanel(
  kernels: Kernels, x: Operand, first: number, k: number, kc: number, present: number, width: number, to: number,
): void {
  const { bytes, vectorStride, kStride } = x;
  const pack = PACK[bytes];
  const from = x.from + first * vectorStride + k * kStride;
  let v = 0;
  if (kStride === bytes) {
    for (; v + 4 <= present; v += 4)
      kernels[pack.transpose](from + v * vectorStride, vectorStride, kc, to + bytes * v, bytes * width);
  } else if (vectorStride === bytes && present === NR && width === NR) {
    copyLines(kernels, bytes, from, kStride, kc, to);
    v = NR;
  }
  for (; v < present; v++)
    copyElements(kernels, bytes, from + v * vectorStride, kStride, kc, to + bytes * v, bytes * width);
  for (; v < width; v++) kernels[pack.fill](to + bytes * v, bytes * width, kc);
}
