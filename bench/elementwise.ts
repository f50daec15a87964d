// The SIMD kernels of every operation except matrix products, on shapes of the real models, one core: verify, then
// time. `npm run bench -- elementwise [FILTER]` prints a table.

import ndarray from 'ndarray';
import {
  add,
  avgPool2d,
  batchNorm2d,
  contiguous,
  embedding,
  erf,
  exp,
  gelu,
  l2Normalize,
  layerNorm,
  mean,
  quickGelu,
  relu,
  scale,
  sigmoid,
  softmax,
} from '../src/ops/index.ts';
import type { Tensor } from '../src/ops/index.ts';
import { batchNormAC } from '../src/ops/batch-norm2d.simd.ts';
import { kernels as allKernels, runStep, type Step } from '../src/compiler/steps.ts';
import { TILE } from '../src/ops/tiles.simd.ts';
import { compile, instantiate, type Machine } from '../src/wasm/machine.ts';
import { TABLES_BYTES, writeTables } from '../src/ops/tables.simd.ts';

interface ElementwiseResult {
  name: string;
  /** Elements that one call computes. */
  values: number;
  nsPerValue: number;
}

interface Case {
  name: string;
  /** Restores what an in-place call has changed. */
  before?: () => void;
  run: () => void;
  /** Where the result is, and what it must be. */
  y: number;
  expected: Tensor;
}

const TABLES = 1024;

class Memory {
  readonly machine: Machine;
  #used = TABLES + TABLES_BYTES;

  constructor() {
    this.machine = instantiate(
      compile(allKernels(TILE), true),
      new WebAssembly.Memory({ initial: 1024, maximum: 65536, shared: true }),
    );
    writeTables(this.machine, TABLES);
  }

  room(words: number): number {
    const address = (this.#used + 63) & ~63;
    this.#used = address + 4 * words;
    return address;
  }

  place(values: Float32Array | Float64Array | Int32Array): number {
    const address = this.room((values.length * values.BYTES_PER_ELEMENT) / 4);
    new Uint8Array(this.machine.memory.buffer).set(
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      address,
    );
    return address;
  }
}

/** Numbers of a linear congruential generator in [-range, range). */
function numbers(range: number, ...shape: number[]): Tensor<Float32Array> {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  let state = 1;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = ((state >>> 8) / 2 ** 23 - 1) * range;
  }
  return ndarray(data, shape);
}

const data = (x: Tensor): Float32Array => x.data as Float32Array;

function cases(memory: Memory): Case[] {
  const { machine } = memory;
  const { kernels } = machine;
  const all: Case[] = [];
  const step = (name: string, expected: Tensor, make: (y: number) => Step): void => {
    const y = memory.room(expected.size);
    const made = make(y);
    all.push({
      name,
      y,
      expected,
      run: () => {
        runStep(made, machine, 0, 1);
      },
    });
  };

  // 16,384 elements in the second-level cache: what one operation costs beside its memory traffic.
  const x = numbers(6, 16384);
  const at = memory.place(data(x));
  for (const [kind, plain] of Object.entries({ relu, exp, quickGelu, gelu, sigmoid, erf })) {
    step(kind, plain(x), (y) => ({ kind: kind as 'relu', x: at, y, count: 16384, tables: TABLES }));
  }
  step('scale', scale(x, 0.125), (y) => ({ kind: 'scale', x: at, y, count: 16384, factor: 0.125 }));
  step('add', add(x, x), (y) => ({ kind: 'add', a: at, b: at, y, rows: 1, width: 16384 }));

  for (const [rows, width] of [
    [64, 257],
    [64, 50],
    [77, 77],
  ]) {
    const scores = numbers(6, rows, width);
    const from = memory.place(data(scores));
    step(`softmax ${rows} x ${width}`, softmax(scores), (y) => ({
      kind: 'softmax',
      x: from,
      xStride: 4 * width,
      y,
      yStride: 4 * width,
      rows,
      width,
      tables: TABLES,
    }));
  }
  const tokens = numbers(2, 257, 1024);
  const [g, b] = [numbers(1, 1024), numbers(0.5, 1024)];
  const fromTokens = memory.place(data(tokens));
  const rowsOf = { x: fromTokens, xStride: 4096, yStride: 4096, rows: 257, width: 1024 };
  const [weight, bias] = [memory.place(data(g)), memory.place(data(b))];
  step('layerNorm 257 x 1024', layerNorm(tokens, g, b), (y) => ({
    kind: 'layerNorm',
    ...rowsOf,
    y,
    weight,
    bias,
    eps: 1e-5,
  }));
  step('l2Normalize 257 x 1024', l2Normalize(tokens), (y) => ({ kind: 'l2Normalize', ...rowsOf, y }));
  step('mean 257 x 1024 (per element read)', mean(tokens), (y) => ({
    kind: 'mean',
    x: fromTokens,
    xStride: 4096,
    y,
    rows: 257,
    width: 1024,
  }));
  step('add 257 x 1024, a repeated row', add(tokens, b), (y) => ({
    kind: 'add',
    a: fromTokens,
    b: bias,
    y,
    rows: 257,
    width: 1024,
  }));

  const C = 64;
  const image = numbers(3, 1, C, 56, 56);
  const channels = {
    weight: numbers(1, C),
    bias: numbers(0.5, C),
    runningMean: numbers(0.3, C),
    runningVar: ndarray(
      data(numbers(0.5, C)).map((v) => v + 0.75),
      [C],
    ) as Tensor,
  };
  const fromImage = memory.place(data(image));
  const ac = memory.place(
    batchNormAC(
      data(channels.weight),
      data(channels.bias),
      data(channels.runningMean),
      data(channels.runningVar),
      1e-5,
    ),
  );
  const normalised = batchNorm2d(image, channels);
  step('batchNorm2d 64 x 56²', normalised, (y) => ({
    kind: 'batchNorm2d',
    x: fromImage,
    y,
    planes: C,
    channels: C,
    plane: 56 * 56,
    ac,
  }));
  step('batchNorm2d + residual + ReLU', relu(add(normalised, image)), (y) => ({
    kind: 'batchNorm2d',
    x: fromImage,
    y,
    planes: C,
    channels: C,
    plane: 56 * 56,
    ac,
    residual: fromImage,
    relu: true,
  }));
  step('avgPool2d 2x2 (per element read)', avgPool2d(image, 2), (y) => ({
    kind: 'avgPool2d',
    x: fromImage,
    y,
    planes: C,
    xPlane: 4 * 56 * 56,
    yPlane: 4 * 28 * 28,
    H: 56,
    W: 56,
    OH: 28,
    OW: 28,
    kernelH: 2,
    kernelW: 2,
    strideH: 2,
    strideW: 2,
    padH: 0,
    padW: 0,
    countIncludePad: false,
  }));
  const view = tokens.hi(257, 64);
  step('copy 257 rows of 64', contiguous(view), (y) => ({
    kind: 'copy',
    x: fromTokens,
    y,
    shape: [257, 64],
    xStride: [4096, 4],
    yStride: [256, 4],
  }));
  step('copy transposed 1024 x 257', contiguous(tokens.transpose(1, 0)), (y) => ({
    kind: 'copy',
    x: fromTokens,
    y,
    shape: [1024, 257],
    xStride: [4, 4096],
    yStride: [4 * 257, 4],
  }));
  const ids = Int32Array.from({ length: 77 }, (_, i) => (i * 31) % 257);
  const atIds = memory.place(ids);
  step('embedding 77 x 1024', embedding(ndarray(ids, [77]), tokens), (y) => ({
    kind: 'embedding',
    ids: atIds,
    table: fromTokens,
    y,
    rows: 77,
    width: 1024,
  }));

  // In place on a block of a product: 32 rows of 128 columns.
  const block = numbers(6, 32, 128);
  const fresh = memory.place(data(block));
  const blockY = memory.room(32 * 128);
  const before = (): void => {
    machine.f32.copyWithin(blockY / 4, fresh / 4, fresh / 4 + 32 * 128);
  };
  const shift = ndarray(data(b).subarray(0, 128), [128]) as Tensor;
  const shifted = add(block, shift);
  const linear = (name: string, expected: Tensor, act: number, residual: number): void => {
    all.push({
      name: `linearEpilogue: ${name}`,
      y: blockY,
      expected,
      before,
      run: () => {
        kernels.linearEpilogue(blockY, 512, 32, 128, bias, act, residual, 512, TABLES);
      },
    });
  };
  linear('bias', shifted, 0, 0);
  linear('bias, residual', add(shifted, block), 0, fresh);
  linear('bias, quickGelu', quickGelu(shifted), 1, 0);
  const conv = (name: string, expected: Tensor, residual: number, rectified: number): void => {
    all.push({
      name: `convEpilogue: ${name}`,
      y: blockY,
      expected,
      before,
      run: () => {
        kernels.convEpilogue(blockY, 512, 32, 128, ac, 0, residual, 512, rectified);
      },
    });
  };
  const half = (p: Tensor): Tensor => ndarray(data(p).slice(0, 32), [32]) as Tensor;
  const blockNormalised = batchNorm2d(ndarray(data(block), [1, 32, 128]) as Tensor, {
    weight: half(channels.weight),
    bias: half(channels.bias),
    runningMean: half(channels.runningMean),
    runningVar: half(channels.runningVar),
  });
  conv('batchNorm, ReLU', relu(blockNormalised), 0, 1);
  conv('batchNorm, residual, ReLU', relu(add(blockNormalised, ndarray(data(block), [1, 32, 128]) as Tensor)), fresh, 1);
  return all;
}

/**
 * Verifies and times all kernels whose name contains `filter`. Takes about two seconds. @throws Error where a result is
 * wrong
 */
function measureElementwise(filter = '', milliseconds = 60): ElementwiseResult[] {
  const memory = new Memory();
  const results: ElementwiseResult[] = [];
  for (const { name, before, run, y, expected } of cases(memory)) {
    if (!name.includes(filter)) continue;
    before?.();
    run();
    const got = memory.machine.f32.subarray(y / 4, y / 4 + expected.size);
    for (let i = 0; i < got.length; i++) {
      if (!Object.is(got[i], expected.data[i]))
        throw new Error(
          `${name}: element ${i} expected ${expected.data[i]}, got ${got[i]}; not timed, because it is wrong`,
        );
    }
    const values = name.includes('per element read')
      ? name.startsWith('mean')
        ? 257 * 1024
        : 4 * expected.size
      : expected.size;
    let best = Infinity;
    const until = performance.now() + milliseconds;
    while (performance.now() < until) {
      before?.();
      const start = performance.now();
      run();
      best = Math.min(best, performance.now() - start);
    }
    results.push({ name, values, nsPerValue: (best * 1e6) / values });
  }
  return results;
}

for (const { name, values, nsPerValue } of measureElementwise(process.argv[2]))
  process.stdout.write(
    `${name.padEnd(46)}${String(values).padStart(9)} values ${nsPerValue.toFixed(2).padStart(8)} ns per value\n`,
  );
