// embedding in SIMD: same elements as embedding.ts. Ids are checked before, where they come in.

import { paramsOf } from '../wasm/lanes.ts';
import { share, type Machine } from '../wasm/machine.ts';
import { advance, FunctionBuilder, get, i32, repeat, set, v128 } from '../wasm/assembler.ts';

/** y[r] = table[ids[r]], rows of `width` elements without gaps; ids are 32-bit integers. */
export interface EmbeddingStep {
  kind: 'embedding';
  ids: number;
  table: number;
  y: number;
  rows: number;
  width: number;
}

/** embedding(ids, table, y, rows, width) */
export function embeddingKernels(): FunctionBuilder[] {
  const f = new FunctionBuilder('embedding');
  const [ids, table, y, rows, width] = paramsOf(f, 'i32', 5);
  const [row, n, from] = f.locals('i32', 3);
  f.emit(repeat(row, get(rows), [
    // [1] y = the id's row of the table
    set(from, i32.add(get(table), i32.mul(i32.load(get(ids)), i32.shl(get(width), i32.const(2))))), advance(ids, 4),
    repeat(n, i32.shr_u(get(width), i32.const(2)),
      [v128.store(get(y), v128.load(get(from))), advance(from, 16), advance(y, 16)]),
    repeat(n, i32.and(get(width), i32.const(3)),
      [i32.store(get(y), i32.load(get(from))), advance(from, 4), advance(y, 4)]),
  ]));
  return [f];
}

export function runEmbedding(step: EmbeddingStep, machine: Machine, part: number, parts: number): void {
  const { ids, table, y, rows, width } = step;
  const [begin, end] = share(rows, 1, part, parts);
  if (end > begin) machine.kernels.embedding(ids + 4 * begin, table, y + 4 * width * begin, end - begin, width);
}
