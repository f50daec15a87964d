// Steps of the operations that emulate smaller formats (round, quantize). Parameters are read as they are stored:
// packed ones, padding included, stay packed, since every element is rounded on its own and every output is in one
// panel.

import { NR } from '../ops/dot-products.simd.ts';
import { sizeOf, type Tensor } from '../ops/tensor.ts';
import { inPlace } from './emit-operands.ts';
import type { Item } from './fuse.ts';
import { storageOf } from '../graph/node.ts';
import { paddedColumns } from '../ops/packing.simd.ts';
import type { Context } from './context.ts';
import { weightElements, type PlacedWeight } from './weights.ts';

/** A parameter that is stored packed for products, with its name. */
function packedParameter(x: Tensor, context: Context): (PlacedWeight & { name: string; elements: number }) | null {
  const { origin } = storageOf(x);
  const placed = origin.kind === 'weight' ? context.around.weights.get(origin.name) : undefined;
  if (origin.kind !== 'weight' || placed === undefined || placed.layout === 'plain') return null;
  return { ...placed, name: origin.name, elements: weightElements(placed) };
}

export function emitRound({ node }: Item<'round'>, context: Context): void {
  const format = node.attributes.format;
  const packed = packedParameter(node.inputs[0], context);
  if (packed === null) {
    context.steps.push({ kind: 'round', ...inPlace(node, context), format, form: 'f32' });
  } else {
    const count = packed.elements;
    context.steps.push({
      kind: 'round',
      x: packed.address,
      y: context.place(node.storage, count),
      count,
      format,
      form: packed.form,
    });
  }
}

export function emitQuantize({ node }: Item<'quantize'>, context: Context): void {
  const last = node.attributes.outputs === 'last';
  const { shape } = node.output;
  const vectors = shape[last ? shape.length - 1 : 0];
  const K = vectors === 0 ? 0 : sizeOf(shape) / vectors;
  const packed = packedParameter(node.inputs[0], context);
  if (packed === null) {
    const { x, y } = inPlace(node, context);
    context.steps.push({
      kind: 'quantize',
      x,
      y,
      vectors,
      K,
      panel: 0,
      padded: vectors,
      vectorStride: last ? 4 : 4 * K,
      kStride: last ? 4 * vectors : 4,
    });
    return;
  }
  const { layout, use, name, form, address, elements } = packed;
  const columns = layout === 'columns';
  if (last !== (use === 'matrix')) throw new Error(`quantize: ${name} is packed with its outputs along the other axis`);
  const y = context.place(node.storage, elements);
  // Halves are widened by rounding them to a format that contains them.
  if (form !== 'f32') context.steps.push({ kind: 'round', x: address, y, count: elements, format: 'tf32', form });
  context.steps.push({
    kind: 'quantize',
    x: form === 'f32' ? address : y,
    y,
    vectors,
    K,
    panel: columns ? NR : context.around.MR,
    padded: columns ? paddedColumns(vectors) : vectors,
    vectorStride: 0,
    kStride: 0,
  });
}
