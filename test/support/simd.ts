// A bench for SIMD steps: operands are laid into a memory full of canaries, a step is computed part by part, and then
// every word of the memory must be what it was, but for the output, whose words must be the expected ones.

import { kernels, runStep, type Step } from '../../src/compiler/steps.ts';
import { TILE } from '../../src/ops/tiles.simd.ts';
import { compile, instantiate, type Kernels, type Machine } from '../../src/wasm/machine.ts';
import { TABLES_BYTES, writeTables } from '../../src/ops/tables.simd.ts';
import { withBits } from './bits.ts';

type Numbers = Float32Array | Float64Array | Int32Array;

const TABLES = 256;
const START = (TABLES + TABLES_BYTES + 63) & ~63;
const PAGES = 64;
/** A signalling NaN: what is read of it poisons every sum. */
const CANARY = 0x7fa5a5a5;

/** How the expected elements lie in memory: `rows` rows of `width`, `stride` bytes apart. */
export interface Output {
  address: number;
  rows: number;
  width: number;
  stride?: number;
}

export class Bench {
  readonly machine: Machine;
  readonly tables = TABLES;
  readonly #words: Uint32Array;
  #used = START;

  constructor(shared = true) {
    const memory = new WebAssembly.Memory({ initial: PAGES, maximum: 65536, shared });
    this.machine = instantiate(compile(kernels(TILE), shared), memory);
    this.#words = new Uint32Array(memory.buffer);
    this.reset();
  }

  reset(): void {
    this.#words.fill(CANARY);
    writeTables(this.machine, TABLES);
    this.#used = START;
  }

  /**
   * Room for `words` 32-bit words, at a multiple of 16 bytes and then `after` words more, canaries before and behind.
   */
  room(words: number, after = 0): number {
    const address = this.#used + 64 + 4 * after;
    this.#used = (address + 4 * words + 64 + 15) & ~15;
    if (this.#used > this.#words.byteLength) throw new Error('the bench is full');
    return address;
  }

  place(values: Numbers, after = 0): number {
    const address = this.room((values.length * values.BYTES_PER_ELEMENT) / 4, after);
    new Uint8Array(this.machine.memory.buffer).set(
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      address,
    );
    return address;
  }

  /** Rows `stride` bytes apart, canaries between. */
  placeRows(values: Float32Array, width: number, stride: number, after = 0): number {
    const rows = width === 0 ? 0 : values.length / width;
    const address = this.room((rows * stride) / 4, after);
    for (let r = 0; r < rows; r++)
      this.machine.f32.set(values.subarray(r * width, (r + 1) * width), address / 4 + (r * stride) / 4);
    return address;
  }

  /** Runs the step in `parts` parts, one after the other. */
  run(step: Step, parts: number, machine = this.machine): void {
    for (let part = 0; part < parts; part++) runStep(step, machine, part, parts);
  }

  /** Throws unless `compute` changes the output to the expected elements and nothing else. */
  expect(compute: () => void, output: Output, expected: ArrayLike<number>): void {
    const words = this.#words.subarray(0, this.#used / 4);
    const wanted = words.slice();
    const wantedFloats = new Float32Array(wanted.buffer);
    const { address, rows, width, stride = 4 * width } = output;
    if (expected.length !== rows * width)
      throw new Error(`the test expects ${expected.length} elements in ${rows} x ${width}`);
    const inOutput = new Uint8Array(words.length);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < width; c++) {
        const word = (address + r * stride) / 4 + c;
        wantedFloats[word] = expected[r * width + c];
        inOutput[word] = 1;
      }
    }
    compute();
    const floats = new Float32Array(words.buffer, 0, words.length);
    for (let i = 0; i < words.length; i++) {
      if (words[i] === wanted[i] || (inOutput[i] === 1 && Number.isNaN(floats[i]) && Number.isNaN(wantedFloats[i])))
        continue;
      const where =
        inOutput[i] === 1
          ? `output at byte ${4 * i - address}`
          : `outside of the output, ${4 * i - address} bytes from its start`;
      throw new Error(`${where}: expected ${withBits(wantedFloats[i], floats)}, got ${withBits(floats[i], floats)}`);
    }
  }

  /** The same machine with a kernel that calls `fault` in its place. */
  withFault(name: string, fault: (right: Kernels[string], args: number[], machine: Machine) => void): Machine {
    const { machine } = this;
    const right = machine.kernels[name];
    const wrong = (...args: number[]): number => {
      fault(right, args, machine);
      return 0;
    };
    return {
      memory: machine.memory,
      kernels: { ...machine.kernels, [name]: wrong },
      get f32() {
        return machine.f32;
      },
      get f64() {
        return machine.f64;
      },
      get i32() {
        return machine.i32;
      },
      get u16() {
        return machine.u16;
      },
    };
  }
}

/** One bench over shared memory and one over memory of its own. */
export const BENCHES: readonly [string, () => Bench][] = (() => {
  const made = new Map<boolean, Bench>();
  const bench = (shared: boolean) => (): Bench => {
    let known = made.get(shared);
    if (known === undefined) made.set(shared, (known = new Bench(shared)));
    known.reset();
    return known;
  };
  return [
    ['shared memory', bench(true)],
    ['unshared memory', bench(false)],
  ];
})();

export const PARTS = [1, 2, 3, 7];
