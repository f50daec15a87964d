// What a dump is, read or written, in any format: the outputs of a network's layers by name.

import type { Values } from '../values.ts';

/** An opened dump: tensors by name, read when asked for. */
export interface Dump {
  /** The path it was opened from. */
  readonly path: string;
  /** 'safetensors', 'npz' or 'npy folder'. */
  readonly format: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** In the file's order. dtype as stored ('F16', 'BF16', 'F32', 'F64'). */
  readonly tensors: ReadonlyMap<string, { readonly dtype: string; readonly shape: readonly number[] }>;
  /**
   * Reads one tensor, widened exactly: halves to float32, F64 as float64. Synchronous, because layers are and a tap
   * sits among them.
   * @throws Error that names the tensor if the file ends early or changed
   */
  read(name: string): Values;
  close(): Promise<void>;
}

/** A dump that is being written; `writeDump` (write.ts) begins one. */
export interface DumpWriter {
  /**
   * Writes one tensor: Float32Array as float32, Float64Array as float64. Synchronous, because taps are.
   * @throws RangeError for a name that was written before or cannot be one, or data of another size than its shape;
   *   Error if it cannot be written
   */
  add(name: string, values: Values): void;
  /** Completes the dump and gives it its name. */
  finish(metadata?: Readonly<Record<string, string>>): Promise<void>;
  /** Leaves nothing behind. All is done when the call returns its promise, so that a handler of signals can use it. */
  discard(): Promise<void>;
}
