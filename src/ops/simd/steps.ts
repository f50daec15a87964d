// All steps there are: which kernels they need, and who runs them. The choice of kernels is made here and in tiles.ts, nowhere else.

import { runAttention } from '../attention.simd.ts';
import { conv2dKernels, runConv2d, runPad } from '../conv2d.simd.ts';
import { dotProductsKernels } from '../dotProducts.simd.ts';
import { runLinear, runPack } from '../linear.simd.ts';
import type { FunctionBuilder } from '../wasm/assembler.ts';
import { elementwiseKernels, runElementwise } from './elementwise.ts';
import { halfKernels, runNarrow } from './half.ts';
import type { Machine } from './machine.ts';
import type { Tile } from './tiles.ts';

export { checkKernels } from './canary.ts';

type Run = (step: never, machine: Machine, part: number, parts: number) => void;

const RUN = {
  pack: runPack, linear: runLinear, pad: runPad, conv2d: runConv2d, attention: runAttention, narrow: runNarrow, ...runElementwise,
} satisfies Record<string, Run>;

export type Step = { [Kind in keyof typeof RUN]: Parameters<(typeof RUN)[Kind]>[0] }[keyof typeof RUN];

/** Everything that the steps call. */
export function kernels(tile: Tile): FunctionBuilder[] {
  return [...dotProductsKernels(tile), ...conv2dKernels(), ...halfKernels(), ...elementwiseKernels()];
}

/** Computes this part's share of a step's output. */
export function runStep(step: Step, machine: Machine, part: number, parts: number): void {
  const run = RUN[step.kind] as Run | undefined;
  if (run === undefined) throw new Error(`unknown step ${step.kind}; are the threads and the main program of one version?`);
  run(step as never, machine, part, parts);
}
