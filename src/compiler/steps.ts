// The table of all steps: the function that runs it and the kernels that it calls. A new elementwise operation is a
// line here. Which tile the products take is chosen in tiles.simd.ts.

import { addKernels, runAdd } from '../ops/add.simd.ts';
import { runAttention } from '../ops/attention.simd.ts';
import { runAttention64 } from '../ops/attention64.simd.ts';
import { avgPool2dKernels, runAvgPool2d } from '../ops/avg-pool2d.simd.ts';
import { batchNorm2dKernels, runBatchNorm2d } from '../ops/batch-norm2d.simd.ts';
import { conv2dKernels, runConv2d, runConv2d64, runPad } from '../ops/conv2d.simd.ts';
import { copyKernels, runCopy } from '../ops/copy.simd.ts';
import { dotProductsKernels } from '../ops/dot-products.simd.ts';
import { dotProducts64Kernels } from '../ops/dot-products64.simd.ts';
import { embeddingKernels, runEmbedding } from '../ops/embedding.simd.ts';
import { epilogueKernels } from '../ops/epilogues.simd.ts';
import { erfKernels, runErf } from '../ops/erf.simd.ts';
import { expKernels, runExp } from '../ops/exp.simd.ts';
import { geluKernels, runGelu } from '../ops/gelu.simd.ts';
import { halfKernels, runNarrow } from '../ops/half.simd.ts';
import { l2NormalizeKernels, runL2Normalize } from '../ops/l2-normalize.simd.ts';
import { layerNormKernels, runLayerNorm } from '../ops/layer-norm.simd.ts';
import { runLinear, runLinear64, runPack } from '../ops/linear.simd.ts';
import { meanKernels, runMean } from '../ops/mean.simd.ts';
import type { AttributesOf, LaidOut, OperationName, ParametersOf } from '../ops/operations.ts';
import { runQuantize } from '../ops/quantize.simd.ts';
import { quickGeluKernels, runQuickGelu } from '../ops/quick-gelu.simd.ts';
import { reluKernels, runRelu } from '../ops/relu.simd.ts';
import { roundKernels, runRound } from '../ops/round.simd.ts';
import { runScale, scaleKernels } from '../ops/scale.simd.ts';
import { runSigmoid, sigmoidKernels } from '../ops/sigmoid.simd.ts';
import { runSoftmax, softmaxKernels } from '../ops/softmax.simd.ts';
import type { Tile } from '../ops/tiles.simd.ts';
import type { FunctionBuilder } from '../wasm/assembler.ts';
import type { Machine } from '../wasm/machine.ts';
import { DOUBLE, SINGLE } from '../wasm/mode.ts';
import { runCopy64, runPlain64 } from './plain64.ts';

export { checkKernels } from './canary.ts';

interface Entry {
  run: (step: never, machine: Machine, part: number, parts: number) => void;
  kernels?: ((tile: Tile) => FunctionBuilder[]) | undefined;
}

/** In the order in which the kernels are assembled. */
const STEPS = {
  linear: { run: runLinear, kernels: dotProductsKernels },
  conv2d: { run: runConv2d, kernels: () => conv2dKernels(SINGLE) },
  linear64: { run: runLinear64, kernels: dotProducts64Kernels },
  conv2d64: { run: runConv2d64, kernels: () => conv2dKernels(DOUBLE) },
  narrow: { run: runNarrow, kernels: halfKernels },
  add: { run: runAdd, kernels: addKernels },
  avgPool2d: { run: runAvgPool2d, kernels: avgPool2dKernels },
  batchNorm2d: { run: runBatchNorm2d, kernels: batchNorm2dKernels },
  copy: { run: runCopy, kernels: copyKernels },
  embedding: { run: runEmbedding, kernels: embeddingKernels },
  erf: { run: runErf, kernels: erfKernels },
  exp: { run: runExp, kernels: expKernels },
  gelu: { run: runGelu, kernels: geluKernels },
  l2Normalize: { run: runL2Normalize, kernels: l2NormalizeKernels },
  layerNorm: { run: runLayerNorm, kernels: layerNormKernels },
  mean: { run: runMean, kernels: meanKernels },
  quickGelu: { run: runQuickGelu, kernels: quickGeluKernels },
  relu: { run: runRelu, kernels: reluKernels },
  round: { run: runRound, kernels: roundKernels },
  scale: { run: runScale, kernels: scaleKernels },
  sigmoid: { run: runSigmoid, kernels: sigmoidKernels },
  softmax: { run: runSoftmax, kernels: softmaxKernels },
  quantize: { run: runQuantize },
  pack: { run: runPack },
  pad: { run: runPad },
  attention: { run: runAttention },
  attention64: { run: runAttention64 },
  plain64: { run: runPlain64 },
  copy64: { run: runCopy64 },
} satisfies Record<string, Entry> & DerivedEntries;

type StepKind = keyof typeof STEPS;

export type Step = { [Kind in StepKind]: Parameters<(typeof STEPS)[Kind]['run']>[0] }[StepKind];

/** Operations whose steps follow from their descriptions. */
export type Derived = LaidOut<'elements' | 'rows'>;

/** The step that emitters make of an operation of layout `elements` or `rows`. */
interface ElementsStep<Name extends OperationName> {
  kind: Name;
  x: number;
  y: number;
  count: number;
  tables: number;
}
interface RowsStep<Name extends OperationName> extends Omit<ElementsStep<Name>, 'count'> {
  xStride: number;
  yStride: number;
  rows: number;
  width: number;
}
type StepOf<Name extends OperationName> = AttributesOf[Name] &
  (Name extends LaidOut<'rows'> ? RowsStep<Name> & Record<ParametersOf[Name], number> : ElementsStep<Name>);

/** Such an operation without an entry, or whose run function takes something else, is a type error. */
type DerivedEntries = {
  [Name in Derived]: Pick<Entry, 'kernels'> & {
    run: (step: StepOf<Name>, machine: Machine, part: number, parts: number) => void;
  };
};

export type DerivedStep = { [Name in Derived]: StepOf<Name> }[Derived] & Step;

/** Everything that the steps call. */
export function kernels(tile: Tile): FunctionBuilder[] {
  const entries: Entry[] = Object.values(STEPS);
  return [...entries.flatMap((entry) => entry.kernels?.(tile) ?? []), ...epilogueKernels()];
}

/** Computes this part's share of a step's output. */
export function runStep(step: Step, machine: Machine, part: number, parts: number): void {
  const entry = STEPS[step.kind] as Entry | undefined;
  if (entry === undefined)
    throw new Error(`unknown step ${step.kind}; the threads and the main program must be of one version`);
  entry.run(step as never, machine, part, parts);
}
