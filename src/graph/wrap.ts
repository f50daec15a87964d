// A set of operations as an object of functions, for those who replace some of them.

import type { Operations } from '../ops/operations.ts';

/**
 * All operations as functions of their own: a class's methods need their `this`, and a spread of an instance has none
 * of them.
 */
export function bound(ops: Operations): Operations {
  return {
    conv2d: (...a) => ops.conv2d(...a),
    batchNorm2d: (...a) => ops.batchNorm2d(...a),
    avgPool2d: (...a) => ops.avgPool2d(...a),
    relu: (...a) => ops.relu(...a),
    sigmoid: (...a) => ops.sigmoid(...a),
    quickGelu: (...a) => ops.quickGelu(...a),
    gelu: (...a) => ops.gelu(...a),
    add: (...a) => ops.add(...a),
    softmax: (...a) => ops.softmax(...a),
    layerNorm: (...a) => ops.layerNorm(...a),
    l2Normalize: (...a) => ops.l2Normalize(...a),
    matmul: (...a) => ops.matmul(...a),
    linear: (...a) => ops.linear(...a),
    attention: (...a) => ops.attention(...a),
    mean: (...a) => ops.mean(...a),
    concat: (...a) => ops.concat(...a),
    embedding: (...a) => ops.embedding(...a),
    scale: (...a) => ops.scale(...a),
    round: (...a) => ops.round(...a),
    quantize: (...a) => ops.quantize(...a),
    contiguous: (...a) => ops.contiguous(...a),
  };
}
