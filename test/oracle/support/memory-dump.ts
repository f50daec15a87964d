// Dumps without a file: what verify is given, and nothing of the readers under test.

import type { Dump, Values } from '../../../src/oracle/types.ts';
import type { Tensor } from '../../../src/ops/tensor.ts';
import { elements } from '../../support/bits.ts';
import { readGolden } from '../../support/golden.ts';

export function memoryDump(tensors: Readonly<Record<string, Values>>, path = 'memory.safetensors', metadata: Record<string, string> = {}): Dump {
  const dtype = ({ data }: Values): string => data instanceof Float32Array ? 'F32' : 'F64';
  return {
    path,
    format: 'safetensors',
    metadata,
    tensors: new Map(Object.entries(tensors).map(([name, values]) => [name, { dtype: dtype(values), shape: values.shape }])),
    read: (name) => ({ shape: [...tensors[name].shape], data: tensors[name].data.slice() }),
    close: async () => undefined,
  };
}

export const values = (x: Tensor): Values => ({ shape: [...x.shape], data: elements(x) });

/** PyTorch's float64 trace of a tiny model (fixtures/tiny), rounded to float32: as good as a backend can be. `image` is its input. */
export function goldenTrace(name: 'tiny-rn' | 'tiny-vit'): Record<string, Values> {
  const golden = readGolden(`fixtures/tiny/${name}.trace.safetensors`);
  const trace: Record<string, Values> = { image: values(golden.tensor('input/image')) };
  for (const key of golden.names.filter((one) => one.startsWith('f64/visual'))) {
    const { shape, data } = values(golden.tensor(key));
    trace[key.slice(4)] = { shape, data: Float32Array.from(data) };
  }
  return trace;
}
