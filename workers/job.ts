// Messages between callers, the pool and its threads.

/**
 * The shared memory of a model and the kernels that work on it. Given once, when the model takes its lease of a gang.
 */
export interface SharedModel {
  /** The kernels, compiled over a shared memory (src/wasm/machine.ts). */
  readonly module: WebAssembly.Module;
  /** Weights, activations and programs. It may grow between runs. */
  readonly memory: WebAssembly.Memory;
  /** URL of an ES module that exports `runStep`. Default: the operations of src/compiler/steps.ts. */
  readonly steps?: string;
}

/**
 * A program to run: a list of steps as text (src/compiler/program-text.ts) in the model's memory, written by
 * the caller, which keeps it there unchanged while the id is in use.
 */
export interface Program {
  /**
   * Unique within its model and never given to another text: threads parse a text once and then know it by this number.
   */
  readonly id: number;
  /** Where the text begins, in bytes. */
  readonly address: number;
  /** Length of the text in bytes. */
  readonly byteLength: number;
}

export interface JobOptions {
  /** Cancels: a waiting run at once, a running one at its next step. */
  readonly signal?: AbortSignal;
}

/** A task of one thread: its part of one program, or, without a model, only to drop what is not live. */
export interface Task {
  readonly part: number;
  readonly parts: number;
  /** Words of this run's barrier (see barrier.ts). */
  readonly words: Int32Array<SharedArrayBuffer>;
  /** Number of looks at the barrier before sleeping. */
  readonly spin: number;
  /** Numbers of the models that still exist. Threads drop what they know of others. */
  readonly live: readonly number[];
  readonly model?: SharedModel & { readonly id: number };
  /** Absent: only instantiate the kernels. */
  readonly program?: Program;
}

/** How a part ended. Failures are plain data: not everything that can be thrown can be sent between threads. */
export type Outcome =
  | { readonly kind: 'done' }
  /** Left at a barrier because the abort flag was set. */
  | { readonly kind: 'released' }
  | { readonly kind: 'failed'; readonly name: string; readonly message: string; readonly stack?: string };

/** The first message to a browser's worker, which answers 'ready'. */
export interface Hello {
  /** The name of the lock to hold, or null. */
  readonly lock: string | null;
}
