// The kernels of all operations that are no matrix product, and the function that runs each of their steps.

import { addKernels, runAdd, type AddStep } from '../ops/add.simd.ts';
import { avgPool2dKernels, runAvgPool2d, type AvgPool2dStep } from '../ops/avg-pool2d.simd.ts';
import { batchNorm2dKernels, runBatchNorm2d, type BatchNorm2dStep } from '../ops/batch-norm2d.simd.ts';
import { copyKernels, runCopy, type CopyStep } from '../ops/copy.simd.ts';
import { embeddingKernels, runEmbedding, type EmbeddingStep } from '../ops/embedding.simd.ts';
import { erfKernels, runErf, type ErfStep } from '../ops/erf.simd.ts';
import { expKernels, runExp, type ExpStep } from '../ops/exp.simd.ts';
import { geluKernels, runGelu, type GeluStep } from '../ops/gelu.simd.ts';
import { l2NormalizeKernels, runL2Normalize, type L2NormalizeStep } from '../ops/l2-normalize.simd.ts';
import { layerNormKernels, runLayerNorm, type LayerNormStep } from '../ops/layer-norm.simd.ts';
import { meanKernels, runMean, type MeanStep } from '../ops/mean.simd.ts';
import { runQuantize, type QuantizeStep } from '../ops/quantize.simd.ts';
import { quickGeluKernels, runQuickGelu, type QuickGeluStep } from '../ops/quick-gelu.simd.ts';
import { reluKernels, runRelu, type ReluStep } from '../ops/relu.simd.ts';
import { roundKernels, runRound, type RoundStep } from '../ops/round.simd.ts';
import { runScale, scaleKernels, type ScaleStep } from '../ops/scale.simd.ts';
import { runSigmoid, sigmoidKernels, type SigmoidStep } from '../ops/sigmoid.simd.ts';
import { runSoftmax, softmaxKernels, type SoftmaxStep } from '../ops/softmax.simd.ts';
import type { FunctionBuilder } from '../wasm/assembler.ts';
import { epilogueKernels } from '../ops/epilogues.simd.ts';
import type { Machine } from '../wasm/machine.ts';

export type ElementwiseStep =
  | AddStep
  | AvgPool2dStep
  | BatchNorm2dStep
  | CopyStep
  | EmbeddingStep
  | ErfStep
  | ExpStep
  | GeluStep
  | L2NormalizeStep
  | LayerNormStep
  | MeanStep
  | QuantizeStep
  | QuickGeluStep
  | ReluStep
  | RoundStep
  | ScaleStep
  | SigmoidStep
  | SoftmaxStep;

export function elementwiseKernels(): FunctionBuilder[] {
  return [
    addKernels,
    avgPool2dKernels,
    batchNorm2dKernels,
    copyKernels,
    embeddingKernels,
    erfKernels,
    expKernels,
    geluKernels,
    l2NormalizeKernels,
    layerNormKernels,
    meanKernels,
    quickGeluKernels,
    reluKernels,
    roundKernels,
    scaleKernels,
    sigmoidKernels,
    softmaxKernels,
    epilogueKernels,
  ].flatMap((kernels) => kernels());
}

type Run<S> = (step: S, machine: Machine, part: number, parts: number) => void;

/** Computes this part's share of a step, by the step's kind. */
export const runElementwise: { readonly [K in ElementwiseStep['kind']]: Run<Extract<ElementwiseStep, { kind: K }>> } = {
  add: runAdd,
  avgPool2d: runAvgPool2d,
  batchNorm2d: runBatchNorm2d,
  copy: runCopy,
  embedding: runEmbedding,
  erf: runErf,
  exp: runExp,
  gelu: runGelu,
  l2Normalize: runL2Normalize,
  layerNorm: runLayerNorm,
  mean: runMean,
  quantize: runQuantize,
  quickGelu: runQuickGelu,
  relu: runRelu,
  round: runRound,
  scale: runScale,
  sigmoid: runSigmoid,
  softmax: runSoftmax,
};
