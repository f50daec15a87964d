// What the operations of one element have in common: the step, the kernel's loop, the split among threads.

import { FunctionBuilder, type Local } from './assembler.ts';
import { mapElements, paramsOf, type Block } from './lanes.ts';
import { share, type Machine } from './machine.ts';

/** y[i] = f(x[i]) for `count` elements; x and y may be the same address. */
export interface UnaryStep<K extends string> {
  kind: K;
  x: number;
  y: number;
  count: number;
  /** Address of the tables (tables.simd.ts). */
  tables: number;
}

/** Elements that one thread takes at least: a few cache lines, so that two threads rarely write into one. */
const GRAIN = 256;

/** Kernel `name`(x, y, count, tables), from code for four elements. */
export function unaryKernel(name: string, blockOf: (f: FunctionBuilder, tables: Local) => Block): FunctionBuilder {
  const f = new FunctionBuilder(name);
  const [x, y, count, tables] = paramsOf(f, 'i32', 4);
  const block = blockOf(f, tables);
  f.emit(mapElements(f, x, y, count, block));
  return f;
}

export function runUnary(kernel: string, step: UnaryStep<string>, machine: Machine, part: number, parts: number): void {
  const [begin, end] = share(step.count, GRAIN, part, parts);
  if (end > begin) machine.kernels[kernel](step.x + 4 * begin, step.y + 4 * begin, end - begin, step.tables);
}
