// The steps of docs/kernel-tour.md on one product: (257,1024) x (1024,1024), the attention's output projection of
// ViT-L/14. A step is compared with the definition, all 263,168 outputs, before it is timed. npm run bench -- tour, or
// under another Node: node dist/bench/kernel-tour.js

import Table from 'cli-table3';
import { createExecutor } from '../src/executors/create.ts';
import { dot32, rowProducts } from '../src/ops/dot-products.ts';
import { NR } from '../src/ops/dot-products.simd.ts';
import { runLinear, runPack, type LinearStep } from '../src/ops/linear.simd.ts';
import { compile, instantiate } from '../src/wasm/machine.ts';
import { packColumns, packRows, type Operand } from '../src/ops/packing.simd.ts';
import { gemmBlock, gemmPacked } from '../src/ops/product.simd.ts';
import { linearEpilogue } from '../src/ops/epilogues.simd.ts';
import { kernels } from '../src/compiler/steps.ts';
import { TILE } from '../src/ops/tiles.simd.ts';
import { ceilingHere } from './ceiling.ts';
import { describeEnvironment, environment } from './environment.ts';
import { sourceOf } from './operation.ts';
import { numbers, product } from './products.ts';
import { asLaid, packed, threeLoops, tileKernel, transposed, type Layout } from './tour-kernels.ts';

const [M, K, O] = [257, 1024, 1024];
const WORK = 2 * M * K * O;
const BLOCK = 128;
/** For each step. */
const SECONDS = 0.25;
const TILES: readonly (readonly [MR: number, NR: number, unroll: number])[] = [
  [4, 8, 1],
  [4, 8, 4],
  [2, 16, 1],
  [5, 8, 1],
  [5, 8, 8],
  [3, 12, 1],
  [3, 12, 4],
  [6, 8, 1],
];

const one = product({ kind: 'linear', M, K, O, times: 1, note: '' });
const x = one.input;
const weight = one.weights.get('weight')!;
const bias = numbers(O).data;
const residual = numbers(M, O).data;

// One memory for everybody, filled from the bottom.
const unpackedLayouts: Record<string, { MR: number; NR: number; layout: Layout }> = {
  lanes: { MR: 1, NR: 4, layout: asLaid(K) },
  laid: { MR: 4, NR: 8, layout: asLaid(K) },
  transposed: { MR: 4, NR: 8, layout: transposed(K, O) },
};
const nameOf = (layout: string, MR: number, NR_: number): string => `${layout}_${MR}x${NR_}`;
const tileName =
  (MR: number, width: number, unroll: number) =>
  (rows: number): string =>
    `packed_${rows}x${width}_of_${MR}_u${unroll}`;
const tourKernels = [
  threeLoops(),
  ...Object.entries(unpackedLayouts).flatMap(([name, { MR, NR: width, layout }]) =>
    [...new Set([MR, M % MR || MR])].map((rows) => tileKernel(nameOf(name, rows, width), rows, width, layout)),
  ),
  ...TILES.flatMap(([MR, width, unroll]) =>
    [...new Set([MR, M % MR || MR])].map((rows) =>
      tileKernel(tileName(MR, width, unroll)(rows), rows, width, packed(rows, width), unroll),
    ),
  ),
];
const machine = instantiate(
  compile([...kernels({ ...TILE, MR: Math.max(4, TILE.MR) }), ...tourKernels], true),
  new WebAssembly.Memory({ initial: 4096, maximum: 65536, shared: true }),
);
let top = 1024;
function room(floats: number): number {
  const address = top;
  top += Math.ceil((4 * floats + 64) / 64) * 64;
  return address;
}
function place(values: Float32Array): number {
  const address = room(values.length);
  machine.f32.set(values, address / 4);
  return address;
}

/**
 * Element (v, k) of `from` in panels of R vectors and blocks of `block` k; see src/ops/packing.simd.ts for the layout.
 */
function panels(from: Float32Array, vectors: number, R: number, block: number, padded: boolean): number {
  const columns = padded ? Math.ceil(vectors / R) * R : vectors;
  const to = room(columns * K);
  for (let k0 = 0; k0 < K; k0 += block) {
    const kc = Math.min(block, K - k0);
    for (let first = 0; first < columns; first += R) {
      const width = Math.min(R, columns - first);
      for (let k = 0; k < kc; k++) {
        for (let v = 0; v < width; v++)
          machine.f32[to / 4 + k0 * columns + first * kc + k * width + v] =
            first + v < vectors ? from[(first + v) * K + k0 + k] : 0;
      }
    }
  }
  return to;
}

const rows: string[][] = [];
let reference = new Float32Array(0);
let before = 0;
let slowest = 0;

function equal(name: string, y: ArrayLike<number>, expected: ArrayLike<number>): void {
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(y[i], expected[i]))
      throw new Error(`${name}: output ${i} expected ${expected[i]}, got ${y[i]}; not timed, because it is wrong`);
  }
}

/** C's rows without what pads them. */
function columnsOf(c: number, ldc: number): Float32Array {
  const y = new Float32Array(M * O);
  for (let m = 0; m < M; m++) y.set(machine.f32.subarray((c + m * ldc) / 4, (c + m * ldc) / 4 + O), m * O);
  return y;
}

/** Milliseconds. At least three runs: the engine's better compiler takes over after the first calls. */
async function fastestOf(run: () => unknown): Promise<number> {
  let fastest = Infinity;
  const end = performance.now() + 1000 * SECONDS;
  for (let runs = 0; runs < 3 || performance.now() < end; runs++) {
    const begin = performance.now();
    await run();
    fastest = Math.min(fastest, performance.now() - begin);
  }
  return fastest;
}

/** Verifies, times and notes a step. @param aside a variant that the next gain is not measured against */
async function step(
  label: string,
  run: () => unknown,
  result: () => ArrayLike<number> | Promise<ArrayLike<number>>,
  { aside = false, expected = reference } = {},
): Promise<void> {
  await run();
  equal(label, await result(), expected);
  const fastest = await fastestOf(run);
  equal(label, await result(), expected);
  slowest ||= fastest;
  rows.push([
    label,
    fastest.toFixed(fastest < 100 ? 2 : 0),
    (WORK / fastest / 1e6).toFixed(1),
    before === 0 ? '' : (before / fastest).toFixed(2),
    (slowest / fastest).toFixed(1),
  ]);
  if (!aside) before = fastest;
}

async function plainSteps(): Promise<void> {
  const y = new Float32Array(M * O);
  const loops = (): void => {
    for (let m = 0; m < M; m++) for (let o = 0; o < O; o++) y[m * O + o] = dot32(x.data, m * K, weight.data, o * K, K);
  };
  loops();
  // the definition itself, against bench/products.ts's own loop
  one.verify({ get: (m: number, o: number) => y[m * O + o] } as never);
  reference = y.slice();
  await step('1  three loops (dot32 for each output)', loops, () => y);
  const columns = { data: weight.data, offset: 0, strideO: K, strideK: 1 };
  await step(
    '2  four columns at a time (rowProducts)',
    () => rowProducts(x.data, 0, M, K, columns, O, null, { data: y, offset: 0, strideM: O, strideO: 1 }),
    () => y,
  );
}

/** A product in tiles: blocks of k outside, all of C in each. */
function tiled(
  name: (rows: number) => string,
  MR: number,
  a: number,
  aStride: number,
  b: number,
  bStride: number,
  bTiles: number,
  c: number,
  ldc: number,
  kBytes: (k: number) => [number, number],
): void {
  for (let k = 0; k < K; k += BLOCK) {
    const [ak, bk] = kBytes(k);
    const whole = Math.floor(M / MR);
    machine.kernels[name(MR)](a + ak, whole, aStride, b + bk, bTiles, bStride, c, ldc, BLOCK, k === 0 ? 1 : 0);
    if (M % MR > 0)
      machine.kernels[name(M % MR)](
        a + ak + whole * aStride,
        1,
        0,
        b + bk,
        bTiles,
        bStride,
        c + whole * MR * ldc,
        ldc,
        BLOCK,
        k === 0 ? 1 : 0,
      );
  }
}

async function unpackedSteps(): Promise<void> {
  const [a, b, c] = [place(x.data), place(weight.data), room(M * O)];
  const turned = room(K * O);
  for (let o = 0; o < O; o++) for (let k = 0; k < K; k++) machine.f32[turned / 4 + k * O + o] = weight.data[o * K + k];
  const result = (): Float32Array => columnsOf(c, 4 * O);
  await step('3a the three loops in WASM', () => machine.kernels.loops_1x1(a, b, c, M, O, K, BLOCK), result);
  const run = (name: string, from: number) => (): void => {
    const { MR, NR: width, layout } = unpackedLayouts[name];
    tiled(
      (r) => nameOf(name, r, width),
      MR,
      a,
      MR * layout.a.row,
      from,
      width * layout.b.column,
      O / width,
      c,
      4 * O,
      (k) => [k * layout.a.k, k * layout.b.k],
    );
  };
  await step('3b SIMD: four outputs in lanes', run('lanes', b), result);
  await step('3c tile of 4 x 8, operands as they lie', run('laid', b), result);
  await step('3d tile of 4 x 8, B transposed to (K,O)', run('transposed', turned), result);
}

async function packedSteps(): Promise<void> {
  const c = room(M * 1032);
  for (const [MR, width, unroll] of TILES) {
    const [a, b] = [panels(x.data, M, MR, BLOCK, false), panels(weight.data, O, width, BLOCK, true)];
    const tiles = Math.ceil(O / width);
    const ldc = 4 * tiles * width;
    const run = (): void =>
      tiled(tileName(MR, width, unroll), MR, a, 4 * MR * BLOCK, b, 4 * width * BLOCK, tiles, c, ldc, (k) => [
        4 * k * M,
        4 * k * tiles * width,
      ]);
    const first = MR === 4 && unroll === 1;
    await step(
      first
        ? '4  tile of 4 x 8, both operands packed'
        : `5  tile of ${MR} x ${width}${unroll > 1 ? `, ${unroll} k unrolled` : ''}`,
      run,
      () => columnsOf(c, ldc),
      { aside: !first },
    );
  }
}

/** The definition with other blocks of k, for some rows of the output. */
function withBlocks(block: number, m: number): Float32Array {
  const y = new Float32Array(O);
  for (let o = 0; o < O; o++) {
    for (let start = 0; start < K; start += block) {
      let s = 0;
      for (let k = start; k < start + block; k++)
        s = Math.fround(s + Math.fround(x.data[m * K + k] * weight.data[o * K + k]));
      y[o] += s; // the store rounds
    }
  }
  return y;
}

async function realSteps(): Promise<void> {
  const { MR } = TILE;
  const c = room(M * O);
  const [a, b] = [room(M * K), room(K * O)];
  const rowsOfA: Operand = { from: place(x.data), vectorStride: 4 * K, kStride: 4, vectors: M, K, bytes: 4 };
  const columnsOfB: Operand = { from: place(weight.data), vectorStride: 4 * K, kStride: 4, vectors: O, K, bytes: 4 };
  packColumns(machine, columnsOfB, b, 0, O / NR);
  packRows(machine, rowsOfA, MR, a, 0, Math.ceil(M / MR));
  const bare: LinearStep = {
    kind: 'linear',
    MR,
    M,
    K,
    O,
    a,
    b,
    bColumns: O,
    firstPanel: 0,
    form: 'f32',
    widened: 0,
    bias: 0,
    activation: 0,
    residual: 0,
    residualStride: 4 * O,
    y: c,
    yStride: 4 * O,
    tables: 0,
  };
  const result = (): Float32Array => columnsOf(c, 4 * O);
  await step(
    `6  C in blocks that stay in the cache (runLinear, ${MR} x 8)`,
    () => runLinear(bare, machine, 0, 1),
    result,
  );
  await step(
    '6a and A packed anew each time',
    () => {
      runPack({ kind: 'pack', ...rowsOfA, MR, to: a }, machine, 0, 1);
      runLinear(bare, machine, 0, 1);
    },
    result,
    { aside: true },
  );

  const [biasAt, residualAt] = [place(bias), place(residual)];
  const expected = reference.map((value, i) => Math.fround(Math.fround(value + bias[i % O]) + residual[i]));
  const { linearEpilogue } = machine.kernels;
  await step(
    '7a bias and residual in passes of their own',
    () => {
      runLinear(bare, machine, 0, 1);
      linearEpilogue(c, 4 * O, M, O, biasAt, 0, 0, 0, 0);
      linearEpilogue(c, 4 * O, M, O, 0, 0, residualAt, 4 * O, 0);
    },
    result,
    { aside: true, expected },
  );
  await step(
    '7b bias and residual on the blocks of C',
    () => runLinear({ ...bare, bias: biasAt, residual: residualAt }, machine, 0, 1),
    result,
    { aside: true, expected },
  );
}

/**
 * What the contract's blocks cost: other blocks give other bits, and so are compared with a definition of their own.
 */
async function blockSteps(): Promise<string[][]> {
  const { MR } = TILE;
  const c = room(M * O);
  const table: string[][] = [];
  for (const block of [64, 128, 256, 512]) {
    const [a, b] = [panels(x.data, M, MR, block, false), panels(weight.data, O, NR, block, true)];
    const run = (): void => {
      for (let j = 0; j < O / NR; j += 16) {
        for (let k = 0; k < K; k += block)
          gemmBlock(machine, 4, {
            MR,
            a: a + 4 * k * M,
            M,
            b: b + 4 * k * O + 4 * j * NR * block,
            panels: 16,
            c: c + 4 * NR * j,
            ldc: 4 * O,
            kc: block,
            first: k === 0,
          });
      }
    };
    run();
    for (const m of [0, 100, M - 1]) {
      equal(
        `blocks of ${block}`,
        machine.f32.subarray(c / 4 + m * O),
        block === BLOCK ? reference.subarray(m * O, (m + 1) * O) : withBlocks(block, m),
      );
    }
    table.push([`${block} k in a block`, (WORK / (await fastestOf(run)) / 1e6).toFixed(1)]);
  }
  return table;
}

/** A product of other extents, packed. */
function otherProduct(
  rowCount: number,
  depth: number,
  columns: number,
): { bare: LinearStep; dot: (m: number, o: number) => number } {
  const { MR } = TILE;
  const [left, right] = [numbers(rowCount, depth).data, numbers(columns, depth).data];
  const [a, b, y] = [room(left.length), room(right.length), room(rowCount * columns)];
  packRows(
    machine,
    { from: place(left), vectorStride: 4 * depth, kStride: 4, vectors: rowCount, K: depth, bytes: 4 },
    MR,
    a,
    0,
    Math.ceil(rowCount / MR),
  );
  packColumns(
    machine,
    { from: place(right), vectorStride: 4 * depth, kStride: 4, vectors: columns, K: depth, bytes: 4 },
    b,
    0,
    columns / NR,
  );
  const bare: LinearStep = {
    kind: 'linear',
    MR,
    M: rowCount,
    K: depth,
    O: columns,
    a,
    b,
    bColumns: columns,
    firstPanel: 0,
    form: 'f32',
    widened: 0,
    bias: 0,
    activation: 0,
    residual: 0,
    residualStride: 4 * columns,
    y,
    yStride: 4 * columns,
    tables: 0,
  };
  return { bare, dot: (m, o) => dot32(left, m * depth, right, o * depth, depth) };
}

async function beside(
  label: string,
  { M: rowCount, K: depth, O: columns, y }: LinearStep,
  run: () => void,
  sample: number,
  expected: (m: number, o: number) => number,
): Promise<string[]> {
  machine.f32.fill(NaN, y / 4, y / 4 + rowCount * columns);
  run();
  for (let m = 0; m < rowCount; m += sample) {
    equal(
      label,
      machine.f32.subarray(y / 4 + m * columns),
      Float32Array.from({ length: columns }, (_, o) => expected(m, o)),
    );
  }
  return [label, ((2 * rowCount * depth * columns) / (await fastestOf(run)) / 1e6).toFixed(1)];
}

/**
 * Step 6 where C does not fit the second-level cache: the MLP's first product, C of 4.2 MB. Every 16th row is compared.
 */
async function wideC(): Promise<string[][]> {
  const { bare, dot } = otherProduct(M, K, 4 * O);
  const whole = (): void => {
    gemmPacked(machine, 4, { ...bare, panels: bare.O / NR, c: bare.y, ldc: bare.yStride });
  };
  return [
    await beside('4096 columns, all of C in each block of k', bare, whole, 16, dot),
    await beside('4096 columns, C in blocks (runLinear)', bare, () => runLinear(bare, machine, 0, 1), 16, dot),
  ];
}

/** Step 7 where it counts: sums of 64, so that C (3.2 MB) is most of the traffic, as in the first layers of RN50. */
async function shortSums(): Promise<string[][]> {
  const { bare, dot } = otherProduct(3136, 64, 256);
  const [shift, rest] = [numbers(bare.O).data, numbers(bare.M, bare.O).data];
  const fused = { ...bare, bias: place(shift), residual: place(rest) };
  const expected = (m: number, o: number): number =>
    Math.fround(Math.fround(dot(m, o) + shift[o]) + rest[m * bare.O + o]);
  const separate = (): void => {
    runLinear(bare, machine, 0, 1);
    const C = { c: bare.y, ldc: bare.yStride, rows: bare.M, columns: bare.O, activation: 0, tables: 0 } as const;
    linearEpilogue(machine.kernels, { ...C, bias: fused.bias, residual: 0, ldr: 0 });
    linearEpilogue(machine.kernels, { ...C, bias: 0, residual: fused.residual, ldr: bare.yStride });
  };
  return [
    await beside('sums of 64, bias and residual in passes of their own', bare, separate, 1, expected),
    await beside(
      'sums of 64, bias and residual on the blocks of C',
      bare,
      () => runLinear(fused, machine, 0, 1),
      1,
      expected,
    ),
  ];
}

async function threadSteps(): Promise<void> {
  for (const threads of [1, 2]) {
    const executor = createExecutor({ executor: 'simd', threads });
    const weights = await executor.readWeights(sourceOf(one.weights), one.uses);
    let y: Float32Array = new Float32Array(0);
    await step(
      `8  the executor, ${threads} thread${threads > 1 ? 's' : ''}, packing and copying included`,
      async () => {
        y = (await executor.run([x], ([input], ops) => one.compute(ops, input, weights), { key: 'tour' }))
          .data as Float32Array;
      },
      () => y,
    );
    await executor.close();
  }
}

process.stdout.write(
  `${describeEnvironment(environment(process.versions.node))}\n(${M},${K}) x (${K},${O}), one core but for the ` +
    `last step; a multiplication and an addition count as two\n`,
);
const peak = ceilingHere() / 1e9;
await plainSteps();
await unpackedSteps();
await packedSteps();
await realSteps();
await threadSteps();
const others = [...(await blockSteps()), ...(await wideC()), ...(await shortSums())];
const style = { head: [], border: [], compact: true };
const main = new Table({ head: ['step', 'ms', 'GFLOP/s', 'gain', 'times step 1'], style });
main.push(...rows);
const second = new Table({ head: ['beside the way', 'GFLOP/s'], style });
second.push(...others);
process.stdout.write(
  `${main.toString()}\nSteps 5, 6a and 7 are variants: their gain, and that of the step after them, is over ` +
    `the last step that is none.\n` +
    `${second.toString()}\nCeiling of a loop that touches no memory (bench/ceiling.ts): ${peak.toFixed(1)} GFLOP/s\n`,
);
