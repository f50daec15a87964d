// What every weight file looks like once it is open, whatever its format: names, shapes, and a way to read one tensor
// straight into the caller's memory. Nothing is read before it is needed, so a 1.2 GB model is never in memory twice.

import type { Configuration } from './config.ts';
import type { TensorInfo } from '../../formats/element-types.ts';

export interface Checkpoint {
  /** Where it comes from, for messages and output: a path, or `synthetic:0`. */
  readonly origin: string;
  /**
   * The format in words, for `inspect`: 'safetensors', 'TorchScript archive', 'PyTorch zip', 'PyTorch legacy',
   * 'synthetic'.
   */
  readonly format: string;
  /**
   * The key layout that was found: 'OpenAI', 'open_clip', 'Hugging Face' (and what was wrapped around it, such as
   * `state_dict` or `module.`).
   */
  readonly layout: string;
  /** String metadata that the file carries (safetensors `__metadata__`). */
  readonly metadata: Readonly<Record<string, string>>;
  /** Why the text tower in the file cannot be used, in a sentence; absent if it can, or if there is none. */
  readonly refusedText?: string;
  /** What the files beside the weights say. */
  readonly configuration?: Configuration;
  /** Tensors under OpenAI's state-dict names, in the file's order. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * Reads one tensor in row-major order, widened to float32 (exact for F16, BF16; F64 is rounded once).
   * @param into as many elements as the tensor has; may lie in shared memory
   * @throws Error if the file ends early or has changed since it was opened
   */
  read(name: string, into: Float32Array): Promise<void>;
  /** Closes the file. Reading afterwards is an error. */
  close(): Promise<void>;
}
