// The public operator vectors, one JSON object a line: shared/README.md names their sources.

import { readFileSync } from 'node:fs';
import ndarray from 'ndarray';
import type { Tensor } from '../../../src/ops/index.ts';

export interface Vector {
  name: string;
  op: string;
  attributes: Record<string, unknown>;
  inputs: Tensor[];
  inputNames: string[];
  outputs: Tensor[];
  outputNames: string[];
  tolerance: { metric: 'ULP' | 'ULP_f64' | 'ATOL' | 'rtol_atol'; value?: number; rtol?: number; atol?: number };
}

interface StoredTensor {
  name: string;
  dtype: 'float32' | 'float64' | 'int64';
  shape: number[];
  data_base64_le: string;
}

function tensor({ name, dtype, shape, data_base64_le }: StoredTensor): Tensor {
  const bytes = Buffer.from(data_base64_le, 'base64');
  const size = shape.reduce((a, b) => a * b, 1);
  const data = dtype === 'float32' ? new Float32Array(size) : new Float64Array(size);
  const width = dtype === 'float32' ? 4 : 8;
  if (bytes.length !== size * width)
    throw new Error(`${name}: expected ${size * width} bytes of ${dtype}, got ${bytes.length}`);
  for (let i = 0; i < size; i++) {
    data[i] =
      dtype === 'float32'
        ? bytes.readFloatLE(i * 4)
        : dtype === 'float64'
          ? bytes.readDoubleLE(i * 8)
          : Number(bytes.readBigInt64LE(i * 8));
  }
  return ndarray(data, shape) as Tensor;
}

export function readVectors(file: string): Vector[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { inputs, outputs, ...rest } = JSON.parse(line) as Omit<Vector, 'inputs' | 'outputs'> & {
        inputs: StoredTensor[];
        outputs: StoredTensor[];
      };
      return {
        ...rest,
        inputs: inputs.map(tensor),
        inputNames: inputs.map((t) => t.name),
        outputs: outputs.map(tensor),
        outputNames: outputs.map((t) => t.name),
      };
    });
}
