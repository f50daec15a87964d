// How parameters are stored: matrices of products are packed once, when they are read; everything else is row-major.

import type { PackStep } from '../ops/linear.simd.ts';
import { packedColumnsBytes, type WeightForm } from '../ops/packing.simd.ts';
import { sizeOf } from '../ops/tensor.ts';

/**
 * How a parameter is used. linear: the (O,K) weight of nn.Linear, x·Wᵀ; matrix: (K,O), x·W; convolution: (O,C,KH,KW);
 * table: rows that are looked up or added; vector: a scalar or vector.
 */
export type WeightUse = 'linear' | 'matrix' | 'convolution' | 'table' | 'vector';

/**
 * plain: row-major; columns: B of a product, packed in panels of 8 columns; rows: A of a convolution, in panels of MR
 * rows.
 */
export type WeightLayout = 'plain' | 'columns' | 'rows';

export const LAYOUTS: Readonly<Record<WeightUse, WeightLayout>> = {
  linear: 'columns',
  matrix: 'columns',
  convolution: 'rows',
  table: 'plain',
  vector: 'plain',
};

export interface PlacedWeight {
  readonly address: number;
  readonly use: WeightUse;
  readonly layout: WeightLayout;
  readonly shape: readonly number[];
  /** float32, or a smaller form that holds the parameter exactly (packed ones only). */
  readonly form: WeightForm;
  /** The same parameter, stored once more for another use. */
  readonly also?: PlacedWeight;
}

/** Outputs and inputs of a matrix: nn.Linear's is (O,K), one that is multiplied from the right (K,O). */
function outputsAndInputs(use: WeightUse, shape: readonly number[]): readonly [number, number] {
  return use === 'matrix' ? [shape[1], shape[0]] : [shape[0], sizeOf(shape.slice(1))];
}

/** Elements of a parameter as it is stored: columns are padded to whole panels. */
export function weightElements({ use, shape }: Pick<PlacedWeight, 'use' | 'shape'>): number {
  if (LAYOUTS[use] !== 'columns') return sizeOf(shape);
  const [O, K] = outputsAndInputs(use, shape);
  return packedColumnsBytes(O, K, 4) / 4;
}

/** The step that packs a parameter which is stored row-major at `from`. @param MR rows of a tile */
export function packStep(
  { use, shape }: Pick<PlacedWeight, 'use' | 'shape'>,
  from: number,
  to: number,
  MR: number,
): PackStep {
  const [vectors, K] = outputsAndInputs(use, shape);
  const [vectorStride, kStride] = use === 'matrix' ? [4, 4 * vectors] : [4 * K, 4];
  return { kind: 'pack', from, vectorStride, kStride, vectors, K, bytes: 4, MR: use === 'convolution' ? MR : 0, to };
}

/**
 * The columns that hold a view (O,K) of a parameter: nn.Linear's may be taken in part, by rows.
 * @returns null if the parameter was not packed for this product
 */
export function columnsOf(
  weight: PlacedWeight,
  { shape: [O, K], stride }: { shape: readonly number[]; stride: readonly number[] },
): PlacedWeight | null {
  const [outputs, inputs] = outputsAndInputs(weight.use, weight.shape);
  const [along, across] = weight.use === 'matrix' ? [stride[0], stride[1]] : [stride[1], stride[0]];
  const fits =
    weight.layout === 'columns' &&
    inputs === K &&
    outputs >= O &&
    (along === 1 || (weight.use === 'matrix' ? O : K) === 1) &&
    (across === weight.shape[1] || (weight.use === 'matrix' ? K : O) === 1);
  return fits ? weight : weight.also === undefined ? null : columnsOf(weight.also, { shape: [O, K], stride });
}

/** Outputs of a matrix that is packed in columns. */
export const outputsOf = ({ use, shape }: PlacedWeight): number => outputsAndInputs(use, shape)[0];
