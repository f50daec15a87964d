// embedding: rows of a table by number, https://pytorch.org/docs/stable/generated/torch.nn.Embedding.html

import { describe, requireTensor, requireWithinData } from './checks.ts';
import { toFloat64 } from './contiguous.ts';
import { operation } from './operation.ts';
import { sizeOf, zeros } from './tensor.ts';
import type { Ids, Tensor } from './tensor.ts';

/**
 * ids (…) over an Int32Array, table (V,D) -> (…,D).
 * @throws TypeError, RangeError where ids are no Int32Array, or an id is no row of the table
 */
export function embedding(ids: Ids, table: Tensor): Tensor {
  if (typeof ids !== 'object' || ids === null || !(ids.data instanceof Int32Array) || !Array.isArray(ids.shape)) {
    throw new TypeError(`embedding: "ids" expected an ndarray over an Int32Array, got ${describe(ids)}`);
  }
  requireWithinData('embedding: "ids"', ids);
  requireTensor('embedding', 'table', table, 2, '(V, D)');
  const [V, D] = table.shape;
  const y = zeros([...ids.shape, D], table.data);
  const count = sizeOf(ids.shape);
  const index = new Array<number>(ids.shape.length).fill(0);
  for (let i = 0; i < count; i++) {
    const id = ids.get(...index);
    if (!(id >= 0 && id < V))
      throw new RangeError(`embedding: "ids" expected numbers from 0 to V - 1 = ${V - 1}, got ${id}`);
    // [1] y = the id's row of the table
    for (let c = 0; c < D; c++)
      y.data[i * D + c] = table.data[table.offset + id * table.stride[0] + c * table.stride[1]];
    for (let axis = index.length - 1; axis >= 0 && ++index[axis] === ids.shape[axis]; axis--) index[axis] = 0;
  }
  return y;
}

export const embeddingOperation = operation({
  plain: embedding,
  plain64: (ids, table) => toFloat64(embedding(ids, table)),
  record: (ids, table) => ({ inputs: [ids, table], attributes: {} }),
  call: (f, [ids, table]) => f(ids, table),
  shapes: ([ids, table]) => [[...ids.shape, table.shape[1]]],
  ids: [0],
  layout: 'dense',
  rounding: 'moves',
});
