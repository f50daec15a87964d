// What the reader of a format returns: tensors under the names of the file, whatever model they belong to.

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
