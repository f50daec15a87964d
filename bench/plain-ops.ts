// The plain operations on the shapes of the real models, one core: verify some outputs, then time. `npm run build && node dist/bench/plain-ops.js [FILTER]`
// The aim is 1.5 GFLOP/s on every product (tfjs-cpu: 1.0). Rates count a multiplication and an addition as two.

import ndarray from 'ndarray';
import { attention, batchNorm2d, conv2d, exp, gelu, layerNorm, linear, quickGelu, relu, add, softmax } from '../src/ops/index.ts';
import type { Tensor } from '../src/ops/index.ts';

function numbers(...shape: number[]): Tensor {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  let state = 1;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = (state >>> 8) / 2 ** 23 - 1;
  }
  return ndarray(data, shape) as Tensor;
}

/** The contract's dot product, to verify with. */
function dot(a: number[], b: number[]): number {
  let acc = 0;
  for (let start = 0; start < a.length; start += 128) {
    let s = 0;
    for (let k = start; k < Math.min(start + 128, a.length); k++) s = Math.fround(s + Math.fround(a[k] * b[k]));
    acc = Math.fround(acc + s);
  }
  return acc;
}

interface Case {
  name: string;
  /** Multiplications and additions of a product, or elements of an elementwise operation. */
  work: number;
  unit: 'GFLOP/s' | 'ns/element';
  run: () => Tensor;
  verify: (y: Tensor) => void;
}

function expectEqual(name: string, actual: number, expected: number): void {
  if (!Object.is(actual, expected)) throw new Error(`${name}: expected ${expected}, got ${actual}; not timed, because it is wrong`);
}

function linearCase(model: string, M: number, K: number, O: number): Case {
  const name = `${model} linear ${M} x ${K} -> ${O}`;
  const [x, weight] = [numbers(M, K), numbers(O, K)];
  const row = (t: Tensor, i: number): number[] => Array.from({ length: K }, (_, k) => t.get(i, k));
  return {
    name, work: 2 * M * K * O, unit: 'GFLOP/s', run: () => linear(x, weight, null),
    verify: (y) => { for (const [m, o] of [[0, 0], [M - 1, O - 1], [M >> 1, O >> 1]]) expectEqual(name, y.get(m, o), dot(row(x, m), row(weight, o))); },
  };
}

function convCase(model: string, C: number, H: number, O: number, kernel: number, stride: number, padding: number): Case {
  const name = `${model} conv ${C} x ${H}² -> ${O}, ${kernel}x${kernel}/${stride}`;
  const [x, weight] = [numbers(1, C, H, H), numbers(O, C, kernel, kernel)];
  const extent = Math.floor((H + 2 * padding - kernel) / stride) + 1;
  const at = (c: number, h: number, w: number): number => (h >= 0 && w >= 0 && h < H && w < H ? x.get(0, c, h, w) : 0);
  const ks = Array.from({ length: C * kernel * kernel }, (_, k) => [Math.floor(k / (kernel * kernel)), Math.floor(k / kernel) % kernel, k % kernel]);
  return {
    name, work: 2 * O * extent * extent * C * kernel * kernel, unit: 'GFLOP/s', run: () => conv2d(x, weight, null, { stride, padding }),
    verify: (y) => {
      for (const [o, i, j] of [[0, 0, 0], [O - 1, extent - 1, extent - 1], [O >> 1, extent >> 1, 1]]) {
        expectEqual(name, y.get(0, o, i, j), dot(ks.map(([c, p, q]) => at(c, i * stride + p - padding, j * stride + q - padding)), ks.map(([c, p, q]) => weight.get(o, c, p, q))));
      }
    },
  };
}

function elementwiseCase(name: string, elements: number, run: () => Tensor): Case {
  return { name, work: elements, unit: 'ns/element', run, verify: (y) => { expectEqual(name, y.data.some(Number.isNaN) ? NaN : 0, 0); } };
}

const tokens = numbers(50, 768);
const hidden = numbers(50, 3072);
const plane = numbers(1, 64, 112, 112);
const channel = (value: number): Tensor => ndarray(new Float32Array(64).fill(value), [64]) as Tensor;

const CASES: Case[] = [
  convCase('ViT-B/32', 3, 224, 768, 32, 32, 0),
  linearCase('ViT-B/32', 50, 768, 2304),
  linearCase('ViT-B/32', 50, 768, 768),
  linearCase('ViT-B/32', 50, 768, 3072),
  linearCase('ViT-B/32', 50, 3072, 768),
  convCase('RN50', 3, 224, 32, 3, 2, 1),
  convCase('RN50', 32, 112, 64, 3, 1, 1),
  convCase('RN50', 64, 56, 64, 3, 1, 1),
  convCase('RN50', 64, 56, 256, 1, 1, 0),
  convCase('RN50', 256, 56, 64, 1, 1, 0),
  convCase('RN50', 128, 28, 128, 3, 1, 1),
  convCase('RN50', 256, 14, 256, 3, 1, 1),
  convCase('RN50', 1024, 14, 256, 1, 1, 0),
  convCase('RN50', 512, 7, 512, 3, 1, 1),
  convCase('RN50', 512, 7, 2048, 1, 1, 0),
  linearCase('RN50 pool', 50, 2048, 2048),
  linearCase('text', 77, 512, 2048),
  linearCase('head', 1, 768, 768),
  elementwiseCase('layerNorm 50 x 768', 50 * 768, () => layerNorm(tokens, numbers(768), numbers(768))),
  elementwiseCase('softmax 600 x 50', 600 * 50, () => softmax(numbers(600, 50))),
  elementwiseCase('attention 50 x 768, 12 heads', 50 * 768, () => attention(tokens, tokens, tokens, { heads: 12 })),
  elementwiseCase('quickGelu 50 x 3072', 50 * 3072, () => quickGelu(hidden)),
  elementwiseCase('gelu 50 x 3072', 50 * 3072, () => gelu(hidden)),
  elementwiseCase('exp 50 x 3072', 50 * 3072, () => exp(hidden)),
  elementwiseCase('batchNorm2d 64 x 112²', plane.size, () => batchNorm2d(plane, { weight: channel(1), bias: channel(0), runningMean: channel(0.1), runningVar: channel(2) })),
  elementwiseCase('relu 64 x 112²', plane.size, () => relu(plane)),
  elementwiseCase('add 64 x 112²', plane.size, () => add(plane, plane)),
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
  console.log(`${name.padEnd(40)} ${best.toFixed(2).padStart(9)} ms ${rate.toFixed(2).padStart(8)} ${unit}`);
}
