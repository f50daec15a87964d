// What the operations over the last axis have in common: rows of `width` elements, `xStride` and `yStride` bytes apart.

import { share, type Machine } from './machine.ts';

export interface RowsStep<K extends string> {
  kind: K;
  x: number;
  xStride: number;
  y: number;
  yStride: number;
  rows: number;
  width: number;
}


/** Calls kernel(x, xStride, y, yStride, rows, width, ...rest) on this part's rows. */
export function runRows(kernel: string, step: RowsStep<string>, machine: Machine, part: number, parts: number,
  ...rest: number[]): void {
  const { x, xStride, y, yStride, rows, width } = step;
  const [begin, end] = share(rows, 1, part, parts);
  if (end > begin) machine.kernels[kernel](x + begin * xStride, xStride, y + begin * yStride, yStride, end - begin,
    width, ...rest);
}
