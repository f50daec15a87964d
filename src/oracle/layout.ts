// The order in which another program stores a module's output, told by its shape: NCHW or NHWC, (T,N,D) or (N,T,D),
// positions as one axis or two, with or without the batch and other axes of extent 1.

import ndarray from 'ndarray';
import { contiguous } from '../ops/contiguous.ts';
import type { Tensor } from '../ops/tensor.ts';
import type { Values } from '../formats/values.ts';

export interface Layout {
  /** How it is called, such as `NHWC`. */
  readonly label: string;
  /** The axes of PyTorch's layout in the order in which they are stored. */
  readonly order: readonly number[];
}

/** Orders that programs use, PyTorch's first. Height is before width in all: swapping them is a bug, not a layout. */
export const IMAGES: readonly Layout[] = [
  { label: 'NCHW', order: [0, 1, 2, 3] },
  { label: 'NHWC', order: [0, 2, 3, 1] },
];
const TOKENS: readonly Layout[] = [
  { label: 'TND', order: [0, 1, 2] },
  { label: 'NTD', order: [1, 0, 2] },
  { label: 'NDT', order: [1, 2, 0] },
];
const BATCHED_TOKENS: readonly Layout[] = [
  { label: 'NTD', order: [0, 1, 2] },
  { label: 'TND', order: [1, 0, 2] },
  { label: 'NDT', order: [0, 2, 1] },
];
const ROWS: readonly Layout[] = [{ label: 'NE', order: [0, 1] }];

/**
 * The layouts that a stored shape can have, PyTorch's first; empty if this module's output cannot have it.
 * @param shape the module's, in PyTorch's order
 * @param stored the dump's
 */
export function layoutsFor(name: string, shape: readonly number[], stored: readonly number[]): Layout[] {
  const known =
    shape.length === 4 ? IMAGES : shape.length === 2 ? ROWS : name.endsWith('ln_pre') ? BATCHED_TOKENS : TOKENS;
  const there = squeezed(stored);
  const found = new Map<string, Layout>();
  for (const layout of known) {
    const extents = layout.order.map((axis) => shape[axis]);
    // Positions as one axis: H and W stand side by side in both orders.
    const at = layout.order.indexOf(2);
    const merged =
      shape.length === 4 ? [...extents.slice(0, at), extents[at] * extents[at + 1], ...extents.slice(at + 2)] : extents;
    if (squeezed(extents) !== there && squeezed(merged) !== there) continue;
    const moving = layout.order.filter((axis) => shape[axis] !== 1).join(); // axes of extent 1 make no difference
    if (!found.has(moving)) found.set(moving, layout);
  }
  return [...found.values()];
}

const squeezed = (shape: readonly number[]): string => shape.filter((extent) => extent !== 1).join();

/**
 * The numbers in PyTorch's order.
 * @param shape the module's
 * @param stored as many numbers, in the order that `layout` says
 */
export function arranged({ data }: Values, shape: readonly number[], { order }: Layout): Values {
  if (order.filter((axis) => shape[axis] !== 1).every((axis, i, all) => i === 0 || all[i - 1] < axis))
    return { shape, data };
  const stored = ndarray(
    data,
    order.map((axis) => shape[axis]),
  ) as Tensor;
  return { shape, data: contiguous(stored.transpose(...shape.map((_, axis) => order.indexOf(axis))) as Tensor).data };
}

/**
 * Of several layouts that the shape allows, the one whose numbers are nearest to what they should be.
 * @param like the module's output as computed here
 */
export function nearestLayout(stored: Values, like: Values, layouts: readonly Layout[]): Layout {
  let best = layouts[0],
    least = Infinity;
  for (const layout of layouts) {
    const { data } = arranged(stored, like.shape, layout);
    let distance = 0;
    for (let i = 0; i < data.length; i++) distance += (data[i] - like.data[i]) * (data[i] - like.data[i]);
    if (distance < least) [best, least] = [layout, distance]; // a NaN is never nearer
  }
  return best;
}
