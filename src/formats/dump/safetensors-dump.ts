// A dump in one safetensors file. Its header is checked by the reader of checkpoints; a tensor is read when it is asked
// for.

import { readSafetensors } from '../safetensors.ts';
import { sizeOf } from '../../ops/tensor.ts';
import type { Dump } from './dump.ts';
import type { DumpFile } from './dump-file.ts';
import { checkFloat, decode, floatBytes } from '../elements.ts';
import { missingTensor } from './missing.ts';

/** @throws Error in one sentence if the header breaks any rule of the format */
export async function safetensorsDump(file: DumpFile): Promise<Dump> {
  const { tensors, metadata } = await readSafetensors(file);
  return {
    path: file.name,
    format: 'safetensors',
    metadata,
    tensors,
    read(name) {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw missingTensor(file.name, name, tensors.keys());
      const dtype = checkFloat(tensor.dtype, `"${file.name}": "${name}"`);
      return {
        shape: tensor.shape,
        data: decode(file.bytes(tensor.position, sizeOf(tensor.shape) * floatBytes(dtype)), dtype),
      };
    },
    close: () => file.close(),
  };
}
