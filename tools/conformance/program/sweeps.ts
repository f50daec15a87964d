// The contract's functions over every K-th of the 2^32 binary32 patterns, a hash for each 2^20 results, so that a
// failure names its range.

import ndarray from 'ndarray';
import { TILE } from '../../../src/ops/tiles.simd.ts';
import { erf, exp, gelu, quickGelu, sigmoid } from '../../../src/ops/index.ts';
import { compile, instantiate } from '../../../src/wasm/machine.ts';
import { kernels, runStep } from '../../../src/compiler/steps.ts';
import { TABLES_BYTES, writeTables } from '../../../src/ops/tables.simd.ts';
import type { Tensor } from '../../../src/ops/tensor.ts';
import { fnv1a, Fold, type Folded } from './hash.ts';

const PLAIN = { exp, sigmoid, quickGelu, erf, gelu } as const;

export type FunctionName = keyof typeof PLAIN;
export const FUNCTIONS = Object.keys(PLAIN) as FunctionName[];

/** Results to a hash. */
const CHUNK = 1 << 20;
/** Patterns computed at a time. */
const PIECE = 1 << 16;
const PATTERNS = 4294967296;

export type Compute = (x: Float32Array) => Float32Array;

export const plainly =
  (name: FunctionName): Compute =>
  (x) =>
    (PLAIN[name](ndarray(x, [x.length])) as Tensor<Float32Array>).data;

/** The same by the SIMD kernels, on this thread. */
export function bySimd(): (name: FunctionName) => Compute {
  const tables = 1024;
  const x = (tables + TABLES_BYTES + 63) & ~63;
  const y = x + 4 * PIECE;
  const pages = Math.ceil((y + 4 * PIECE) / 65536);
  const machine = instantiate(
    compile(kernels(TILE), false),
    new WebAssembly.Memory({ initial: pages, maximum: pages }),
  );
  writeTables(machine, tables);
  return (name) => (values) => {
    // Through words: storing a NaN as a float may change its bits.
    new Uint32Array(machine.memory.buffer, x, values.length).set(
      new Uint32Array(values.buffer, values.byteOffset, values.length),
    );
    runStep({ kind: name, x, y, count: values.length, tables }, machine, 0, 1);
    return machine.f32.slice(y / 4, y / 4 + values.length);
  };
}

export interface Sweep extends Folded {
  /** FNV-1a of all words, to compare with what other implementations of the functions gave. */
  readonly fnv: string;
}

/** Computes a function of the patterns 0, step, 2·step, … */
export function sweep(compute: Compute, step: number): Sweep {
  const count = Math.ceil(PATTERNS / step);
  const words = new Uint32Array(PIECE);
  const results = new Float32Array(CHUNK);
  const fold = new Fold();
  let fnv: number | undefined;
  for (let start = 0; start < count; start += CHUNK) {
    const size = Math.min(CHUNK, count - start);
    for (let piece = 0; piece < size; piece += PIECE) {
      const n = Math.min(PIECE, size - piece);
      for (let i = 0; i < n; i++) words[i] = (start + piece + i) * step;
      results.set(compute(new Float32Array(words.buffer, 0, n)), piece);
    }
    const done = results.subarray(0, size);
    fold.add(rangeOf(start, size, step), [size], done);
    fnv = fnv1a(new Uint32Array(results.buffer, 0, size), fnv);
  }
  return { ...fold.done(), fnv: fnv!.toString(16).padStart(8, '0') };
}

/** The patterns of a chunk, in words. */
function rangeOf(start: number, size: number, step: number): string {
  const pattern = (i: number): string => (i * step).toString(16).padStart(8, '0');
  return `${pattern(start)}-${pattern(start + size - 1)}`;
}
