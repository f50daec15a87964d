// What each public vector asks for, in calls of our operations. Returns one tensor for each of the vector's outputs.

import {
  add,
  attention,
  batchNorm2d,
  concat,
  contiguous,
  erf,
  exp,
  gelu,
  linear,
  relu,
  reshape,
  scale,
  sigmoid,
  softmax,
  zeros,
} from '../../../src/ops/index.ts';
import type { Tensor } from '../../../src/ops/index.ts';
import {
  broadcastAdd,
  broadcastMatmul,
  convolution,
  divide,
  filled,
  gemm,
  layerNormOver,
  meanOver,
  multiply,
  padded,
  pooling,
  relaid,
  squareRoot,
} from './pieces.ts';
import type { Vector } from './read.ts';

type Attributes = Record<string, unknown>;

function list(attributes: Attributes, name: string, fallback: number[]): number[] {
  return (attributes[name] as number[] | undefined) ?? fallback;
}

function number(attributes: Attributes, name: string, fallback: number): number {
  return (attributes[name] as number | undefined) ?? fallback;
}

/**
 * A double copy, for operations that we have only in the disguise of exact float64 steps; the result is rounded once
 * where the vector is float32.
 */
function throughFloat64(inputs: readonly Tensor[], compute: (...wide: Tensor[]) => Tensor): Tensor {
  const wide = inputs.map((x) => {
    const y = zeros(x.shape, new Float64Array(0));
    y.data.set(contiguous(x).data);
    return y;
  });
  const result = contiguous(compute(...wide));
  if (inputs[0].data instanceof Float64Array) return result;
  const y = zeros(result.shape, inputs[0].data);
  y.data.set(result.data);
  return y;
}

/** tanh(x) = 2·sigmoid(2x) - 1. */
function tanh(x: Tensor): Tensor {
  const twice = scale(sigmoid(scale(x, 2)), 2);
  return add(twice, filled(x.shape, -1, x));
}

/** The approximate GELU: x·sigmoid(2·√(2/π)·(x + 0.044715·x³)), because (1 + tanh(z)) / 2 = sigmoid(2z). */
function geluTanh(x: Tensor): Tensor {
  const cube = multiply(x, multiply(x, x));
  return multiply(
    x,
    sigmoid(scale(add(x, scale(cube, Math.fround(0.044715))), Math.fround(2 * Math.sqrt(2 / Math.PI)))),
  );
}

function softmaxOver(x: Tensor, axis: number): Tensor {
  const order = [...x.shape.keys()].filter((a) => a !== axis);
  order.push(axis);
  return softmax(x.transpose(...order) as Tensor).transpose(...order.map((_, a) => order.indexOf(a))) as Tensor;
}

function batchNormOver(
  x: Tensor,
  axis: number,
  parameters: { weight?: Tensor; bias?: Tensor; runningMean: Tensor; runningVar: Tensor },
  eps: number,
): Tensor {
  const order = [...x.shape.keys()].filter((a) => a !== axis);
  order.splice(1, 0, axis);
  const C = [x.shape[axis]];
  const complete = {
    ...parameters,
    weight: parameters.weight ?? filled(C, 1, x),
    bias: parameters.bias ?? zeros(C, x.data),
  };
  return batchNorm2d(x.transpose(...order) as Tensor, complete, eps).transpose(
    ...order.map((_, a) => order.indexOf(a)),
  ) as Tensor;
}

function shapeOf(attributes: Attributes, x: Tensor): number[] {
  const given = attributes.newShape as (number | null)[];
  const known = given.reduce<number>((product, extent) => product * (extent ?? 1), 1);
  return given.map((extent) => extent ?? x.size / known);
}

/** webmachinelearning/webnn-baseline and the WebNN tests of web-platform-tests. */
export function runWebnn({ op, attributes, inputs, inputNames, name }: Vector): Tensor[] {
  const named = (wanted: string): Tensor | undefined => inputs[inputNames.indexOf(wanted)];
  const [x, second] = inputs;
  const rank = x.shape.length;
  switch (op) {
    case 'conv2d': {
      const [inputLayout, filterLayout] = [
        (attributes.inputLayout ?? 'nchw') as string,
        (attributes.filterLayout ?? 'oihw') as string,
      ];
      const [top, bottom, left, right] = list(attributes, 'padding', [0, 0, 0, 0]);
      const y = convolution(
        relaid(x, inputLayout, 'nchw'),
        relaid(second, filterLayout, 'oihw'),
        named('bias') ?? null,
        {
          strides: list(attributes, 'strides', [1, 1]),
          dilations: list(attributes, 'dilations', [1, 1]),
          groups: number(attributes, 'groups', 1),
          begins: [top, left],
          ends: [bottom, right],
        },
      );
      return [relaid(y, 'nchw', inputLayout)];
    }
    case 'averagePool2d': {
      const layout = (attributes.layout ?? 'nchw') as string;
      const image = relaid(x, layout, 'nchw');
      const [top, bottom, left, right] = list(attributes, 'padding', [0, 0, 0, 0]);
      const kernel = list(attributes, 'windowDimensions', image.shape.slice(2));
      const strides = list(attributes, 'strides', [1, 1]);
      const dilations = list(attributes, 'dilations', [1, 1]);
      const round = attributes.roundingType === 'ceil' ? Math.ceil : Math.floor;
      const outputs = list(
        attributes,
        'outputSizes',
        [0, 1].map((axis) => {
          const room =
            image.shape[2 + axis] +
            [top, left][axis] +
            [bottom, right][axis] -
            ((kernel[axis] - 1) * dilations[axis] + 1);
          return round(room / strides[axis]) + 1;
        }),
      );
      return [
        relaid(pooling(image, { kernel, strides, dilations, begins: [top, left], outputs }, false), 'nchw', layout),
      ];
    }
    case 'batchNormalization':
      return [
        batchNormOver(
          x,
          number(attributes, 'axis', 1),
          {
            weight: named('scale'),
            bias: named('bias'),
            runningMean: second,
            runningVar: named('variance') ?? inputs[2],
          },
          number(attributes, 'epsilon', 1e-5),
        ),
      ];
    case 'layerNormalization':
      return [
        layerNormOver(
          x,
          list(attributes, 'axes', [...x.shape.keys()].slice(1)),
          named('scale') ?? null,
          named('bias') ?? null,
          number(attributes, 'epsilon', 1e-5),
        ),
      ];
    case 'softmax':
      return [softmaxOver(x, number(attributes, 'axis', rank - 1))];
    case 'matmul':
      return [broadcastMatmul(x, second)];
    case 'gemm':
      return [
        gemm(
          attributes.aTranspose === true ? (x.transpose(1, 0) as Tensor) : x,
          attributes.bTranspose === true ? (second.transpose(1, 0) as Tensor) : second,
          inputs[2],
          number(attributes, 'alpha', 1),
          number(attributes, 'beta', 1),
        ),
      ];
    case 'gelu':
      return [gelu(x)];
    case 'sigmoid':
      return [sigmoid(x)];
    case 'relu':
      return [relu(x)];
    case 'erf':
      return [erf(x)];
    case 'exp':
      return [exp(x)];
    case 'tanh':
      return [tanh(x)];
    case 'sqrt':
      return [throughFloat64([x], squareRoot)];
    case 'add':
      return [broadcastAdd(x, second)];
    case 'sub':
      return [broadcastAdd(x, scale(second, -1))];
    case 'mul':
      return [multiply(x, second)];
    case 'div':
      return [throughFloat64([x, second], divide)];
    case 'transpose':
      return [contiguous(x.transpose(...list(attributes, 'permutation', [...x.shape.keys()].reverse())) as Tensor)];
    case 'reshape':
      return [reshape(x, shapeOf(attributes, x))];
    case 'reduceMean':
      return [meanOver(x, list(attributes, 'axes', [...x.shape.keys()]), attributes.keepDimensions === true)];
    default:
      throw new Error(`${name}: no mapping for operation ${op}`);
  }
}

/** onnx/onnx: the node tests and those converted from PyTorch. */
export function runOnnx({ op, attributes, inputs, outputs, name }: Vector): Tensor[] {
  const [x, second, third] = inputs;
  const rank = x.shape.length;
  const axisOf = (fallback: number): number => (number(attributes, 'axis', fallback) + rank) % rank;
  switch (op) {
    case 'Conv': {
      const spatial = rank - 2;
      const pads = list(attributes, 'pads', new Array<number>(2 * spatial).fill(0));
      return [
        convolution(x, second, third ?? null, {
          strides: list(attributes, 'strides', new Array<number>(spatial).fill(1)),
          dilations: list(attributes, 'dilations', new Array<number>(spatial).fill(1)),
          groups: number(attributes, 'group', 1),
          begins: pads.slice(0, spatial),
          ends: pads.slice(spatial),
        }),
      ];
    }
    case 'AveragePool': {
      const kernel = list(attributes, 'kernel_shape', []);
      const ones = kernel.map(() => 1);
      const pads = list(attributes, 'pads', [...ones, ...ones].fill(0));
      const strides = list(attributes, 'strides', ones);
      const outputExtents = kernel.map(
        (k, axis) => Math.floor((x.shape[2 + axis] + pads[axis] + pads[axis + kernel.length] - k) / strides[axis]) + 1,
      );
      return [
        pooling(
          x,
          { kernel, strides, dilations: ones, begins: pads.slice(0, kernel.length), outputs: outputExtents },
          attributes.count_include_pad === 1,
        ),
      ];
    }
    case 'GlobalAveragePool':
      return [
        pooling(
          x,
          { kernel: x.shape.slice(2), strides: [1, 1], dilations: [1, 1], begins: [0, 0], outputs: [1, 1] },
          false,
        ),
      ];
    case 'BatchNormalization':
      return [
        batchNorm2d(
          x,
          { weight: second, bias: third, runningMean: inputs[3], runningVar: inputs[4] },
          number(attributes, 'epsilon', 1e-5),
        ),
      ];
    case 'LayerNormalization': {
      const axes = [...x.shape.keys()].slice(axisOf(-1));
      const eps = number(attributes, 'epsilon', 1e-5);
      // 1/√(var + eps) from the normalised value of the element farthest from the mean: y / (x - mean), all in float64.
      const inverse = throughFloat64([x], (wide) => {
        const ones = filled(wide.shape.slice(axes[0]), 1, wide);
        const y = contiguous(layerNormOver(wide, axes, ones, null, eps));
        const centre = meanOver(wide, axes, true);
        const D = wide.size / centre.size;
        const r = zeros(centre.shape, wide.data);
        for (let row = 0; row < centre.size; row++) {
          let far = row * D;
          for (let i = far; i < (row + 1) * D; i++)
            if (Math.abs(wide.data[i] - centre.data[row]) > Math.abs(wide.data[far] - centre.data[row])) far = i;
          r.data[row] = y.data[far] / (wide.data[far] - centre.data[row]);
        }
        return r;
      });
      return [layerNormOver(x, axes, second, third, eps), meanOver(x, axes, true), inverse].slice(0, outputs.length);
    }
    case 'Attention': {
      const d = x.shape[rank - 1] / number(attributes, 'q_num_heads', 1);
      // takes attention's own 1/√d back
      const factor = attributes.scale === undefined ? 1 : Math.fround((attributes.scale as number) * Math.sqrt(d));
      const q = factor === 1 ? x : scale(x, factor);
      const heads = number(attributes, 'q_num_heads', 1);
      const [D, V] = [second.shape[rank - 1], third.shape[rank - 1]];
      if (D === V) return [attention(q, second, third, { heads })];
      // Values wider than the keys: the first D columns and the rest, filled up with zeros.
      const rest = third.lo(0, 0, 0, D) as Tensor;
      const filledUp = padded(rest, [0, 0], [0, 2 * D - V]);
      const head = third.hi(...third.shape.slice(0, -1), D) as Tensor;
      const tail = attention(q, second, filledUp);
      return [concat([attention(q, second, head), tail.hi(...tail.shape.slice(0, -1), V - D) as Tensor], rank - 1)];
    }
    case 'Gemm': {
      const b = attributes.transB === 1 ? (second.transpose(1, 0) as Tensor) : second;
      if (attributes.transB === 1 && third?.shape.length === 1) return [linear(x, second, third)];
      return [gemm(x, b, third, number(attributes, 'alpha', 1), number(attributes, 'beta', 1))];
    }
    case 'MatMul':
      return [broadcastMatmul(x, second)];
    case 'Softmax':
      return [softmaxOver(x, axisOf(-1))];
    case 'Add':
      return [broadcastAdd(x, second)];
    case 'Mul':
      return [multiply(x, second)];
    case 'Exp':
      return [exp(x)];
    case 'Relu':
      return [relu(x)];
    case 'Sigmoid':
      return [sigmoid(x)];
    case 'Tanh':
      return [tanh(x)];
    case 'Gelu':
      return [attributes.approximate === 'tanh' ? geluTanh(x) : gelu(x)];
    case 'Sqrt':
      return [throughFloat64([x], squareRoot)];
    case 'Concat':
      return [concat(inputs, number(attributes, 'axis', 0))];
    case 'Transpose':
      return [contiguous(x.transpose(...list(attributes, 'perm', [...x.shape.keys()].reverse())) as Tensor)];
    case 'Flatten': {
      const axis = (number(attributes, 'axis', 1) + rank) % rank;
      const rows = x.shape.slice(0, number(attributes, 'axis', 1) === rank ? rank : axis).reduce((a, b) => a * b, 1);
      return [reshape(x, [rows, x.size / rows])];
    }
    case 'Reshape': {
      const given = Array.from(second.data).map((extent, axis) => (extent === 0 ? x.shape[axis] : extent));
      const known = given.reduce((product, extent) => (extent === -1 ? product : product * extent), 1);
      return [
        reshape(
          x,
          given.map((extent) => (extent === -1 ? x.size / known : extent)),
        ),
      ];
    }
    case 'ReduceMean':
      return [meanOver(x, list(attributes, 'axes', [...x.shape.keys()]), number(attributes, 'keepdims', 1) === 1)];
    default:
      throw new Error(`${name}: no mapping for operation ${op}`);
  }
}
