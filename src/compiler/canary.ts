// Before a thread computes, it proves on a few numbers that its kernels keep the rules that the contract rests on.
// 32-bit ARM flushes subnormals in SIMD, and native add-ons built with fast-math switch a thread to flush-to-zero: both
// report no error.

import { dot32, dot64 } from '../ops/dot-products.ts';
import { NR } from '../ops/dot-products.simd.ts';
import { expCore } from '../ops/exp-core.ts';
import { instantiate, MAXIMUM_PAGES, type Machine } from '../wasm/machine.ts';
import type { Width } from '../wasm/mode.ts';
import { packColumns, packRows } from '../ops/packing.simd.ts';
import { gemmPacked } from '../ops/product.simd.ts';
import { writeTables } from '../ops/tables.simd.ts';

/**
 * Proves compiled kernels on the calling thread, in a small memory of their own.
 * @param shared whether they were compiled for shared memory
 * @throws Error that says which rule is broken
 */
export function checkKernels(module: WebAssembly.Module, shared: boolean): void {
  const machine = instantiate(module, new WebAssembly.Memory({ initial: 2, maximum: MAXIMUM_PAGES, shared }));
  writeTables(machine, TABLES);
  checkMachine(machine, 65536, TABLES);
}

const TABLES = 1024;

/** @param at half a page that nothing else uses */
export function checkMachine(machine: Pick<Machine, 'kernels' | 'f32' | 'f64'>, at: number, tables: number): void {
  const { kernels, f32 } = machine;
  const x = at / 4;
  const refuse = (rule: string): never => {
    throw new Error(
      `this thread's SIMD ${rule}, so its results would not be the contract's; take executor reference, and ` +
        'look for native add-ons built with fast-math',
    );
  };
  // [0] the host's numbers lie as WebAssembly's do: its memory is little-endian, views of it are in the processor's
  // order
  f32[x] = 1;
  if (new DataView(f32.buffer, f32.byteOffset + at, 4).getFloat32(0, true) !== 1) {
    throw new Error(
      "this processor is big-endian, and WebAssembly's memory is not: numbers would be read backwards; take " +
        'executor reference',
    );
  }
  // [1] subnormal results are kept, and products round to even
  f32.set([1.1754943508222875e-38, 4.203895392974451e-45, 1, 0], x); // 2^-126, 3·2^-149
  kernels.scale(at, at + 16, 4, 0.5);
  if (f32[x + 4] !== 5.877471754111438e-39 || f32[x + 5] !== 2.802596928649634e-45)
    refuse('flushes subnormal numbers to zero or does not round to even');
  // [2] a product is rounded before it is added: (1 + 2^-12)² - (1 + 2^-11) is 0 then, and 2^-24 where the two are
  // fused
  const K = 300;
  const [rows, columns, a, b, c] = [at, at + 4 * K, at + 8 * K, at + 12 * K, at + 12 * K + 4 * NR * K];
  f32.fill(0, x, x + 2 * K);
  f32.set([1, 1 + 1 / 4096], rows / 4);
  f32.set([-(1 + 1 / 2048), 1 + 1 / 4096], columns / 4);
  const product = (): number => {
    multiply(machine, 4, K, { rows, columns, a, b, c });
    return f32[c / 4];
  };
  if (product() !== 0) refuse('fuses multiplications with additions');
  // [3] a dot product of 300 terms, and some exponentials, have the plain path's bits
  for (let k = 0; k < K; k++) {
    f32[rows / 4 + k] = Math.fround(((k * 7919) % 1009) / 331 - 1.5);
    f32[columns / 4 + k] = Math.fround(((k * 104729) % 997) / 313 - 1.6);
  }
  if (!Object.is(product(), dot32(f32.slice(rows / 4, rows / 4 + K), 0, f32.slice(columns / 4, columns / 4 + K), 0, K)))
    refuse('does not sum as the plain path does');
  kernels.exp_4(rows, a, K, tables);
  for (let k = 0; k < K; k++)
    if (f32[a / 4 + k] !== Math.fround(expCore(f32[rows / 4 + k])))
      refuse('does not compute the exponential as the plain path does');
  // [4] and in float64
  const [rows64, columns64, a64, b64, c64] = [at, at + 8 * K, at + 16 * K, at + 24 * K, at + 24 * K + 8 * NR * K];
  const { f64 } = machine;
  for (let k = 0; k < K; k++) {
    f64[rows64 / 8 + k] = ((k * 7919) % 1009) / 331 - 1.5;
    f64[columns64 / 8 + k] = ((k * 104729) % 997) / 313 - 1.6;
  }
  multiply(machine, 8, K, { rows: rows64, columns: columns64, a: a64, b: b64, c: c64 });
  if (!Object.is(f64[c64 / 8], dot64(f64, rows64 / 8, f64, columns64 / 8, K)))
    refuse('does not sum in float64 as the plain path does');
}

/** A product of one row by one column of K elements, by the same kernels as a real one; the result is at c. */
function multiply(
  machine: Pick<Machine, 'kernels'>,
  bytes: Width,
  K: number,
  { rows, columns, a, b, c }: { rows: number; columns: number; a: number; b: number; c: number },
): void {
  const vector = { vectorStride: bytes * K, kStride: bytes, vectors: 1, K, bytes };
  packRows(machine, { from: rows, ...vector }, 1, a, 0, 1);
  packColumns(machine, { from: columns, ...vector }, b, 0, 1);
  gemmPacked(machine, bytes, { MR: 1, a, M: 1, K, b, panels: 1, c, ldc: bytes * NR });
}
