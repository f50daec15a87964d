// Operations that are added to a copy of src: an elementwise one, which costs its two twins, an entry and a line in
// compiler/steps.ts; and two with two outputs, one divided among threads, one that sums over everything.

import type { Additions } from './copied-source.ts';

export const SQUARE: Additions = {
  files: {
    'src/ops/square.ts': `import { flat } from './contiguous.ts';
import { elementwise } from './operation.ts';
import { zeros, type Tensor } from './tensor.ts';

export function square(x: Tensor): Tensor {
  const y = zeros(x.shape, x.data);
  const from = flat(x);
  // [1] y = RN(x·x)
  for (let i = 0; i < y.size; i++) y.data[i] = from[i] * from[i];
  return y;
}

export const squareOperation = elementwise(square, 'value');
`,
    'src/ops/square.simd.ts': `import type { Machine } from '../wasm/machine.ts';
import { runUnary, unaryKernel, type UnaryStep } from '../wasm/unary.ts';
import { f32x4, get, set, type FunctionBuilder } from '../wasm/assembler.ts';

export function squareKernels(): FunctionBuilder[] {
  // [1] y = RN(x·x)
  return [unaryKernel('square_4', () => (x, y) => set(y, f32x4.mul(get(x), get(x))))];
}

export function runSquare(step: UnaryStep<'square'>, machine: Machine, part: number, parts: number): void {
  runUnary('square_4', step, machine, part, parts);
}
`,
  },
  lines: {
    'src/ops/operations.ts': [
      ['import { softmaxOperation', "import { squareOperation } from './square.ts';"],
      ['  relu:', '  square: squareOperation,'],
    ],
    'src/compiler/steps.ts': [
      ['import type { Tile', "import { runSquare, squareKernels } from '../ops/square.simd.ts';"],
      ['  softmax:', '  square: { run: runSquare, kernels: squareKernels },'],
    ],
  },
};

const TWO_OUTPUTS: Additions = {
  files: {
    'src/ops/two-outputs.ts': `import { add } from './add.ts';
import { contiguous } from './contiguous.ts';
import { mean } from './mean.ts';
import { operation } from './operation.ts';
import { scale } from './scale.ts';
import { reshape, type Tensor } from './tensor.ts';

/** a + b, a - b */
export const sumAndDifference = (a: Tensor, b: Tensor): readonly [Tensor, Tensor] => [add(a, b), add(a, scale(b, -1))];

export const sumAndDifferenceOperation = operation({
  plain: sumAndDifference,
  record: (a, b) => ({ inputs: [a, b], attributes: {} }),
  call: (f, [a, b]) => f(a, b),
  shapes: ([a]) => [a.shape, a.shape],
  layout: ['dense', 'dense'],
  rounding: 'value',
});

/** a + b, the mean of all of a (1) */
export const sumAndMean = (a: Tensor, b: Tensor): readonly [Tensor, Tensor] => [
  add(a, b),
  mean(reshape(contiguous(a), [1, a.size])),
];

export const sumAndMeanOperation = operation({
  plain: sumAndMean,
  record: (a, b) => ({ inputs: [a, b], attributes: {} }),
  call: (f, [a, b]) => f(a, b),
  shapes: ([a]) => [a.shape, [1]],
  layout: ['dense', 'dense'],
  rounding: 'value',
});
`,
  },
  lines: {
    'src/ops/operations.ts': [
      ['import type { Tensor }', "import { sumAndDifferenceOperation, sumAndMeanOperation } from './two-outputs.ts';"],
      ['  relu:', '  sumAndDifference: sumAndDifferenceOperation,\n  sumAndMean: sumAndMeanOperation,'],
    ],
    'src/compiler/emit.ts': [
      ['import { DESCRIPTIONS', "import { storageOf } from '../graph/node.ts';"],
      [
        '  conv2d: emitConv2d',
        `  sumAndDifference: ({ node }, context) => {
    const [a, b] = node.inputs;
    const sum = { kind: 'add', a: dense(a, context), b: dense(b, context), rows: 1, width: a.size } as const;
    context.steps.push({ ...sum, y: context.place(storageOf(node.outputs[0])) });
    const minus = context.temporary(4 * b.size + 64);
    context.steps.push({ kind: 'scale', x: sum.b, y: minus, count: b.size, factor: -1 });
    context.steps.push({ ...sum, b: minus, y: context.place(storageOf(node.outputs[1])) });
  },
  sumAndMean: ({ node }, context) => {
    const [a, b] = node.inputs;
    const x = dense(a, context);
    const y = context.place(storageOf(node.outputs[0]));
    context.steps.push({ kind: 'add', a: x, b: dense(b, context), y, rows: 1, width: a.size });
    context.steps.push({
      kind: 'mean',
      x,
      xStride: 4 * a.size,
      y: context.place(storageOf(node.outputs[1])),
      rows: 1,
      width: a.size,
    });
  },`,
      ],
    ],
    'src/compiler/emit64.ts': [
      ['import { DESCRIPTIONS', "import { storageOf } from '../graph/node.ts';"],
      [
        '  matmul,',
        `  sumAndDifference: (node, context) => {
    const [a, b] = node.inputs.map((x) => line(dense(x, context), x.size));
    const [sum, difference] = node.outputs.map((y) => line(context.place(storageOf(y)), y.size));
    plain(node, [a, b], sum, context, [difference]);
  },
  sumAndMean: (node, context) => {
    const [a, b] = node.inputs.map((x) => shared(float64(dense(x, context), [x.size], [1])));
    const [sum, mean] = node.outputs.map((y) => shared(float64(context.place(storageOf(y)), [y.size], [1])));
    plain(node, [a, b], sum, context, [mean]);
  },`,
      ],
    ],
  },
};

/** Both. */
export const TOYS: Additions = {
  files: { ...SQUARE.files, ...TWO_OUTPUTS.files },
  lines: {
    ...TWO_OUTPUTS.lines,
    ...SQUARE.lines,
    'src/ops/operations.ts': [...SQUARE.lines['src/ops/operations.ts'], ...TWO_OUTPUTS.lines['src/ops/operations.ts']],
  },
};
