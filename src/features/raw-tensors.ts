// All tensors of a small safetensors file, each in its own precision (the weights' reader widens everything to
// float32).

import { openTensorFile } from '../formats/open.ts';
import { readStored, type StoredTensor } from '../formats/stored-tensor.ts';
import { type FloatArray, sizeOf } from '../ops/tensor.ts';

/** One tensor of a safetensors file: float64 elements stay so, others become float32. */
export async function readRawTensor(tensor: StoredTensor): Promise<FloatArray> {
  const count = sizeOf(tensor.shape);
  if (tensor.dtype !== 'F64') {
    const data = new Float32Array(count);
    await readStored(tensor, data, 0);
    return data;
  }
  const bytes = new Uint8Array(8 * count); // safetensors: row-major, little endian
  await tensor.source.read(bytes, tensor.position);
  const view = new DataView(bytes.buffer);
  return Float64Array.from({ length: count }, (_, i) => view.getFloat64(8 * i, true));
}

export async function readRawTensors(
  path: string,
): Promise<Map<string, { shape: readonly number[]; data: FloatArray }>> {
  const raw = await openTensorFile(path);
  try {
    const tensors = new Map<string, { shape: readonly number[]; data: FloatArray }>();
    for (const [name, tensor] of raw.tensors)
      tensors.set(name, { shape: tensor.shape, data: await readRawTensor(tensor) });
    return tensors;
  } finally {
    await raw.close();
  }
}
