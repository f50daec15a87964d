// All steps there are: which kernels they need, and who runs them. The choice of kernels is made here and in tiles.ts,
// nowhere else.

import { runAttention } from '../ops/attention.simd.ts';
import { runAttention64 } from '../ops/attention64.simd.ts';
import { conv2dKernels, runConv2d, runConv2d64, runPad } from '../ops/conv2d.simd.ts';
import { dotProductsKernels } from '../ops/dot-products.simd.ts';
import { dotProducts64Kernels } from '../ops/dot-products64.simd.ts';
import { runLinear, runLinear64, runPack } from '../ops/linear.simd.ts';
import type { FunctionBuilder } from '../wasm/assembler.ts';
import { elementwiseKernels, runElementwise } from './elementwise.ts';
import { halfKernels, runNarrow } from '../ops/half.simd.ts';
import type { Machine } from '../wasm/machine.ts';
import { DOUBLE, SINGLE } from '../wasm/mode.ts';
import { runCopy64, runPlain64 } from './plain64.ts';
import type { Tile } from '../ops/tiles.simd.ts';

export { checkKernels } from './canary.ts';

type Run = (step: never, machine: Machine, part: number, parts: number) => void;

const RUN = {
  pack: runPack,
  linear: runLinear,
  pad: runPad,
  conv2d: runConv2d,
  attention: runAttention,
  narrow: runNarrow,
  ...runElementwise,
  linear64: runLinear64,
  conv2d64: runConv2d64,
  attention64: runAttention64,
  plain64: runPlain64,
  copy64: runCopy64,
} satisfies Record<string, Run>;

export type Step = { [Kind in keyof typeof RUN]: Parameters<(typeof RUN)[Kind]>[0] }[keyof typeof RUN];

/** Everything that the steps call. */
export function kernels(tile: Tile): FunctionBuilder[] {
  return [
    ...dotProductsKernels(tile),
    ...conv2dKernels(SINGLE),
    ...dotProducts64Kernels(tile),
    ...conv2dKernels(DOUBLE),
    ...halfKernels(),
    ...elementwiseKernels(),
  ];
}

/** Computes this part's share of a step's output. */
export function runStep(step: Step, machine: Machine, part: number, parts: number): void {
  const run = RUN[step.kind] as Run | undefined;
  if (run === undefined)
    throw new Error(`unknown step ${step.kind}; are the threads and the main program of one version?`);
  run(step as never, machine, part, parts);
}
