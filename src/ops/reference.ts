// The plain definition as a set of operations: one thread, plain loops, in float32 or float64 by the element type of
// the input.

import { add } from './add.ts';
import { attention } from './attention.ts';
import { avgPool2d } from './avg-pool2d.ts';
import { batchNorm2d } from './batch-norm2d.ts';
import { concat } from './concat.ts';
import { contiguous } from './contiguous.ts';
import { conv2d } from './conv2d.ts';
import { embedding } from './embedding.ts';
import { gelu } from './gelu.ts';
import { l2Normalize } from './l2-normalize.ts';
import { layerNorm } from './layer-norm.ts';
import { linear } from './linear.ts';
import { matmul } from './matmul.ts';
import { mean } from './mean.ts';
import type { Operations } from './operations.ts';
import { quantize } from './quantize.ts';
import { quickGelu } from './quick-gelu.ts';
import { relu } from './relu.ts';
import { round } from './round.ts';
import { scale } from './scale.ts';
import { sigmoid } from './sigmoid.ts';
import { softmax } from './softmax.ts';

export const reference: Operations = {
  conv2d,
  batchNorm2d,
  avgPool2d,
  relu,
  sigmoid,
  quickGelu,
  gelu,
  add,
  softmax,
  layerNorm,
  l2Normalize,
  matmul,
  linear,
  attention,
  mean,
  concat,
  embedding,
  scale,
  contiguous,
  round,
  quantize,
};
