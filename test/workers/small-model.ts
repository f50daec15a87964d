// A small shared memory with programs in it: what the executor makes of a real network, reduced to the tests' steps
// (steps.mjs).

import { compile } from '../../src/wasm/machine.ts';
import { FunctionBuilder, get, i32 } from '../../src/wasm/assembler.ts';
import type { Program, SharedModel } from '../../workers/job.ts';

const STEPS = new URL('./steps.mjs', import.meta.url).href;

/** increment(address): i32[address] += 1 */
function incrementKernel(): FunctionBuilder {
  const kernel = new FunctionBuilder('increment');
  const address = kernel.param('i32');
  kernel.emit(i32.store(get(address), i32.add(i32.load(get(address)), i32.const(1))));
  return kernel;
}

let compiled: WebAssembly.Module | undefined;

export class SmallModel implements SharedModel {
  readonly module = (compiled ??= compile([incrementKernel()], true));
  readonly memory = new WebAssembly.Memory({ initial: 4, maximum: 65536, shared: true });
  readonly steps = STEPS;
  #next = 1024;
  #programs = 0;

  get words(): Int32Array {
    return new Int32Array(this.memory.buffer);
  }

  allocate(bytes: number): number {
    const address = this.#next;
    this.#next += Math.ceil(bytes / 64) * 64;
    const missing = Math.ceil((this.#next - this.memory.buffer.byteLength) / 65536);
    if (missing > 0) this.memory.grow(missing);
    return address;
  }

  program(steps: readonly object[]): Program {
    const text = new TextEncoder().encode(JSON.stringify(steps));
    const address = this.allocate(text.length);
    new Uint8Array(this.memory.buffer).set(text, address);
    this.#programs += 1;
    return { id: this.#programs, address, byteLength: text.length };
  }
}

/** A computation over many barriers, with its right answer by plain loops on one thread. */
export class Mixing {
  readonly program: Program;
  readonly expected: Int32Array;
  readonly #model: SmallModel;
  readonly #input: Int32Array;
  readonly #buffers: [number, number];
  readonly #rounds: number;

  constructor(
    model: SmallModel,
    {
      count,
      rounds,
      seed = 1,
      delays = 0,
      extra = [],
    }: { count: number; rounds: number; seed?: number; delays?: number; extra?: object[] },
  ) {
    this.#model = model;
    this.#rounds = rounds;
    this.#buffers = [model.allocate(4 * count), model.allocate(4 * count)];
    this.#input = Int32Array.from({ length: count }, (_, i) => Math.imul(i + seed, 0x85ebca6b));
    const steps = Array.from({ length: rounds }, (_, round) => ({
      kind: 'mix',
      from: this.#buffers[round % 2],
      to: this.#buffers[(round + 1) % 2],
      count,
      salt: round,
      delays,
    }));
    this.program = model.program([...steps.slice(0, rounds >> 1), ...extra, ...steps.slice(rounds >> 1)]);
    let values = this.#input;
    for (let round = 0; round < rounds; round += 1) {
      const before = values;
      values = before.map(
        (a, i) => Math.imul(a ^ (before[(i * 7 + 1) % count] >>> 3) ^ (before[count - 1 - i] << 5), 0x9e3779b1) + round,
      );
    }
    this.expected = values;
  }

  /** To be called before each run. */
  reset(): this {
    this.#model.words.set(this.#input, this.#buffers[0] / 4);
    this.#model.words.fill(0, this.#buffers[1] / 4, this.#buffers[1] / 4 + this.expected.length);
    return this;
  }

  get result(): Int32Array {
    const at = this.#buffers[this.#rounds % 2] / 4;
    return this.#model.words.slice(at, at + this.expected.length);
  }
}
