// The machine that the SIMD kernels run on: one WebAssembly memory, shared by all threads of a model, and the kernels
// instantiated over it.
//
// Addresses are byte offsets into that memory. A step (one operation of a recorded network, see steps.ts) names its
// operands by address and is computed by `parts` threads together: each calls the step's run function with its own
// `part` and computes only its share of the output.

import { assemble, type FunctionBuilder } from './assembler.ts';

/** The kernels by name; all take and give integers (addresses, counts) or floats. */
export type Kernels = Readonly<Record<string, (...args: number[]) => number>>;

export interface Machine {
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  /** Views over the whole memory, made anew after it has grown. */
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly i32: Int32Array;
  readonly u16: Uint16Array;
}

/** Pages of 64 KiB: 4 GiB, the most that a 32-bit memory can have. */
export const MAXIMUM_PAGES = 65536;

/** Assembles and compiles kernels into a module that imports its memory, shared or not. */
export function compile(functions: readonly FunctionBuilder[], shared: boolean): WebAssembly.Module {
  return new WebAssembly.Module(assemble(functions, { shared, minimum: 1, maximum: MAXIMUM_PAGES }));
}

/** Instantiates the kernels over a memory. Each thread has an instance of its own over the same memory. */
export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Machine {
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels;
  let views = viewsOf(memory.buffer);
  const current = (): typeof views => {
    if (views.f32.buffer !== memory.buffer) views = viewsOf(memory.buffer);
    return views;
  };
  return {
    memory, kernels,
    get f32() { return current().f32; },
    get f64() { return current().f64; },
    get i32() { return current().i32; },
    get u16() { return current().u16; },
  };
}

function viewsOf(buffer: ArrayBufferLike) {
  return { f32: new Float32Array(buffer), f64: new Float64Array(buffer), i32: new Int32Array(buffer),
    u16: new Uint16Array(buffer) };
}

/** This part's share of `count` items in runs of `grain`: [begin, end). Shares differ by at most one grain. */
export function share(count: number, grain: number, part: number, parts: number): [number, number] {
  const grains = Math.ceil(count / grain);
  return [Math.min(count, Math.floor((grains * part) / parts) * grain),
    Math.min(count, Math.floor((grains * (part + 1)) / parts) * grain)];
}
