// The plain operations on the shapes of the real models, one core: verify some outputs, then time. `npm run build &&
// node dist/bench/plain-ops.js [FILTER]` The aim is 1.5 GFLOP/s on every product (tfjs-cpu: 1.0). Rates count a
// multiplication and an addition as two.

import ndarray from 'ndarray';
import { attention, batchNorm2d, exp, gelu, layerNorm, quickGelu, relu, add, softmax } from '../src/ops/index.ts';
import type { Tensor } from '../src/ops/index.ts';
import { reference } from '../src/ops/reference.ts';
import { numbers, product } from './products.ts';
import { parseShapes, SHAPES } from './shapes.ts';

interface Case {
  name: string;
  /** Multiplications and additions of a product, or elements of an elementwise operation. */
  work: number;
  unit: 'GFLOP/s' | 'ns/element';
  run: () => Tensor;
  verify: (y: Tensor) => void;
}

function products(model: string): Case[] {
  return parseShapes(SHAPES[model]).map((shape) => {
    const { name, work, input, weights, compute, verify } = product(shape);
    return {
      name: `${model} ${name}`,
      work: 2 * work,
      unit: 'GFLOP/s',
      run: () => compute(reference, input, weights),
      verify,
    };
  });
}

function elementwise(name: string, elements: number, run: () => Tensor): Case {
  const verify = (y: Tensor): void => {
    if (y.data.some(Number.isNaN))
      throw new Error(`${name}: expected numbers, got NaN; not timed, because it is wrong`);
  };
  return { name, work: elements, unit: 'ns/element', run, verify };
}

const tokens = numbers(50, 768);
const hidden = numbers(50, 3072);
const plane = numbers(1, 64, 112, 112);
const channel = (value: number): Tensor => ndarray(new Float32Array(64).fill(value), [64]) as Tensor;

const CASES: Case[] = [
  ...products('ViT-B/32'),
  ...products('RN50'),
  elementwise('layerNorm 50 x 768', 50 * 768, () => layerNorm(tokens, numbers(768), numbers(768))),
  elementwise('softmax 600 x 50', 600 * 50, () => softmax(numbers(600, 50))),
  elementwise('attention 50 x 768, 12 heads', 50 * 768, () => attention(tokens, tokens, tokens, { heads: 12 })),
  elementwise('quickGelu 50 x 3072', 50 * 3072, () => quickGelu(hidden)),
  elementwise('gelu 50 x 3072', 50 * 3072, () => gelu(hidden)),
  elementwise('exp 50 x 3072', 50 * 3072, () => exp(hidden)),
  elementwise('batchNorm2d 64 x 112²', plane.size, () =>
    batchNorm2d(plane, { weight: channel(1), bias: channel(0), runningMean: channel(0.1), runningVar: channel(2) }),
  ),
  elementwise('relu 64 x 112²', plane.size, () => relu(plane)),
  elementwise('add 64 x 112²', plane.size, () => add(plane, plane)),
];

const filter = process.argv[2] ?? '';
for (const { name, work, unit, run, verify } of CASES.filter((c) => c.name.includes(filter))) {
  verify(run()); // warms up, too
  let best = Infinity;
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  const rate = unit === 'GFLOP/s' ? work / best / 1e6 : (best * 1e6) / work;
  console.log(`${name.padEnd(44)} ${best.toFixed(2).padStart(9)} ms ${rate.toFixed(2).padStart(8)} ${unit}`);
}
