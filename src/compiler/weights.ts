// How parameters lie in memory: matrices of products are packed once, at load; everything else lies as it is.

import { sizeOf } from '../ops/tensor.ts';
import type { PackStep } from '../ops/linear.simd.ts';
import { packedColumnsBytes } from '../ops/packing.simd.ts';

/**
 * plain: row-major; columns: B of a product, packed in panels of 8 columns; rows: A of a convolution, in panels of MR
 * rows.
 */
export type WeightLayout = 'plain' | 'columns' | 'rows';

export interface PlacedWeight {
  address: number;
  layout: WeightLayout;
  shape: readonly number[];
  /** Kept in half precision, which holds the parameter exactly. Packed ones only. */
  half: boolean;
}

/** A parameter's layout by its name and shape: the names are the checkpoint's. */
export function layoutOf(name: string, shape: readonly number[]): WeightLayout {
  if (shape.length === 4) return 'rows';
  if (shape.length !== 2 || name.endsWith('embedding') || name.endsWith('embedding.weight')) return 'plain';
  return 'columns';
}

/** Matrices that are multiplied from the right, x @ W, lie as (K,O); the others, weights of nn.Linear, as (O,K). */
export const liesTransposed = (name: string): boolean => name.endsWith('proj') || name.endsWith('text_projection');

/** Elements of a parameter in its layout: columns are padded to whole panels. */
export function weightElements(layout: WeightLayout, name: string, shape: readonly number[]): number {
  if (layout !== 'columns') return sizeOf(shape);
  const [O, K] = liesTransposed(name) ? [shape[1], shape[0]] : shape;
  return packedColumnsBytes(O, K, 4) / 4;
}

/** The step that packs a parameter which lies row-major at `from`. */
export function packStep(
  layout: 'columns' | 'rows',
  name: string,
  shape: readonly number[],
  from: number,
  to: number,
  MR: number,
): PackStep {
  const K = layout === 'rows' ? sizeOf(shape.slice(1)) : shape[1];
  if (layout === 'columns' && liesTransposed(name))
    return {
      kind: 'pack',
      from,
      vectorStride: 4,
      kStride: 4 * shape[1],
      vectors: shape[1],
      K: shape[0],
      bytes: 4,
      MR: 0,
      to,
    };
  return {
    kind: 'pack',
    from,
    vectorStride: 4 * K,
    kStride: 4,
    vectors: shape[0],
    K,
    bytes: 4,
    MR: layout === 'rows' ? MR : 0,
    to,
  };
}
