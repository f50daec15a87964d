// clip-oracle/ops: the operations by their plain definitions, synchronous, result in the element type of the (first)
// input.

export { add } from './add.ts';
export { attention, type AttentionOptions } from './attention.ts';
export { avgPool2d, type AvgPool2dOptions } from './avg-pool2d.ts';
export { batchNorm2d, type BatchNormParameters } from './batch-norm2d.ts';
export { concat } from './concat.ts';
export { contiguous } from './contiguous.ts';
export { conv2d, type Conv2dOptions } from './conv2d.ts';
export { embedding } from './embedding.ts';
export { erf } from './erf.ts';
export { exp } from './exp.ts';
export { gelu } from './gelu.ts';
export { l2Normalize } from './l2-normalize.ts';
export { layerNorm } from './layer-norm.ts';
export { linear } from './linear.ts';
export { matmul } from './matmul.ts';
export { mean } from './mean.ts';
export { quantize } from './quantize.ts';
export { quickGelu } from './quick-gelu.ts';
export { reference } from './reference.ts';
export { relu } from './relu.ts';
export { round, type RoundFormat } from './round.ts';
export { scale } from './scale.ts';
export { sigmoid } from './sigmoid.ts';
export { softmax } from './softmax.ts';
export { isContiguous, reshape, sizeOf, zeros } from './tensor.ts';
export type { FloatArray, Tensor } from './tensor.ts';
export type { Operations } from './operations.ts';
