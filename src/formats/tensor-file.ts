// What a format reader hands on: tensors under the names of the file, before anyone knows whose layout it is.

import type { StoredTensor } from './stored-tensor.ts';

export interface TensorFile {
  readonly origin: string;
  /** 'safetensors', 'TorchScript archive', 'PyTorch zip', 'PyTorch legacy' */
  readonly format: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** By the file's own names; nested dictionaries are joined with dots (`state_dict.module.visual.proj`). */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  close(): Promise<void>;
}
